#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Sweeps' tables and maps, and comparisons: of results that are made up.
# bats file_tags=beside

bats_require_minimum_version 1.5.0

load analysis
load results

# sweep NAME [OPTION=VALUE...]: made up, in $T/out/sweeps.
sweep() {
	ci/made-up-sweep.sh "$T/out/sweeps/$1" "${@:2}"
}

# field FILE COLUMN CELL CONTESTANT: of a table in CSV with two axes; CELL is "delay,pair".
field() {
	awk -F, -v column="$2" -v cell="$3" -v who="$4" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) at = i }
		$1 "," $2 == cell && $3 == who { print $at }' "$1"
}

# one_line TEXT: it is all that was said.
one_line() {
	[[ ${#lines[@]} -eq 1 && $output == *"$1"* ]] || { echo "$output"; return 1; }
}

@test "cells: means, ratios to the best path and aggregation benefits are those that the rows make" {
	sweep two delays=2 rates=3 noise=0 seeds=1-3
	"$ANALYSIS" cells --out "$T/out" --csv two >"$T/csv"
	[[ $(wc -l <"$T/csv") -eq 31 ]]
	# path 2 has 6 of 10 Mbit/s: the sum, and what mpip loses where delays differ
	about "$(field "$T/csv" goodput_mbit "1,10 + 1" mpip)" 16 1e-6
	about "$(field "$T/csv" ratio "1,10 + 1" mpip)" 1.6 1e-6
	about "$(field "$T/csv" benefit "1,10 + 1" mpip)" 1 1e-6
	about "$(field "$T/csv" ratio "2,10 + 1" mpip)" 0.7 1e-6
	about "$(field "$T/csv" benefit "2,10 + 1" mpip)" -0.3 1e-6
	about "$(field "$T/csv" ratio "2,10 + 1" mptcp)" 1.12 1e-6
	about "$(field "$T/csv" ratio "2,10 + 1" plain-2)" 0.6 1e-6
	[[ $(field "$T/csv" verdict "2,10 + 1" mpip) == below && $(field "$T/csv" verdict "1,10 + 1" mpip) == "at least 1" ]]
	[[ $(field "$T/csv" runs "2,10 + 1" mpip) == 3 && -z $(field "$T/csv" benefit "2,10 + 1" plain-1) ]]
	# the same of a measure of which lower is better, which has no sum over paths
	"$ANALYSIS" cells --out "$T/out" --csv --measure gap_ms two >"$T/gap"
	about "$(field "$T/gap" gap_ms "2,10 + 1" mpip)" 142.857 1e-6
	about "$(field "$T/gap" ratio "2,10 + 1" mpip)" 0.7 1e-5
	[[ -z $(field "$T/gap" benefit "2,10 + 1" mpip) ]]
	"$ANALYSIS" cells --out "$T/out" --json two >"$T/json"
	[[ $(json "$T/json" never_worse.below) == 3 && $(json "$T/json" ratio_to) == "the best path" ]]
}

@test "cells: the interval is Student's over the seeds' logarithms, and the best path each seed's" {
	sweep one delays=1 rates=1 noise=0 seeds=1-3
	# seeds of plain-1: 10, 20, 10; of plain-2: 20, 10, 10; of mpip: 22, 19, 9
	awk -v values="plain-1 10 20 10 plain-2 20 10 10 mpip 22 19 9" 'BEGIN { n = split(values, v, " ")
			for (i = 1; i < n; i += 4) for (s = 1; s <= 3; s++) new[v[i], s] = v[i + s] }
		{ match($0, /"contestant":"[^"]*/); who = substr($0, RSTART + 14, RLENGTH - 14)
			match($0, /"seed":[0-9]*/); seed = substr($0, RSTART + 7, RLENGTH - 7)
			if ((who, seed) in new) sub(/"goodput_mbit":[0-9.]*/, "\"goodput_mbit\":" new[who, seed]) }
		1' "$T/out/sweeps/one/rows.jsonl" >"$T/rows"
	mv "$T/rows" "$T/out/sweeps/one/rows.jsonl"
	"$ANALYSIS" cells --out "$T/out" --csv one >"$T/csv"
	# logarithms of 1.1, 0.95, 0.9: mean -0.02045, sd 0.10348; t with 2 degrees is 4.3027
	about "$(field "$T/csv" ratio "1,10 + 0" mpip)" 0.97976 1e-4
	about "$(field "$T/csv" "ratio low" "1,10 + 0" mpip)" 0.75770 1e-3
	about "$(field "$T/csv" "ratio high" "1,10 + 0" mpip)" 1.26690 1e-3
	[[ $(field "$T/csv" verdict "1,10 + 0" mpip) == undecided ]]
}

@test "cells: never worse names what is below, the worst first, and sums up" {
	sweep unequal
	run -0 "$ANALYSIS" cells --out "$T/out" unequal
	local worse
	worse=$(sed -n '/^Below 1/,/^never worse/p' <<<"$output")
	[[ $(grep -c '^mpip .*delay_2 = ' <<<"$worse") -eq 8 && $worse != *mptcp* && $worse != *plain* ]]
	[[ $(sed -n 2p <<<"$worse") =~ ^mpip\ +0\.4.*delay_2\ =\ 12,\ pair\ =\ 10\ \+\ 2$ ]]
	awk '/^mpip/ { if ($2 < last) exit 1; last = $2 }' <<<"$worse"
	[[ $worse == *"never worse: 40 at least 1 (40 with the whole interval), 8 below, 0 undecided" ]]
	# with one seed nothing is decided
	sweep single seeds=1-1
	run -0 "$ANALYSIS" cells --out "$T/out" single
	[[ $output == *"0 below, 8 undecided"* && $(grep -c ' undecided  delay' <<<"$output") -eq 8 ]]
}

@test "cells: without contestants on one path ratios are to plain, without plain there are none" {
	sweep one delays=2 rates=2 noise=0
	sed -i 's/"nics": { [^}]* }/"nics": null/' "$T/out/sweeps/one/sweep.json"
	run -0 "$ANALYSIS" cells --out "$T/out" one
	[[ $output == *"ratio to plain, above 1"* && $output != *benefit* ]]
	sed -i 's/"plain": true/"plain": false/' "$T/out/sweeps/one/sweep.json"
	run -0 "$ANALYSIS" cells --out "$T/out" one
	[[ $output == *"no ratios: there is no plain contestant"* && $output == *"never worse: cannot be told, there is no plain contestant"* ]]
	run -1 "$ANALYSIS" map --out "$T/out" one
	one_line "one: no map: it has no contestant that is plain, to compare with"
}

@test "sweeps: what rows outlive is left out and said" {
	local rows=$T/out/sweeps/one/rows.jsonl
	sweep one delays=2 rates=2 noise=0
	cp "$rows" "$T/rows"
	run -0 "$ANALYSIS" cells --out "$T/out" --csv one
	local whole=$output
	# a runner was killed while it wrote
	head -c 100 "$T/rows" >>"$rows"
	run -0 "$ANALYSIS" cells --out "$T/out" one
	[[ $output == *"$rows: line 101: left out, it is cut"* ]]
	# of a run that is there again the last row counts
	{ head -1 "$T/rows" | sed 's/"goodput_mbit":[0-9.]*/"goodput_mbit":99/'; cat "$T/rows"; } >"$rows"
	run -0 "$ANALYSIS" cells --out "$T/out" --csv one
	[[ $output == "$whole" ]]
	{ cat "$T/rows"; head -1 "$T/rows" | sed 's/"digest":"./"digest":"f/'; head -2 "$T/rows" | sed 's/"run":"./"run":"f/'; } >"$rows"
	run -0 "$ANALYSIS" cells --out "$T/out" one
	[[ $output == *"2 rows are of an earlier definition"* && $output == *"1 runs are there again with another digest"* ]]
	# while a path's run is not done, the best path of that seed is not known
	sed '6d' "$T/rows" >"$rows"
	"$ANALYSIS" cells --out "$T/out" --csv one >"$T/csv"
	[[ $(field "$T/csv" pairs "1,10 + 0" mpip) == 4 && $(field "$T/csv" runs "1,10 + 0" mpip) == 5 ]]
	# the plan has shrunk, and runs are missing or marked, or lack the measure
	sed 's/"seed":5/"seed":6/; 1s/"marks":\[\]/"marks":["late"]/; 2s/"goodput_mbit":[0-9.]*,//' "$T/rows" >"$rows"
	run -0 "$ANALYSIS" cells --out "$T/out" one
	[[ $output == *"20 of 100 runs are not done yet"$'\n'"1 runs have marks and do not count"$'\n'"1 runs have no goodput_mbit"* ]]
	[[ $output == *"20 rows are of runs that are not planned any more"* ]]
}

@test "sweeps: bad input is one line each" {
	local plan=$T/out/sweeps/one/sweep.json rows=$T/out/sweeps/one/rows.jsonl edit said
	sweep one delays=2 rates=2
	cp "$plan" "$T/plan"
	cp "$rows" "$T/rows"
	while IFS='|' read -r edit said; do
		sed "$edit" "$T/plan" >"$plan"
		run -1 "$ANALYSIS" cells --out "$T/out" one
		one_line "$plan: $said" || { echo "$edit"; return 1; }
	done <<-'END'
		s/"schema": 1/"schema": 2/|schema: expected 1, got 2: a sweep of another version of this program
		s/"schema": 1/"scheme": 1/|schema: expected 1
		s/\[1, 2\]/[]/|axes[0].values: expected a list of values
		s/\[1, 2\]/[1, "x"]/|axes[0].values[1]: expected a number, as the first value is
		s/"seeds": .*\],/"seeds": [],/|seeds: expected seeds
		s/"better": "lower"/"better": "less"/|measures[1].better: expected
		s/"axes"/"axis"/;$d|line
	END
	cp "$T/plan" "$plan"
	while IFS='|' read -r edit said; do
		sed "$edit" "$T/rows" >"$rows"
		run -1 "$ANALYSIS" cells --out "$T/out" one
		one_line "$rows: $said" || { echo "$edit"; return 1; }
	done <<-'END'
		3s/"goodput_mbit":[0-9.]*/"goodput_mbit":"fast"/|line 3: measures.goodput_mbit: expected a number
		3s/"goodput_mbit":[0-9.]*/"goodput_mbit":NaN/|line 3: expected JSON
		3s/"goodput_mbit":[0-9.]*/"goodput_mbit":1e999/|line 3: expected JSON
		3s/}}$//|line 3: expected JSON
		3s/.*/[]/|line 3: row: expected an object
		3s/"seed":[0-9]*/"seed":"x"/|line 3: seed: expected a whole number
		3s/"marks"/"mark"/|line 3: marks: expected a list
		s/"delay_2"/"delay"/|line 1: cell: delay_2 is absent, which sweep.json does not plan, nor any other row
		s/"delay_2":[0-9]*/"delay_2":7/|line 1: cell: delay_2 is 7, which
		s/"contestant":"/&x/|line 1: contestant: it is xplain-1, which
		1,$d|expected a row for each run, it has none
	END
	cp "$T/rows" "$rows"
	run -1 "$ANALYSIS" cells --out "$T/out" --measure speed one
	one_line "$plan: measures: expected one of goodput_mbit, gap_ms, got speed"
	rm "$rows"
	run -1 "$ANALYSIS" cells --out "$T/out" one
	one_line "$rows: No such file or directory"
	: >"$plan"
	run -1 "$ANALYSIS" map --out "$T/out" one
	one_line "$plan: line 1: expected JSON"
	run -1 "$ANALYSIS" cells --out "$T/out" none
	one_line "$T/out/sweeps/none/sweep.json: not there: make sweep makes it"
	run -1 "$ANALYSIS" cells --out "$T/out" ../one
	one_line "../one: expected a sweep's name, such as unequal"
}

@test "maps: a panel for each contestant, the contour of 1 between cells, and what is missing named" {
	local data=$T/out/figures/data/two-map.dat svg=$T/out/figures/two-map.svg
	sweep two delays=2 rates=3 noise=0
	run -0 "$ANALYSIS" map --out "$T/out" two
	[[ ${lines[0]} == "$T/out/figures/two-map.svg and .png" && ${lines[1]} == "$T/out/figures/two-cdf.svg and .png" ]]
	# blocks: of mptcp cells, missing, contour; of mpip
	[[ $(row "$data" 3 4 1) == 1 && $(row "$data" 3 4 2) == 1 ]]
	about "$(row "$data" 3 4 3)" 0.7 1e-5
	about "$(row "$data" 3 4 4)" -0.5146 1e-3
	[[ $(row "$data" 3 4 5) == 0.70 ]]
	# mpip is below 1 in the second column: one line up, in three pieces; mptcp nowhere
	[[ $(row "$data" 2 1 1) == NaN ]]
	[[ $(row "$data" 5 1 1) == 0.5 && $(row "$data" 5 1 4) == 1 && $(row "$data" 5 3 1) == 0.5 && $(row "$data" 5 4 1) == NaN ]]
	grep -q '>One-way delay of path 2, ms<' "$svg"
	grep -q '>10 + 2<' "$svg"
	run ! grep -q 'hatched' "$svg"

	# none of mpip's runs are there for one rate
	grep -v '"pair":"10 + 2"},"contestant":"mpip"' "$T/out/sweeps/two/rows.jsonl" >"$T/rows"
	cp "$T/rows" "$T/out/sweeps/two/rows.jsonl"
	"$ANALYSIS" map --out "$T/out" two
	grep -q 'no ratio (hatched): mpip at delay_2 = 1, pair = 10 + 2; mpip at delay_2 = 2, pair = 10 + 2<' "$svg"
	grep -q '10 of 150 runs are not done yet' "$svg"
	[[ $(row "$data" 4 1 1) == 0 && $(row "$data" 4 1 2) == 2 && $(row "$data" 4 3 1) == NaN ]]
}

@test "maps: further axes make panels, or are told a value; over one axis contestants are rows" {
	local gp=$T/out/figures/data/three-map.gp
	sweep three delays=3 rates=2 losses=3 noise=0
	"$ANALYSIS" map --out "$T/out" --format svg three
	[[ $(grep -c '^plot ' "$gp") -eq 6 ]]
	grep -q "^set label 'mpip · loss = 2 %'" "$gp"
	"$ANALYSIS" map --out "$T/out" --format svg --x loss --y delay_2 --at "pair=10 + 1" three
	[[ $(grep -c '^plot ' "$gp") -eq 2 ]]
	grep -q "^set xtics ('0' 0, '1' 1, '2' 2)" "$gp"
	grep -q "^set label 'mptcp · pair = 10 + 1'" "$gp"
	"$ANALYSIS" map --out "$T/out" --format svg --at "pair=10 + 1,loss=1" three
	[[ $(grep -c '^plot ' "$gp") -eq 1 ]]
	grep -q "^set ytics ('mptcp' 0, 'mpip' 1)" "$gp"

	# names of cases may have commas and per cent
	sed -i 's/10 + 1"/10 + 1, 2 % lost"/' "$T"/out/sweeps/three/{sweep.json,rows.jsonl}
	"$ANALYSIS" map --out "$T/out" --format svg --at "pair=10 + 1, 2 % lost,loss=1" three
	grep -q "^set label 'pair = 10 + 1, 2 % lost · loss = 1 %'" "$gp"
	"$ANALYSIS" map --out "$T/out" --format svg --at loss=1 three
	grep -q '>10 + 1, 2 % lost<' "$T/out/figures/three-map.svg"
	# and stand at the left where they are long, also those of the first axis, unless it is told
	sed -i 's/"delay_2"/"b"/g; s/"pair"/"delay_2"/g; s/"b"/"pair"/g; s/, 2 % lost"/, two per cent of which are lost"/' \
		"$T"/out/sweeps/three/{sweep.json,rows.jsonl}
	sed -i 's/\("axes": \[ \)\({.*}\),$/\1/; s/^    { "name": "delay_2".*/&\n    { "name": "pair", "values": [1, 2, 4] },/' \
		"$T/out/sweeps/three/sweep.json"
	"$ANALYSIS" map --out "$T/out" --format svg three
	grep -q "^set ytics ('10 + 0' 0, '10 + 1, two per cent" "$gp"
	"$ANALYSIS" map --out "$T/out" --format svg --x delay_2 three
	grep -q "^set xtics ('10 + 0' 0, '10 + 1, two per cent" "$gp"
	run -1 "$ANALYSIS" map --out "$T/out" --x rate three
	one_line "--x rate: expected an axis of three: delay_2, pair, loss"
	run -1 "$ANALYSIS" map --out "$T/out" --x loss --y loss three
	one_line "--x loss: expected another axis than --y"
	run -1 "$ANALYSIS" map --out "$T/out" --at loss=7 three
	one_line "--at loss=7: expected a value of the axis loss"
	run -1 "$ANALYSIS" map --out "$T/out" --at loss three
	one_line "--at loss: expected a value of the axis loss"
	sweep many delays=2 rates=2 losses=30 seeds=1-1
	run -1 "$ANALYSIS" map --out "$T/out" many
	one_line "many: expected at most 48 panels, they would be 60; --at AXIS=VALUE draws those of one value"
}

@test "maps: the same from the same results, in each format, and by the script alone" {
	sweep unequal
	"$ANALYSIS" map --out "$T/out" --format svg,png unequal
	cp -r "$T/out/figures" "$T/first"
	"$ANALYSIS" map --out "$T/out" --format svg,png unequal
	diff -r "$T/first" "$T/out/figures"
	rm "$T/out/figures/unequal-map.svg"
	(cd "$T/out/figures/data" && gnuplot -d unequal-map.gp)
	cmp "$T/first/unequal-map.svg" "$T/out/figures/unequal-map.svg"
	run -0 make -s DEPS= BUILD="$BUILD" OUT="$T/out" FORMAT=pdf SIZE=600x400 NAME=unequal MEASURE=gap_ms maps
	[[ $output == *"unequal-map-gap_ms.pdf"* && $(head -c 4 "$T/out/figures/unequal-cdf-gap_ms.pdf") == %PDF ]]
}

@test "maps: the distribution has each contestant's cells, and make plots draws and removes all of it" {
	local data=$T/out/figures/data/unequal-cdf.dat
	sweep unequal noise=0
	made_up two-nics plain 1 90
	run -0 "$ANALYSIS" plot --out "$T/out" --format svg
	[[ $output == *"two-nics.svg"*"unequal-map.svg"*"unequal-cdf.svg"* ]]
	# mpip's least ratio is 1/2, and a third of its 24 cells are below 1
	[[ $(row "$data" 1 1 2) == 0 ]]
	about "$(row "$data" 1 1 1)" -1 1e-3
	about "$(row "$data" 1 9 2)" 0.33333 1e-4
	awk -v x="$(row "$data" 1 9 1)" -v y="$(row "$data" 1 10 1)" 'BEGIN { exit !(x < 0 && y > 0) }'
	rm -r "$T/out/sweeps"
	run -0 "$ANALYSIS" plot --out "$T/out" --format svg
	[[ $output == *"unequal-map: removed, there are no results of unequal any more"* ]]
	[[ ! -e $T/out/figures/unequal-map.svg && ! -e $T/out/figures/data/unequal-cdf.gp && -e $T/out/figures/two-nics.svg ]]
}

@test "maps: on a full disk the last one stays, and one line says so" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for a disk that is full"
	sweep one delays=2 rates=2
	"$ANALYSIS" map --out "$T/out" one
	mkdir "$T/disk"
	# shellcheck disable=SC2016 # the inner shell's
	run -0 unshare --mount bash -c 'mount -t tmpfs -o size=2m full "$2/disk" && cp -r "$2/out" "$2/disk/" || exit 9
		sed -i "s/made up/changed/" "$2/disk/out/sweeps/one/sweep.json"
		head -c 4m /dev/zero >"$2/disk/others" 2>/dev/null
		if "$1" map --out "$2/disk/out" one 2>"$2/said"; then exit 8; fi
		diff -r "$2/out/figures" "$2/disk/out/figures"' - "$ANALYSIS" "$T"
	[[ $(wc -l <"$T/said") -eq 1 && $(<"$T/said") == "$T/disk/out/figures/"*": No space left on device" ]]
}

@test "compare: two per cent less is found, other seeds are quiet, and the same is equal" {
	local a=$T/out/sweeps/before b=$T/out/sweeps/after n
	sweep before
	sweep after gain=0.98 draw=2
	run -1 "$ANALYSIS" compare "$a" "$b"
	[[ ${lines[-1]} =~ ^worse:\ mpip\ over\ all\ cells,\ by\ [12]\.[0-9]+\ %$ && $output == *"paired by seed: 5 pairs"* ]]
	run -0 "$ANALYSIS" compare "$b" "$a"
	[[ ${lines[-1]} == "nothing is worse" && $output =~ mpip\ +24\ +1\.0[12].*better ]]
	# lower is better: the gap is longer
	run -1 "$ANALYSIS" compare --measure gap_ms "$a" "$b"
	[[ ${lines[-1]} =~ ^worse:\ mpip\ over\ all\ cells,\ by\ [12] ]]
	for n in {1..20}; do
		sweep after seeds=$((10 * n))-$((10 * n + 4)) draw=$((100 + n))
		run -0 "$ANALYSIS" compare "$a" "$b"
		[[ ${lines[-1]} == "nothing is worse" && $output == *"no seed in common: not paired, 5 and 5 runs"* ]]
	done
	run -0 "$ANALYSIS" compare "$a" "$a"
	[[ ${lines[-1]} == "equal: each pair of 120 cells has the same value" ]]
	run -0 "$ANALYSIS" compare --csv "$a" "$a"
	[[ $(grep -c ',equal$' <<<"$output") -eq 125 ]]
	run -0 "$ANALYSIS" compare --json "$a" "$a"
	[[ $(json <(echo "$output") is_equal) == true && $(json <(echo "$output") "cells[].verdict" | sort -u) == equal ]]
}

@test "compare: experiments, by repetition" {
	local rep
	for rep in 1 2 3 4; do
		made_up two-nics mpip $rep 100.$rep
		made_up two-nics plain $rep 50.$((rep * rep % 7))
	done
	cp -r "$T/out" "$T/after"
	run -0 "$ANALYSIS" compare "$T/out/two-nics" "$T/after/two-nics/"
	[[ ${lines[-1]} == "equal: each pair of 2 cells has the same value" && $output == *"paired by seed and repetition: 4 pairs"* ]]
	for rep in 1 2 3 4; do
		sed -i "s/100\.$rep/97.$((rep + 1))/" "$T/after/two-nics/mpip-r0$rep-s1-d3/result.json"
	done
	run -1 "$ANALYSIS" compare "$T/out/two-nics" "$T/after/two-nics"
	[[ ${lines[-1]} == "worse: 1 cell" && $output =~ mpip\ +100\.2\ +97\.3[0-9]*\ +0\.97.*worse && $output =~ plain.*equal ]]
}

@test "compare: what cannot be compared is one line, and status 2" {
	sweep before delays=2 rates=2
	sweep after delays=2 rates=2
	local a=$T/out/sweeps/before b=$T/out/sweeps/after
	mkdir "$T/empty"
	run -2 "$ANALYSIS" compare "$a"
	one_line "analysis compare: expected two directories of results; see analysis compare --help"
	run -2 "$ANALYSIS" compare "$a" "$T/empty"
	one_line "$T/empty: expected the directory of a sweep, with sweep.json, or of an experiment, with runs.json"
	run -2 "$ANALYSIS" compare --measure speed "$a" "$b"
	one_line "$a/sweep.json: measures: expected one of goodput_mbit, gap_ms, got speed"
	sed -i 's/plain/ordinary/g; s/mp/mq/g' "$b"/{sweep.json,rows.jsonl}
	run -2 "$ANALYSIS" compare "$a" "$b"
	one_line "expected a contestant and cell that the other has, too; it has none"
	sweep after delays=2 rates=2 seeds=1-1 draw=9
	run -2 "$ANALYSIS" compare "$a" "$b"
	one_line "expected two values or more of a contestant in both, of the same seeds; there are none"
	sed -i 's/"schema": 1/"schema": 9/' "$b/sweep.json"
	run -2 "$ANALYSIS" compare "$a" "$b"
	one_line "$b/sweep.json: schema: expected 1, got 9"
	run ! make -s DEPS= BUILD="$BUILD" compare A="$a"
	[[ ${lines[0]} == "A= B=: expected two directories of results, such as out/sweeps/unequal" ]]
}

# A hundred thousand runs, each of which a dense table has 8 bytes for: far below what their rows take.
@test "a hundred thousand runs: table, map and comparison, in 128 MiB" {
	sweep big delays=25 rates=20 losses=8
	[[ $(wc -l <"$T/out/sweeps/big/rows.jsonl") -eq 100000 ]]
	(
		# shellcheck disable=SC3045 # bash has it
		[[ $(nm -C "$ANALYSIS") == *__asan* ]] || ulimit -v $((128 * 1024))
		"$ANALYSIS" cells --out "$T/out" big >"$T/table"
		"$ANALYSIS" compare "$T/out/sweeps/big" "$T/out/sweeps/big" >"$T/compared"
	)
	[[ $(grep -c '^ .*mpip' "$T/table") -eq 4000 ]]
	[[ $(tail -1 "$T/compared") == "equal: each pair of 20000 cells has the same value" ]]
	"$ANALYSIS" map --out "$T/out" --format png big
	[[ $(awk '$1 ~ /^[0-9]+$/ && NF == 6' "$T/out/figures/data/big-map.dat" | wc -l) -eq 8000 ]]
}
