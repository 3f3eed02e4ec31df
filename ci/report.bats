#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The analysis of experiments: results, tables, figures, and the report that judges the claims.

bats_require_minimum_version 1.5.0

load analysis

# made_up EXPERIMENT CONTESTANT REP GOODPUT [SCENARIO-DIGEST]: a result as a run leaves it, with what the report reads.
made_up() {
	local run=$2-r0$3-s1-d3
	mkdir -p "$T/out/$1/$run"
	cat >"$T/out/$1/$run/result.json" <<-END
		{ "schema_version": 3, "experiment": "$1", "title": "Made & up", "contestant": "$2",
		  "run": "$run", "paper": null, "ground": "vm", "rep": $3, "seed": 1, "duration_s": 3,
		  "warm_up_s": 0, "goodput_mbit": $4, "series": [$4, $4, $4],
		  "mptcp": $([[ $2 == *mptcp ]] && echo '{ "subflows": 4 }' || echo null),
		  "mpipd": $([[ $2 == *plain || $2 == *-mptcp ]] && echo null || echo "{ \"wire_form\": \"$2\" }"),
		  "marks": [], "paths": [],
		  "links": { "nics": [{ "host": "client", "nic": "eth0", "share": 0.7 },
			{ "host": "client", "nic": "eth1", "share": 0.3 },
			{ "host": "server", "nic": "eth0", "share": 1 }] },
		  "workload": { "kind": "tcp", "direction": "forward", "from": "client", "to": "server" },
		  "provenance": { "kernel": { "release": "6.1" }, "git": { "revision": "0123456789abcdef", "dirty": false },
			"digests": { "scenario": "${5:-}" } } }
	END
	(cd "$T/out/$1" && printf '"%s"\n' *-r0*/ | tr -d / | paste -sd, |
		sed "s|.*|{ \"experiment\": \"$1\", \"runs\": [&] }|" >runs.json)
}

@test "replay: a result that cannot be replayed is one line" {
	local -A wrong=(
		['{ "scheduler": 5 }']="mpipd.scheduler: expected a name"
		['{ "scheduler": null }']="mpipd.scheduler: expected a name"
		['{ "scheduler": "equal" }']="expected the scheduler algorithm-1, it is equal"
		['{}']="mpipd.hosts: expected hosts, there are none"
		['null']="expected a run with mpipd"
	)
	local mpipd result=$T/out/two-nics/mpip-r01-s1-d3/result.json
	for mpipd in "${!wrong[@]}"; do
		made_up two-nics mpip 1 90
		sed -i "s/\"provenance\": {/& \"definition\": { \"contestant\": { \"mpipd\": $mpipd } },/" "$result"
		run -1 "$ANALYSIS" replay "$result"
		[[ $output == "$result: ${wrong[$mpipd]}" ]] || { echo "$mpipd: $output"; return 1; }
	done
}

@test "call: a duration that no experiment can have is one line" {
	local duration result=$T/out/two-nics/plain-r01-s1-d3/result.json
	for duration in -1 0 2000000000 5000000000 null; do
		made_up two-nics plain 1 90
		sed -i "s/\"duration_s\": 3/\"duration_s\": $duration/" "$result"
		run -1 "$ANALYSIS" call "$result"
		[[ ${#lines[@]} -eq 1 && $output == "$result: duration_s: expected a whole number from 1 to 86400"* ]] ||
			{ echo "$output"; return 1; }
	done
}

# verdict ID: of a claim in claims.json.
verdict() {
	json "$T/out/claims.json" "claims[id=$1].verdict"
}

# Claims 5 to 8 and 10 need these; goodputs of three repetitions each.
made_up_results() {
	local r
	for r in 1 2 3; do
		made_up throughput no-limit-mpip $r "$((170 + r))"
		made_up throughput no-limit-mptcp $r "$((128 + r))"
		made_up throughput no-limit-mpip+mptcp $r "$((172 - r))"
		made_up tcp-modes plain $r "$((90 + r))"
		made_up tcp-modes fake-tcp $r "$((140 + r))"
	done
}

@test "report: verdicts follow the rules, numbers are those of the results, the page is whole" {
	made_up_results
	run -0 "$ANALYSIS" report --out "$T/out"
	[[ $output == "$T/out/report.html"$'\n'"$T/out/claims.json" ]]
	[[ $(json "$T/out/claims.json" claims[].id | wc -l) -eq 40 ]]
	[[ $(verdict 8) == reproduced && $(verdict 1) == missing ]]
	# 1.54: it doubles, but not nearly enough
	[[ $(verdict 5) == differs ]]
	[[ $(json "$T/out/claims.json" "claims[id=5].reason") == *"fake / plain is 1.544 ["*"expected 1.61 to 1.96" ]]
	[[ $(json "$T/out/claims.json" "claims[id=5].checks[part=amount].undecided") == false ]]
	# mpip is 0, 2, 4 above both: an interval that holds 0
	[[ $(verdict 7) == "not reproduced" ]]
	[[ $(json "$T/out/claims.json" "claims[id=7].reason") == \
		"mpip - both is 2 [-2.968, 6.968], expected at least 0 (undecided: the interval is on both sides)" ]]
	[[ $(json "$T/out/claims.json" "claims[id=6].reason") == "tcp-modes/udp-wrapper has no results" ]]
	# 131, 130, 129 by hand: mean 130, t(2) = 4.3027, sd 1: 130 +- 2.484
	about "$(json "$T/out/claims.json" "claims[id=8].ours[name=mptcp].mean")" 130 1e-6
	about "$(json "$T/out/claims.json" "claims[id=8].ours[name=mptcp].low")" 127.5159 1e-6
	[[ $(json "$T/out/claims.json" "claims[id=8].runs[]" | wc -l) -eq 6 ]]

	[[ $(grep -c '<tr id="claim-' "$T/out/report.html") -eq 40 ]]
	[[ $(tail -n 1 "$T/out/report.html") == "</html>" ]]
	grep -q 'mptcp 130 \[127.5, 132.5\]' "$T/out/report.html"
	grep -q 'Made &amp; up' "$T/out/report.html"
	run ! grep -E '(src|href)="?(https?:|/)' "$T/out/report.html"
}

# recompute FILE...: mean, half the 95 % interval and standard deviation of three results' goodputs, as
# the page shows them; by awk, from the result files alone. 4.302653 is t(0.975) of 2 degrees.
recompute() {
	local f
	for f; do json "$f" goodput_mbit; done | awk '
		{ sum += $1; squares += $1 * $1 }
		END { mean = sum / NR; sd = sqrt((squares - NR * mean * mean) / (NR - 1))
			if (NR != 3 || sd <= 0) exit 1
			print digits(mean) "<td>" digits(4.302653 * sd / sqrt(3)) "<td>" digits(sd) }
		function digits(v) { return sprintf(v < 10 ? "%.3f" : v < 100 ? "%.2f" : "%.1f", v) }'
}

@test "report: the page's numbers, computed again from the result files, are the same" {
	made_up_results
	made_up udp mpip 1 170.253
	made_up udp mpip 2 181.5
	made_up udp mpip 3 176.125
	"$ANALYSIS" report --out "$T/out"
	local cell experiment contestant row
	for cell in "$T"/out/*/*-r01-s1-d3; do
		experiment=$(basename "$(dirname "$cell")") contestant=$(basename "${cell%-r01-s1-d3}")
		row=$(recompute "${cell%-r01-s1-d3}"-r0?-s1-d3/result.json)
		sed -n "/<h3 id=\"exp-$experiment\"/,/<\/table>/p" "$T/out/report.html" | tr '\n' ' ' |
			grep -qF "<tr><td>$contestant<td>3<td>$row" || { echo "$cell: $row"; return 1; }
	done
	# and the same in the claims: the mean and the interval's ends
	row=$(recompute "$T"/out/udp/mpip-r0?-s1-d3/result.json)
	about "$(json "$T/out/claims.json" "claims[id=28].ours[name=mpip].mean")" "${row%%<*}" 1e-3
	about "$(json "$T/out/claims.json" "claims[id=28].ours[name=mpip].high")" \
		"$(awk -v r="$row" 'BEGIN { split(r, n, "<td>"); print n[1] + n[2] }')" 1e-3

	sed -i 's/"goodput_mbit": 181.5/"goodput_mbit": 181.9/' "$T/out/udp/mpip-r02-s1-d3/result.json"
	row=$(recompute "$T"/out/udp/mpip-r0?-s1-d3/result.json)
	run ! grep -F "$row" "$T/out/report.html"
}

@test "report: fewer than three repetitions, and marked ones, are missing, not judged" {
	made_up_results
	sed -i 's/"marks": \[\]/"marks": ["cpu_limited"]/' "$T/out/tcp-modes/plain-r02-s1-d3/result.json"
	run -0 "$ANALYSIS" report --out "$T/out"
	[[ $(verdict 5) == missing ]]
	[[ $(json "$T/out/claims.json" "claims[id=5].reason") == "tcp-modes/plain has 2 of 3 repetitions without marks" ]]
	grep -q 'marked, not averaged: <a href="tcp-modes/plain-r02-s1-d3/">' "$T/out/report.html"
}

@test "report: repetitions that a check's values do not share are not enough for it" {
	made_up_results
	local r
	for r in 4 5; do
		made_up tcp-modes plain "$r" 92
		made_up tcp-modes fake-tcp "$r" 142
	done
	"$ANALYSIS" report --out "$T/out"
	[[ $(verdict 5) == differs ]]
	# three and four of five, of which two are of the same seeds
	sed -i 's/"marks": \[\]/"marks": ["cpu_limited"]/' "$T"/out/tcp-modes/plain-r0[45]-s1-d3/result.json \
		"$T"/out/tcp-modes/fake-tcp-r01-s1-d3/result.json
	run -0 "$ANALYSIS" report --out "$T/out"
	[[ $(verdict 5) == missing ]]
	[[ $(json "$T/out/claims.json" "claims[id=5].reason") == "fake / plain has 2 of 3 repetitions" ]]
	run ! grep true <(json "$T/out/claims.json" "claims[id=5].checks[].holds")
}

@test "report: figures are in the page, each with ids of its own" {
	made_up_results
	"$ANALYSIS" plot --out "$T/out"
	run -0 "$ANALYSIS" report --out "$T/out"
	[[ $(grep -c '<figure id="fig-' "$T/out/report.html") -eq 2 ]]
	[[ $(grep -c '</svg>' "$T/out/report.html") -eq 2 ]]
	grep -q '<a href="#fig-throughput">figure</a>' "$T/out/report.html"
	[[ -z $(grep -o ' id=["'\''][^"'\'']*' "$T/out/report.html" | sort | uniq -d) ]]
}

# made_up_path NUMBER SRC DST MBIT: a path of a run of 3 s, as a JSON object; its queuing delay is 1, 3,
# 1 ... ms, its one-way delay that with a clock that runs fast by 1000 ppm.
made_up_path() {
	awk -v n="$1" -v src="$2" -v dst="$3" -v mbit="$4" 'BEGIN {
		for (i = 0; i < 30; i++) {
			sep = i ? "," : ""
			times = times sep i / 10
			weights = weights sep 250
			queuing = queuing sep 1 + 2 * (i % 2)
			delays = delays sep 1 + 2 * (i % 2) + i / 10
			usable = usable sep "true"
			sent = sent sep mbit * 1e6 / 8 * i / 10
		}
		printf "{ \"session\": 1, \"path\": %d, \"src\": \"%s\", \"dst\": \"%s\", \"bytes\": %d, ", n, src,
			dst, mbit * 3e6 / 8
		printf "\"time_s\": [%s], \"weight\": [%s], \"queuing_delay_ms\": [%s], \"one_way_delay_ms\": [%s], ",
			times, weights, queuing, delays
		printf "\"usable\": [%s], \"sent_bytes\": [%s] }", usable, sent
	}'
}

# with_paths EXPERIMENT CONTESTANT MBIT...: gives its run 1 so many paths, from two addresses.
with_paths() {
	local file=$T/out/$1/$2-r01-s1-d3/result.json paths="" n=0 mbit
	for mbit in "${@:3}"; do
		paths+=${paths:+, }$(made_up_path $((n + 5)) 10.0.$((n / 2 + 1)).2 10.0.$((n % 2 + 3)).2 "$mbit")
		n=$((n + 1))
	done
	sed -i "s|\"paths\": \[\]|\"paths\": [$paths]|" "$file"
}

# row DATA BLOCK ROW COLUMN: of a figure's data; rows of a block count from 1.
row() {
	awk -v b="$2" -v r="$3" -v c="$4" 'BEGIN { RS = ""; FS = "\n" }
		NR == b + 1 { n = 0; for (i = 1; i <= NF; i++) if ($i !~ /^#/ && ++n == r) { split($i, v, " "); print v[c] } }' "$1"
}

@test "figures of paths: what each sent, its queuing delay, and the paper's beside them" {
	local data=$T/out/figures/data
	made_up throughput no-limit-mpip 1 150
	made_up throughput wireless-mpip 1 90
	made_up disjoint-paths mpip 1 93
	with_paths throughput no-limit-mpip 80 40 20 10
	with_paths throughput wireless-mpip 1 2 40 41
	with_paths disjoint-paths mpip 72 0 0 36
	"$ANALYSIS" plot --out "$T/out"
	# block: path, row: contestant
	[[ $(row "$data/throughput-shares.dat" 0 1 2) == 80 && $(row "$data/throughput-shares.dat" 3 2 2) == 41 ]]
	[[ $(row "$data/throughput-shares.dat" 0 1 4) == 84.4 && $(row "$data/throughput-shares.dat" 3 2 4) == 46.5 ]]
	[[ $(row "$data/disjoint-paths-shares.dat" 0 1 4) == 64.9 && $(row "$data/disjoint-paths-shares.dat" 3 1 4) == 34.9 ]]
	[[ $(row "$data/disjoint-paths-shares.dat" 1 1 4) == nan ]]
	grep -q 'paths 1: 10.0.1.2 → 10.0.3.2  ·  2: 10.0.1.2 → 10.0.4.2' "$T/out/figures/throughput-shares.svg"
	grep -q 'sent on the path, Mbit/s' "$T/out/figures/throughput-shares.svg"
	# 15 times 1 and 15 times 3: mean 2, variance 30 / 29
	grep -q "'1: mean 2 ms, variance 1.03 ms²'" "$data/throughput-queuing.gp"
	grep -q "'2: mean 2 ms, variance 1.03 ms² (paper: 3.84, 127.11)'" "$data/throughput-queuing.gp"
	[[ $(grep -c '^set label "[a-z-]*-mpip: trend' "$data/throughput-queuing.gp") -eq 2 ]]
}

@test "figures of paths: several sessions over the same addresses are told apart, a path that came back is not" {
	local gp=$T/out/figures/data/two-sessions-paths.gp file=$T/out/two-sessions/mpip-r01-s1-d3/result.json
	made_up two-sessions mpip 1 93
	with_paths two-sessions mpip 10 20 30 40
	"$ANALYSIS" plot --out "$T/out"
	grep -q "'10.0.1.2 → 10.0.3.2'" "$gp"
	# the third path is the first one again; then it is another session's
	sed -i 's|"path": 7, "src": "10.0.2.2"|"path": 7, "src": "10.0.1.2"|' "$file"
	"$ANALYSIS" plot --out "$T/out"
	[[ $(grep -c "set label 1[0-9] '10.0.1.2 → 10.0.3.2'" "$gp") -eq 1 ]]
	sed -i 's|"session": 1, "path": 7|"session": 2, "path": 7|' "$file"
	"$ANALYSIS" plot --out "$T/out"
	grep -q "'session 1: 10.0.1.2 → 10.0.3.2'" "$gp"
	grep -q "'session 2: 10.0.1.2 → 10.0.3.2'" "$gp"
	grep -q "'session 1: 10.0.2.2 → 10.0.4.2'" "$gp"
}

@test "figures: events, thirds, packets, offered load" {
	local data=$T/out/figures/data pairs f n rate goodput
	made_up unplug mpip 1 100
	sed -i 's|"paper": null|"paper": "/unplug_replug/mpip_mbit"|; s|"paths"|"events": [ { "at_s": 1, "played_s": 1.25, "event": "link client.eth1 down" } ], "paths"|' \
		"$T/out/unplug/mpip-r01-s1-d3/result.json"
	made_up skype-routing rule-off 1 1.5
	with_paths skype-routing rule-off 3 1
	pairs='{ "src": "10.0.1.2", "dst": "10.0.3.2", "packets": 100, "small_packets": 30 },
		{ "src": "10.0.1.2", "dst": "10.0.4.2", "packets": 40, "small_packets": 10 }, {}, {}'
	sed -i "s|\"kind\": \"tcp\"|\"kind\": \"call\"|; s|\"paths\"|\"address_pairs\": [$(tr -d '\n' <<<"$pairs")], &|" \
		"$T/out/skype-routing/rule-off-r01-s1-d3/result.json"
	for n in load-40-plain:40:40 load-120-plain:120:94 load-40-mpip:40:39 load-120-mpip:120:118 mpip:180:170; do
		IFS=: read -r f rate goodput <<<"$n"
		made_up udp "$f" 1 "$goodput"
		sed -i "s|\"kind\": \"tcp\"|\"kind\": \"udp\", \"rate_mbit\": $rate|; s|\"paper\": null|\"paper\": \"/udp/no_nat_mbit/mpip\"|" \
			"$T/out/udp/$f-r01-s1-d3/result.json"
	done
	"$ANALYSIS" plot --out "$T/out"
	grep -q '^set arrow from first 1.25,graph 0 to first 1.25,graph 1 ' "$data/unplug.gp"
	grep -q '>down<' "$T/out/figures/unplug.svg"
	# after the bars and the one line: the paper's thirds, the last at 5/6 of 3 s
	[[ $(row "$data/unplug.dat" 2 3 1) == 2.5 && $(row "$data/unplug.dat" 2 3 2) == 163.5 ]]
	# and their mean
	[[ $(row "$data/unplug.dat" 0 1 4) == 139.333 ]]
	# small ones by path 1: 30 of 40; large ones: 70 of 100
	[[ $(row "$data/skype-routing-packets.dat" 0 1 2) == 0.75 && $(row "$data/skype-routing-packets.dat" 2 1 2) == 0.7 ]]
	# plain, then mpip with the load that the experiment is first about
	[[ $(row "$data/udp-offered.dat" 0 2 1) == 120 && $(row "$data/udp-offered.dat" 0 2 2) == 94 ]]
	[[ $(row "$data/udp-offered.dat" 1 3 1) == 180 && $(row "$data/udp-offered.dat" 1 3 2) == 170 ]]
	grep -q "^set label '' at first 180,first 179.2 point" "$data/udp-offered.gp"
	grep -q ', x with lines' "$data/udp-offered.gp"
}

@test "figures: each clock that is wrong; several wire forms are no one's" {
	local c
	for c in paper drawn; do # and these are what made_up calls the wire forms
		made_up clock-offset $c 1 1
		with_paths clock-offset $c 1 1
		sed -i 's|"mptcp"|"clock": { "skew_ppm": 999.9 }, &|' "$T/out/clock-offset/$c-r01-s1-d3/result.json"
	done
	"$ANALYSIS" plot --out "$T/out"
	for c in paper drawn; do
		grep -Eq "'$c: the clock is set to 999.9 ppm, 1000 .-?[0-9]+, [0-9]+. ppm are found'" \
			"$T/out/figures/data/clock-offset-clock.gp"
	done
	# corrected, and moved so that none is below the line: 0, and 2 for each second one
	about "$(row "$T/out/figures/data/clock-offset-clock.dat" 1 28 2)" 2 1e-3
	grep -q 'wire form: several' "$T/out/figures/clock-offset.svg"
	sed -i 's/"wire_form": "[a-z]*"/"wire_form": "udp"/' "$T"/out/clock-offset/*/result.json
	"$ANALYSIS" plot --out "$T/out"
	grep -q 'wire form: udp' "$T/out/figures/clock-offset.svg"
}

@test "figures: what is not drawn any more is removed" {
	made_up throughput no-limit-mpip 1 150
	with_paths throughput no-limit-mpip 80 40
	"$ANALYSIS" plot --out "$T/out"
	[[ -e $T/out/figures/throughput-shares.svg && -e $T/out/figures/throughput-shares.png ]]
	sed -i 's/"mptcp": null/"mptcp": {}/' "$T/out/throughput/no-limit-mpip-r01-s1-d3/result.json"
	"$ANALYSIS" plot --out "$T/out"
	[[ -e $T/out/figures/throughput.svg ]]
	[[ ! -e $T/out/figures/throughput-shares.svg && ! -e $T/out/figures/throughput-shares.png ]]
	sed -i 's/"marks": \[\]/"marks": ["cpu_limited"]/' "$T/out/throughput/no-limit-mpip-r01-s1-d3/result.json"
	run -0 "$ANALYSIS" plot --out "$T/out"
	[[ $output == "throughput: no run without marks, nothing to draw" ]]
	[[ -z $(find "$T/out/figures" -maxdepth 1 -type f) ]]
}

# Of every figure that a claim names there is a kind, and it is not that of another experiment.
@test "claims: the figures that they name are kinds that there are" {
	local name
	json analysis/claims.json claims[].figure | tr -d '"' | sort -u >"$T/named"
	[[ $(wc -l <"$T/named") -gt 10 ]]
	while read -r name; do
		[[ -e experiments/$name.json ]] ||
			[[ -e experiments/${name%-*}.json && $(grep -c "{\"-${name##*-}\", plot_" analysis/plot.c) -eq 1 ]] ||
			{ echo "$name"; return 1; }
	done <"$T/named"
}

@test "report, table, plot: bad input is one line, and the last report stays" {
	local c bad=$T/out/throughput/no-limit-mpip-r01-s1-d3/result.json
	mkdir "$T/out"
	run -1 "$ANALYSIS" report --out "$T/out"
	[[ $output == "$T/out: no results to report; make experiment makes some" ]]
	run -1 "$ANALYSIS" plot --out "$T/out"
	[[ $output == "$T/out: no results to draw; make experiment makes some" ]]
	run -1 "$ANALYSIS" table --out "$T/out" no-such
	[[ ${#lines[@]} -eq 1 && $output == "$T/out/no-such/runs.json: not there: "* ]]

	made_up_results
	"$ANALYSIS" report --out "$T/out"
	cp "$T/out/report.html" "$T/before"
	sed -i 's/"schema_version": 3/"schema_version": 7/' "$bad"
	for c in "report" "table throughput" "plot throughput"; do
		# shellcheck disable=SC2086 # a command and its argument
		run -1 "$ANALYSIS" $c --out "$T/out"
		[[ ${#lines[@]} -eq 1 && $output == "$bad: schema_version: expected 3, got 7: "* ]] ||
			{ echo "$c: $output"; return 1; }
	done
	head -c 300 "$bad" >"$T/cut" && cp "$T/cut" "$bad"
	for c in "report" "table throughput" "plot throughput"; do
		# shellcheck disable=SC2086
		run -1 "$ANALYSIS" $c --out "$T/out"
		[[ ${#lines[@]} -eq 1 && $output == "$bad: line "*": expected JSON: "* ]] ||
			{ echo "$c: $output"; return 1; }
	done
	cmp "$T/before" "$T/out/report.html"
	[[ ! -e $T/out/.report.html && ! -e $T/out/.claims.json ]]
}

@test "claims.json: what is wrong with it is one line that names the place" {
	made_up_results
	local -A wrong=(
		['s/"goodput_mbit"/"speed"/']='claims[2].values.old_on[1]: expected a measure, got "speed"'
		['s/"of": "r2"/"of": "r3"/']='claims[0].expect[0].of: expected a name out of "values" or "define"'
		['s/"min": 0.99 /"least": 0.99 /']='claims[0].expect[0].least: unknown key'
		['s/{ "difference": \["old_on", "old_off"\] }/{ "difference": ["old_on"] }/']='claims[2].expect[0].of.difference: expected two expressions'
		['s/"id": 7/"id": "x"/']='claims[6].id: expected a whole number'
		['s/"id": 7,/"id": 6,/']='claims[6].id: expected a number that no other claim has'
		['s/"min": 0.98, "max": 1.02/"min": 1.98, "max": 1.02/']='claims[0].amount[0]: expected min to be at most max'
	)
	local change
	for change in "${!wrong[@]}"; do
		sed "$change" analysis/claims.json >"$T/claims.json"
		run -1 "$ANALYSIS" report --out "$T/out" --claims "$T/claims.json"
		[[ ${#lines[@]} -eq 1 && $output == "$T/claims.json: ${wrong[$change]}"* ]] ||
			{ echo "$change: $output"; return 1; }
	done
}

@test "table, figure, report: limited runs, losses and a missing calibration are named, and averaged" {
	made_up_results
	local t=$T/out/tcp-modes loss
	loss='{ "link": "client.eth0", "direction": "up", "packets": 1000, "lost": 90, "low": 2, "high": 30,
		"good": false }'
	printf '{ "good": true, "ground": "vm", "gips": 0, "scenario_sha256": "" }' >"$t/calibration.json"
	run -0 "$ANALYSIS" table --out "$T/out" tcp-modes
	[[ $output =~ plain\ +3\ +92\.00\  && $output != *limited* && $output != *calibrat* && $output != *losses* ]]

	sed -i "s/\"marks\": \[\]/\"marks\": [], \"cpu_limited\": [\"busy\", \"late\"], \"losses\": [$(tr -d '\n' <<<"$loss")]/" \
		"$t/plain-r02-s1-d3/result.json"
	sed -i 's/"good": true/"good": false/' "$t/calibration.json"
	run -0 "$ANALYSIS" table --out "$T/out" tcp-modes
	[[ $output =~ plain\ +3\ \(1\ limited\)\ +92\.00\  ]]
	[[ $output == *"uncalibrated: a link is not as its scenario says, see $t/calibration.json"* ]]
	[[ $output == *"CPU-limited: plain-r02-s1-d3 (92.0 Mbit/s): busy; late"* ]]
	[[ $output == *"losses: plain-r02-s1-d3: link client.eth0 up: lost 90 of 1000 packets, expected 2 to 30"* ]]
	"$ANALYSIS" plot --out "$T/out" tcp-modes
	grep -q 'uncalibrated; CPU-limited: plain; losses not as configured: plain' "$T/out/figures/tcp-modes.svg"
	"$ANALYSIS" report --out "$T/out"
	grep -q 'CPU-limited: plain-r02-s1-d3' "$T/out/report.html"
	# a claim says it of the experiments that it is judged by, and of no other
	[[ $(json "$T/out/claims.json" "claims[id=5].caveats[]") == \
		"tcp-modes: uncalibrated; CPU-limited: plain; losses not as configured: plain" ]]
	[[ $(json "$T/out/claims.json" "claims[id=7].caveats[]") == "throughput: uncalibrated" ]]
	[[ -z $(json "$T/out/claims.json" "claims[id=1].caveats[]") ]]
	sed -n '/id="claim-5"/,/id="claim-6"/p' "$T/out/report.html" | grep -q 'tcp-modes: uncalibrated; CPU-limited: plain'

	sed -i 's/"good": false/"good": true/; s/"gips": 0/"gips": 4/' "$t/calibration.json"
	run -0 "$ANALYSIS" table --out "$T/out" tcp-modes
	[[ $output == *"uncalibrated: $t/calibration.json is of another ground or speed"* ]]
	rm "$t/calibration.json"
	run -0 "$ANALYSIS" table --out "$T/out" tcp-modes
	[[ $output == *"uncalibrated: no $t/calibration*.json is of the scenario of fake-tcp"* ]]
}

# calibration SCENARIO-DIGEST GOOD RATE RATE: of client.eth0 and client.eth1, as it is kept beside runs;
# what is measured is a little less than what is set.
calibration() {
	printf '{ "good": %s, "ground": "vm", "gips": 0, "scenario_sha256": "%s", "links": [' "$2" "$1"
	printf '{ "ends": ["%s"], "up": %s, "down": %s }' \
		'client.eth0", "router.c0' "$(direction "$3")" "$(direction "$3")"
	printf ', { "ends": ["%s"], "up": %s, "down": %s }] }\n' \
		'client.eth1", "router.c1' "$(direction "$4")" "$(direction "$4")"
}

direction() {
	printf '{ "rate_mbit": { "configured": %s, "measured": %s1, "good": true }, "queue_packets": null' "$1" "$1"
	printf ', "deviation_ms": { "configured": 0, "measured": 1e-19, "good": true }'
	printf ', "loss_percent": { "configured": %s, "measured": 0, "good": true } }' "${LOSS:-0}"
}

# Two scenarios, each with a calibration of its own; and one whose contestants have plain's links.
made_up_scenarios() {
	local r t=$T/out/throughput
	for r in 1 2 3; do
		made_up throughput no-limit-plain $r "$((79 + r))" aa
		made_up throughput no-limit-mpip $r "$((107 + r))" aa
		made_up throughput wireless-plain $r "$((39 + r))" bb
		made_up throughput wireless-mpip+mptcp $r "$((44 + r))" bb
	done
	calibration aa true 84.2 42.1 >"$t/calibration.json"
	calibration bb true 42.1 42.1 >"$t/calibration-wireless.json"
}

@test "calibration: each scenario's own is looked at, whatever its name, and is on the page" {
	made_up_scenarios
	local t=$T/out/throughput
	run -0 "$ANALYSIS" table --out "$T/out" throughput
	[[ $output != *calibrat* ]] || { echo "$output"; return 1; }
	"$ANALYSIS" report --out "$T/out"
	grep -q 'calibration-wireless.json</a>: wireless-mpip+mptcp, wireless-plain</h4>' "$T/out/report.html"
	grep -q '<td>client.eth0 → router.c0<td>84.21 (84.2)<td>-<td>0 (0)<td>-<td>0 (0)<td>-<td>-' "$T/out/report.html"

	calibration bb false 42.1 42.1 >"$t/calibration-wireless.json"
	run -0 "$ANALYSIS" table --out "$T/out" throughput
	[[ $output == *"uncalibrated: a link is not as its scenario says, see $t/calibration-wireless.json"* ]]
	[[ $output != *"calibration.json"* ]]
	rm "$t/calibration-wireless.json"
	run -0 "$ANALYSIS" table --out "$T/out" throughput
	[[ $output == *"uncalibrated: no $t/calibration*.json is of the scenario of wireless-mpip+mptcp"* ]]

	# of one contestant alone, as ONLY= leaves it
	calibration bb true 42.1 42.1 >"$t/calibration-wireless.json"
	rm -r "$t/calibration.json" "$t"/no-limit-*
	run -0 "$ANALYSIS" table --out "$T/out" throughput
	[[ $output != *calibrat* ]] || { echo "$output"; return 1; }
}

@test "table: plain is the one on the same links, links alone are scaled by their calibrated rates" {
	made_up_scenarios
	run -0 "$ANALYSIS" table --out "$T/out" throughput
	# 109 over 81 and 40.5: (109 - 81) / 40.5; 46 over 41 and 41
	[[ $output =~ no-limit-plain\ +3\ +81\.00\ .*\ 1\.00\ +0\.00\  ]]
	[[ $output =~ no-limit-mpip\ +3\ +109\.0\ +2\.484\ +1\.000\ +1\.35\ +0\.69\  ]]
	[[ $output =~ wireless-mpip\+mptcp\ +3\ +46\.00\ +2\.484\ +1\.000\ +1\.12\ +0\.12\ +4\  ]]
	[[ $output == *"; wire form: several"* ]]
	# other losses: what the second link carries alone does not follow
	LOSS=1 calibration bb true 42.1 42.1 | sed 's/"loss_percent": { "configured": 1/"loss_percent": { "configured": 0/' \
		>"$T/out/throughput/calibration-wireless.json"
	run -0 "$ANALYSIS" table --out "$T/out" throughput
	[[ $output =~ wireless-mpip\+mptcp\ +3\ +46\.00\ +2\.484\ +1\.000\ +1\.12\ +-\ +4\  ]]
}

@test "report: results of another version that no claim is about are a line; plot draws the others" {
	made_up_results
	made_up two-nics plain 1 90
	local bad=$T/out/two-nics/plain-r01-s1-d3/result.json
	sed -i 's/"schema_version": 3/"schema_version": 2/' "$bad"
	run -1 "$ANALYSIS" plot --out "$T/out"
	[[ $output == *"$bad: schema_version: expected 3, got 2: "*"make experiment NAME=two-nics makes it again"* ]]
	[[ $output == *"figures/throughput.svg and .png"* && $output == *"figures/tcp-modes.svg and .png"* ]]
	run -0 "$ANALYSIS" report --out "$T/out"
	grep -qF "<p>$bad: schema_version: expected 3, got 2: " "$T/out/report.html"
	grep -q '<p>Form: short; repetitions: 3; ground: vm; git revision: 0123456789ab; ' "$T/out/report.html"

	sed -i 's/"dirty": false/"dirty": true/' "$T/out/tcp-modes/plain-r02-s1-d3/result.json"
	sed -i 's/"kernel"/"command_line": ["--paper"], "kernel"/' "$T"/out/tcp-modes/*/result.json
	rm -r "$T/out/throughput/no-limit-mpip-r01-s1-d3"
	"$ANALYSIS" report --out "$T/out"
	grep -q "<p>Form: several (the paper's, short); repetitions: 2 to 3; " "$T/out/report.html"
	grep -q 'git revision: several (0123456789ab, 0123456789ab (dirty)); ' "$T/out/report.html"
}

@test "a result or a list of runs that cannot be relied on is one line, not a wrong mean" {
	made_up two-nics plain 1 90
	made_up two-nics plain 2 92
	local first=$T/out/two-nics/plain-r01-s1-d3/result.json second=$T/out/two-nics/plain-r02-s1-d3/result.json
	local runs=$T/out/two-nics/runs.json change
	run -0 "$ANALYSIS" table --out "$T/out" two-nics
	[[ $output == *" 91.00 "* ]]
	cp "$first" "$T/first"
	cp "$second" "$T/second"
	cp "$runs" "$T/runs"

	local -A wrong=(
		['s/"goodput_mbit": 92/"goodput_mbit": "92"/']="$second: goodput_mbit: expected a number"
		['s/"goodput_mbit": 92,//']="$second: goodput_mbit: missing, expected a number"
		['s/"duration_s": 3/"duration_s": 9/']="$second: duration_s: expected 3, as in plain-r01-s1-d3, got 9"
		['s/"seed": 1/"seed": 7/']="$second: seed: expected 1, as in plain-r01-s1-d3, got 7"
		['s/"contestant": "plain"/"contestant": "x`id`"/']="$second: contestant: expected a name of small letters"
		['s/"marks": \[\]/"marks": "cpu"/']="$second: marks: expected a list"
		['s/"direction": "forward"/"direction": null/']="$second: workload.direction: expected"
		['s/"experiment": "two-nics"/"experiment": "udp"/']="$second: experiment: expected two-nics, as its directory is called, got udp"
	)
	for change in "${!wrong[@]}"; do
		sed -i "$change" "$second"
		run -1 "$ANALYSIS" table --out "$T/out" two-nics
		[[ ${#lines[@]} -eq 1 && $output == "${wrong[$change]}"* ]] || { echo "$change: $output"; return 1; }
		cp "$T/second" "$second"
	done

	wrong=(
		['{}']="$runs: runs: expected a list of runs"
		['{"runs": [1]}']="$runs: runs[0]: expected a string"
		['{"runs": ["plain-r01-s1-d3", "plain-r01-s1-d3"]}']="$runs: runs[1]: expected each run once"
		['{"runs": ["../x"]}']="$runs: runs[0]: expected the name of a run"
		[' ']="$runs: "
	)
	for change in "${!wrong[@]}"; do
		echo "$change" >"$runs"
		run -1 "$ANALYSIS" table --out "$T/out" two-nics
		[[ ${#lines[@]} -eq 1 && $output == "${wrong[$change]}"* ]] || { echo "$change: $output"; return 1; }
	done
	cp "$T/runs" "$runs"
	run -1 bash -c '"$1" table --out "$2" two-nics >/dev/full' - "$ANALYSIS" "$T/out"
	[[ $output == "standard output cannot be written" ]]
}
