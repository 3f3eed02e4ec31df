#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Figures: what is in a picture, and what happens to the files that it is made of.
# bats file_tags=beside

bats_require_minimum_version 1.5.0

load analysis
load results

# pictures: the names of what is in the gallery, without directories and what is aside.
pictures() {
	find "$T/out/figures" -maxdepth 1 -type f -printf '%f\n' | sort | paste -sd' '
}

# texts SVG: a line for each text: its x, y and font size in pixels, and the text.
texts() {
	awk 'match($0, /translate\([0-9.]+,[0-9.]+\)/) { split(substr($0, RSTART + 10, RLENGTH - 11), at, ",")
			match($0, /font-size="[0-9.]+/); size = substr($0, RSTART + 11, RLENGTH - 11) }
		/<text>/ { gsub(/.*<text> *|<\/text>.*/, ""); print at[1], at[2], size, $0 }' "$1"
}

# good_calibration EXPERIMENT: of the links of its runs.
good_calibration() {
	echo '{ "good": true, "ground": "vm", "gips": 0, "scenario_sha256": "" }' >"$T/out/$1/calibration.json"
}

# size_of PNG: "1000x800", out of its header.
size_of() {
	od -An -tu4 --endian=big -j16 -N8 "$1" | awk '{ print $1 "x" $2 }'
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
		grep -qE "'$c: the clock is set to 999.9 ppm, 1000(\.0+)? \[[0-9.-]+, [0-9.-]+\] ppm are found'" "$T/out/figures/data/clock-offset-clock.gp"
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

@test "figures: samples that are missing for a second are a gap in each line over time" {
	local data=$T/out/figures/data whole
	made_up throughput no-limit-mpip 1 150
	with_paths throughput no-limit-mpip 80 40
	"$ANALYSIS" plot --out "$T/out"
	run ! grep -hE '^[0-9.]+ NaN' "$data/throughput-paths.dat" "$data/throughput-queuing.dat"
	whole=$(lines_in "$T/out/figures/throughput-queuing.svg")

	made_up throughput no-limit-mpip 1 150
	GAP="10 20" with_paths throughput no-limit-mpip 80 40
	"$ANALYSIS" plot --out "$T/out"
	[[ $(row "$data/throughput-paths.dat" 0 10 1) == 0.9 && $(row "$data/throughput-paths.dat" 0 12 1) == 2 ]]
	[[ $(row "$data/throughput-paths.dat" 0 11 2) == NaN && $(row "$data/throughput-paths.dat" 0 11 4) == NaN ]]
	[[ $(row "$data/throughput-queuing.dat" 0 12 2) == NaN ]]
	# gnuplot breaks the line of each of the two paths at such a row
	[[ $(lines_in "$T/out/figures/throughput-queuing.svg") -eq $((whole + 2)) ]]
}

# lines_in SVG: how many pieces the lines in it have together.
lines_in() {
	grep -oE "M[0-9.]+,[0-9.]+ L" "$1" | wc -l
}

@test "figures: a second that no run has is a gap in the goodput's and the call's line" {
	local data=$T/out/figures/data r
	for r in 1 2; do
		made_up skype-routing rule-off $r 1.5
		sed -i "s|\"kind\": \"tcp\"|\"kind\": \"call\"|; s|\"series\": \[[^]]*\]|\"series\": [1, 2]|
			s|\"paths\"|\"call\": { \"audio\": { \"rtt_ms\": { \"mean\": 20 }, \"rtt_series_ms\": [20, null, 22] } }, &|" \
			"$T/out/skype-routing/rule-off-r0$r-s1-d3/result.json"
	done
	"$ANALYSIS" plot --out "$T/out"
	[[ $(row "$data/skype-routing.dat" 1 2 2) == 2 && $(row "$data/skype-routing.dat" 1 3 2) == NaN ]]
	[[ $(row "$data/skype-routing-call.dat" 1 2 2) == NaN && $(row "$data/skype-routing-call.dat" 1 3 2) == 22 ]]
}

@test "figures: formats and sizes are those that are asked for" {
	made_up two-nics plain 1 90
	good_calibration two-nics
	"$ANALYSIS" plot --out "$T/out"
	[[ $(pictures) == "two-nics.png two-nics.svg" && $(size_of "$T/out/figures/two-nics.png") == 2000x860 ]]
	grep -q 'viewBox="0 0 1000 430"' "$T/out/figures/two-nics.svg"
	run -0 "$ANALYSIS" plot --out "$T/out" --format pdf,png --size 500x400 two-nics
	[[ $output == "$T/out/figures/two-nics.png and .pdf" ]]
	# the SVG would show an old state
	[[ $(pictures) == "two-nics.pdf two-nics.png" && $(size_of "$T/out/figures/two-nics.png") == 1000x800 ]]
	# as make plots passes it
	make -s DEPS= BUILD="$BUILD" OUT="$T/out" FORMAT="svg png" SIZE=1000x800 NAME=two-nics plots
	[[ $(pictures) == "two-nics.png two-nics.svg" && $(size_of "$T/out/figures/two-nics.png") == 2000x1600 ]]

	local bad
	for bad in gif "" "svg,jpeg" "," "svg;png"; do
		run -1 "$ANALYSIS" plot --out "$T/out" --format "$bad"
		[[ $output == "format $bad: expected svg, png or pdf, or several with commas between" ]]
	done
	for bad in 1000 1000x 20x20 1000x800x3 -500x400 100000x100 ax5; do
		run -1 "$ANALYSIS" plot --out "$T/out" --size "$bad"
		[[ $output == "size $bad: expected WIDTHxHEIGHT in pixels, each from 100 to 10000, such as 1000x800" ]]
	done
}

# Fonts are a part of the figure's size, so what has room in one has it in all.
@test "figures: in each size text has the same part of the picture" {
	made_up two-nics plain 1 90
	good_calibration two-nics
	local size
	for size in 1000x430 500x215 2000x860 1000x800 500x800 150x100; do
		"$ANALYSIS" plot --out "$T/out" --format svg --size $size >"$T/said"
		texts "$T/out/figures/two-nics.svg" | awk -v size=$size '
			BEGIN { split(size, s, "x"); part = s[1] / 1000 < s[2] / 430 ? s[1] / 1000 : s[2] / 430 }
			/Made/ { title = $3 } /plain$/ { name = $3 } / 0$/ { tic = $3 }
			END { exit !(near(title, 21) && near(name, 13) && near(tic, 13)) }
			function near(got, pixels) { return got > 0 && got / (pixels * part) > 0.98 && got / (pixels * part) < 1.02 }' ||
			{ echo "$size"; texts "$T/out/figures/two-nics.svg"; return 1; }
	done
}

@test "figures: a script draws its picture by itself where it lies" {
	made_up two-nics plain 1 90
	"$ANALYSIS" plot --out "$T/out" --format svg
	mv "$T/out/figures/two-nics.svg" "$T/first.svg"
	(cd "$T/out/figures/data" && gnuplot -d two-nics.gp)
	cmp "$T/first.svg" "$T/out/figures/two-nics.svg"
	(cd "$T/out/figures/data" && gnuplot -d -e "form='png'; width=800; height=600" two-nics.gp)
	[[ $(size_of "$T/out/figures/two-nics.png") == 1600x1200 ]]
	(cd "$T/out/figures/data" && gnuplot -d -e "form='pdf'" two-nics.gp)
	[[ $(head -c 4 "$T/out/figures/two-nics.pdf") == %PDF ]]
}

@test "figures: what a user has told his gnuplot, and his locale, change nothing" {
	made_up two-nics plain 1 90.5
	"$ANALYSIS" plot --out "$T/out" --format svg
	mv "$T/out/figures/two-nics.svg" "$T/first.svg"
	mkdir -p "$T/home/.config/gnuplot" "$T/lib"
	printf 'set logscale y\nset decimalsign ","\nset datafile separator ","\n' |
		tee "$T/home/.gnuplot" "$T/lib/x.gp" >"$T/home/.config/gnuplot/gnuplotrc"
	HOME=$T/home XDG_CONFIG_HOME=$T/home/.config GNUTERM=dumb GNUPLOT_LIB=$T/lib LC_ALL=C LANG=de_DE.UTF-8 \
		"$ANALYSIS" plot --out "$T/out" --format svg
	cmp "$T/first.svg" "$T/out/figures/two-nics.svg"
	grep -q '>90.5<' "$T/out/figures/two-nics.svg"
	if localedef -i de_DE -f UTF-8 "$T/de_DE.UTF-8" 2>"$T/said"; then
		LOCPATH=$T LC_ALL=de_DE.UTF-8 "$ANALYSIS" plot --out "$T/out" --format svg
		cmp "$T/first.svg" "$T/out/figures/two-nics.svg"
		LOCPATH=$T LC_ALL=de_DE.UTF-8 "$ANALYSIS" table --out "$T/out" two-nics | grep -q ' 90\.50 '
	fi
}

@test "figures: a picture without a point is an error, and the last one stays" {
	made_up two-nics plain 1 90
	"$ANALYSIS" plot --out "$T/out"
	cp "$T/out/figures/two-nics.svg" "$T/before.svg"
	# a gnuplot that reads nothing of the data, and one that fails, or writes half a picture
	mkdir "$T/bin"
	printf '#!/bin/sh\nfor s; do :; done\n{ echo "set datafile separator \\",\\""; cat "$s"; } >"$0.gp"\nexec %s -d -e "$3" "$0.gp"\n' \
		"$(command -v gnuplot)" >"$T/bin/gnuplot"
	chmod +x "$T/bin/gnuplot"
	PATH=$T/bin:$PATH run -1 "$ANALYSIS" plot --out "$T/out"
	[[ ${#lines[@]} -eq 1 && $output == "$T/out/figures/two-nics.svg: gnuplot could not draw it: "*point* ]] ||
		{ echo "$output"; return 1; }
	printf '#!/bin/sh\necho "line 7: no such thing" >&2\nexit 1\n' >"$T/bin/gnuplot"
	PATH=$T/bin:$PATH run -1 "$ANALYSIS" plot --out "$T/out"
	[[ $output == "$T/out/figures/two-nics.svg: gnuplot could not draw it: no such thing" ]] || { echo "$output"; return 1; }
	printf '#!/bin/sh\nexit 0\n' >"$T/bin/gnuplot"
	PATH=$T/bin:$PATH run -1 "$ANALYSIS" plot --out "$T/out"
	[[ $output == "$T/out/figures/two-nics.svg: gnuplot could not draw it" ]]
	rm "$T/bin/gnuplot"
	PATH=$T/bin run -1 "$ANALYSIS" plot --out "$T/out"
	[[ $output == "gnuplot: No such file or directory; apt install gnuplot-nox" ]]
	cmp "$T/before.svg" "$T/out/figures/two-nics.svg"
	[[ $(pictures) == "two-nics.png two-nics.svg" ]]
}

@test "figures: on a full disk all are as they were, and one line says so" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for a disk that is full"
	made_up two-nics plain 1 90
	"$ANALYSIS" plot --out "$T/out"
	mkdir "$T/disk"
	local room
	# so many KiB are left: for none, for a script, for a small picture, for nearly all
	for room in 0 8 16 40; do
		# shellcheck disable=SC2016 # the inner shell's
		run -0 unshare --mount bash -c 'mount -t tmpfs -o size=$((200 + $3))k full "$2/disk" && cp -r "$2/out" "$2/disk/" &&
			sed -i s/90/95/g "$2"/disk/out/two-nics/*/result.json || exit 9
			head -c 1m /dev/zero >"$2/disk/others" 2>/dev/null
			truncate -s -"$3"k "$2/disk/others"
			(cd "$2/disk/out/figures" && find . -type f -exec sha256sum {} + | sort) >"$2/before"
			if "$1" plot --out "$2/disk/out" 2>"$2/said"; then exit 8; fi
			(cd "$2/disk/out/figures" && find . -type f -exec sha256sum {} + | sort) | diff - "$2/before"' - \
			"$ANALYSIS" "$T" "$room"
		[[ $(wc -l <"$T/said") -eq 1 && $(<"$T/said") == "$T/disk/out/figures/"*": No space left on device" ]] ||
			{ echo "$room: $(<"$T/said")"; return 1; }
	done
}

@test "figures: those of an experiment that is gone go, and nobody else's" {
	made_up two-nics plain 1 90
	made_up udp mpip 1 90
	with_paths udp mpip 80 40
	"$ANALYSIS" plot --out "$T/out"
	local figures=$T/out/figures
	echo mine >"$figures/udp-mine.svg"
	cp "$figures/data/udp.gp" "$figures/data/my-udp.gp"
	echo mine >"$figures/data/udp-other.gp"
	rm -r "$T/out/udp"
	run -0 "$ANALYSIS" plot --out "$T/out"
	[[ $output == *"$figures/udp-paths: removed, there are no results of udp any more"* ]]
	[[ $(pictures) == "two-nics.png two-nics.svg udp-mine.svg" ]]
	[[ $(cd "$figures/data" && echo *) == "my-udp.gp two-nics.dat two-nics.gp udp-other.gp" ]]
	# and when it was the last one, which is an error all the same
	rm -r "$T/out/two-nics"
	run -1 "$ANALYSIS" plot --out "$T/out"
	[[ $output == *"no results to draw"* && $(pictures) == udp-mine.svg ]]
}

@test "figures: a processor that was late is a line that says what it means, one that was busy a mark" {
	local f figure=$T/out/figures/two-nics.svg
	made_up two-nics plain 1 90
	made_up two-nics mpip 1 160
	good_calibration two-nics
	sed -i 's/vm/host/' "$T/out/two-nics/calibration.json"
	for f in "$T"/out/two-nics/*/result.json; do
		sed -i 's|"ground": "vm"|"ground": "host"|; s|"marks"|"witness": { "p99_ms": 0.81, "delays_ms": 2 }, "cpu_limited": ["the witness"], &|' "$f"
	done
	"$ANALYSIS" plot --out "$T/out"
	local late="real time: the processor was late by up to 0.81 ms (p99 of an idle link): delays below 8.1 ms are not exact; in GROUND=vm they are"
	grep -qF "$late" "$figure"
	run ! grep -E 'CPU-limited|#b00000|pattern' "$figure" "$T/out/figures/data/two-nics.gp"
	run -0 "$ANALYSIS" table --out "$T/out" two-nics
	[[ $output == *"$late"* && $output != *limited* ]]
	"$ANALYSIS" report --out "$T/out"
	grep -qF "<p class=small>$late</p>" "$T/out/report.html"

	sed -i 's|"the witness"|&, "the processor was 99 % busy"|' "$T/out/two-nics/mpip-r01-s1-d3/result.json"
	"$ANALYSIS" plot --out "$T/out"
	grep -q '>CPU-limited: mpip<' "$figure"
	run -0 "$ANALYSIS" table --out "$T/out" two-nics
	[[ $output =~ mpip\ +1\ \(1\ limited\) && $output =~ plain\ +1\ \  ]]
}

# The head's last line, the two legends and the panels are below each other, a line's height apart.
@test "figures: the head's lines, marks and legends do not lie on each other" {
	local contestant size
	for contestant in plain mptcp mpip mpip+mptcp; do
		made_up two-nics $contestant 1 90
		sed -i 's|"ground": "vm"|"ground": "host"|; s|"paper": null|"paper": "/tcp_mode/plain_tcp_mbit"|
			s|"marks"|"witness": { "p99_ms": 0.81, "delays_ms": 2 }, "cpu_limited": ["a", "b"], &|' \
			"$T/out/two-nics/$contestant-r01-s1-d3/result.json"
	done
	for size in 1000x470 1000x800 400x300 1600x400; do
		"$ANALYSIS" plot --out "$T/out" --format svg --size $size >"$T/said"
		texts "$T/out/figures/two-nics.svg" | awk -v size=$size '
			{ text = substr($0, index($0, $4)) }
			text == "Made & up" || text == "Made &amp; up" { title = $2 }
			text ~ /^right: / { subtitle = $2 }
			text ~ /^real time: / { late = $2 }
			text ~ /CPU-limited: 4 of 4/ { caveats = $2 }
			text == "paper" { key = $2 }
			text == "plain" { legend = $2 }
			text == "mpip+mptcp" { end = $1 + 0.6 * 11 * $3 }
			END { split(size, s, "x"); line = 13 * (s[1] / 1000 < s[2] / 470 ? s[1] / 1000 : s[2] / 470)
				exit !(title > 0 && subtitle > title + line && late > subtitle + line && caveats > late + line &&
					key > caveats + line && legend > caveats + line && end < s[1]) }' ||
			{ echo "$size"; texts "$T/out/figures/two-nics.svg"; return 1; }
	done
}
