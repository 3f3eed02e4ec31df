#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The analysis of experiments: results, tables, figures, and the report that judges the claims.

# bats file_tags=beside

bats_require_minimum_version 1.5.0

load analysis
load results

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

# note ID: of a claim in claims.json.
note() {
	json "$T/out/claims.json" "claims[id=$1].note"
}

# sends_again SEGMENTS RESULT...: so many of 1000 in each.
sends_again() {
	sed -i "s/\"tcp\": {[^}]*}, //; s/\"paths\"/\"tcp\": { \"retransmitted_segments\": $1, \"sent_segments\": 1000 }, &/" "${@:2}"
}

@test "report: a note stands with the result that shows it, and with the claims that it speaks of" {
	local r t=$T/out/throughput
	made_up_results
	for r in 1 2 3; do made_up tcp-modes udp-wrapper $r "$((140 + r))"; done
	"$ANALYSIS" report --out "$T/out"
	[[ $(verdict 7) == "not reproduced" && $(verdict 5) == differs ]]
	[[ -z $(note 7) && -z $(note 5) ]]
	sends_again 70 "$T"/out/*/*/result.json
	"$ANALYSIS" report --out "$T/out"
	[[ $(note 7) == *"MPIP sends 7 % again"* && $(note 5) == "As with claim 7, 7 % "* ]]
	grep -q 'MPIP sends 7 % again' "$T/out/report.html"
	# another result
	sends_again 20 "$t"/no-limit-mpip-*/result.json
	"$ANALYSIS" report --out "$T/out"
	[[ -z $(note 7) && $(note 5) == "As with claim 7, 7 % "* ]]
	# another verdict
	sends_again 70 "$t"/no-limit-mpip-*/result.json
	sed -i 's/"goodput_mbit": 1[0-9]*/"goodput_mbit": 100/' "$t"/no-limit-mptcp-*/result.json "$t"/no-limit-mpip+mptcp-*/result.json
	"$ANALYSIS" report --out "$T/out"
	[[ $(verdict 7) == differs && -z $(note 7) ]]
	# a first look: fewer repetitions than a verdict needs
	made_up_results
	rm -r "$t"/no-limit-mpip-r03-s1-d3
	"$ANALYSIS" report --out "$T/out"
	[[ $(verdict 7) == missing && -z $(note 7) && -z $(note 5) ]]
	# a part of the experiments
	sends_again 70 "$T"/out/tcp-modes/*/result.json
	rm -r "$t"
	"$ANALYSIS" report --out "$T/out"
	[[ $(verdict 5) == differs && -z $(note 5) ]]
	[[ -z $(json "$T/out/claims.json" claims[].note | tr -d '"\n') ]]
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

# Of every figure that a claim names there is a kind, and it is not that of another experiment.
@test "claims: the figures that they name are kinds that there are" {
	local name
	json analysis/claims.json claims[].figure | tr -d '"' | sort -u >"$T/named"
	[[ $(wc -l <"$T/named") -gt 10 ]]
	while read -r name; do
		[[ -e experiments/$name.json ]] ||
			[[ -e experiments/${name%-*}.json && $(grep -c "{\"-${name##*-}\", plot_" analysis/figure/plot.c) -eq 1 ]] ||
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
	sed -i 's/"schema_version": 5/"schema_version": 7/' "$bad"
	for c in "report" "table throughput" "plot throughput"; do
		# shellcheck disable=SC2086 # a command and its argument
		run -1 "$ANALYSIS" $c --out "$T/out"
		[[ ${#lines[@]} -eq 1 && $output == "$bad: schema_version: expected 5, got 7: "* ]] ||
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

@test "report: on a full disk the last one stays, and one line says so" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for a disk that is full"
	made_up_results
	"$ANALYSIS" report --out "$T/out"
	mkdir "$T/disk"
	local room
	for room in 0 8 40; do
		# shellcheck disable=SC2016 # the inner shell's
		run -0 unshare --mount bash -c 'mount -t tmpfs -o size=400k full "$2/disk" && cp -r "$2/out" "$2/disk/" &&
			sed -i s/170/180/g "$2"/disk/out/*/*/result.json || exit 9
			head -c 1m /dev/zero >"$2/disk/others" 2>/dev/null
			truncate -s -"$3"k "$2/disk/others"
			if "$1" report --out "$2/disk/out" 2>"$2/said"; then exit 8; fi
			cmp "$2/out/report.html" "$2/disk/out/report.html" && cmp "$2/out/claims.json" "$2/disk/out/claims.json" &&
			[[ ! -e $2/disk/out/.report.html && ! -e $2/disk/out/.claims.json ]]' - "$ANALYSIS" "$T" "$room"
		[[ $(wc -l <"$T/said") -eq 1 && $(<"$T/said") == "$T/disk/out/"*": No space left on device" ]] ||
			{ echo "$room: $(<"$T/said")"; return 1; }
	done
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
		['s/"verdict": "differs", "claims": \[7\]/"verdict": "missing", "claims": [7]/']='claims[4].note.verdict: expected reproduced, differs or not reproduced'
		['s/"verdict": "differs", "claims": \[7\]/"verdict": "differs", "claims": [77]/']='claims[4].note.claims[0]: expected the number of a claim'
		['s/"ratio": \["fake_again", "fake_sent"\]/"ratio": ["fake_again", "nothing"]/']='claims[4].note.when[0].of.ratio[1]: expected a name out of "values"'
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

# The table's numbers, unrounded: by hand from the goodputs, 81 to 83 and 108 to 110.
@test "table: --json and --csv have the same numbers for programs, and settings that differ are named" {
	made_up_scenarios
	local t=$T/out/throughput
	sed -i 's|"provenance": {|& "definition": { "contestant": { "mpipd": { "scheduler": "fixed", "reorder": { "buffer_packets": 10, "pool_packets": 80 } } } },|' \
		"$t"/no-limit-mpip-*/result.json
	sed -i 's|"provenance": {|& "definition": { "contestant": { "mpipd": { "scheduler": "fixed", "reorder": { "buffer_packets": 0, "pool_packets": 80 }, "policies": [{ "start": 0 }] }, "sysctls": { "net.ipv4.tcp_recovery": 0 } } },|' \
		"$t"/wireless-mpip+mptcp-*/result.json
	run -0 "$ANALYSIS" table --out "$T/out" throughput
	[[ $output == *"settings that differ:"$'\n'"  no-limit-mpip: reorder.buffer_packets 10"$'\n'* ]]
	[[ $output == *'  wireless-mpip+mptcp: reorder.buffer_packets 0, policies [{"start": 0}], net.ipv4.tcp_recovery 0'$'\n'* ||
		$output == *'  wireless-mpip+mptcp: reorder.buffer_packets 0, policies [{"start": 0}], net.ipv4.tcp_recovery 0' ]]
	"$ANALYSIS" plot --out "$T/out" --format svg
	grep -q 'no-limit-mpip: reorder.buffer_packets 10 · wireless-mpip+mptcp: reorder' "$T/out/figures/throughput.svg"

	"$ANALYSIS" table --json --out "$T/out" throughput >"$T/table.json"
	[[ $(json "$T/table.json" ground) == vm && $(json "$T/table.json" contestants[].contestant | wc -l) -eq 4 ]]
	about "$(json "$T/table.json" "contestants[contestant=no-limit-mpip].goodput_mbit")" 109 1e-9
	about "$(json "$T/table.json" "contestants[contestant=no-limit-mpip].ci95_mbit")" 2.484138 1e-6
	about "$(json "$T/table.json" "contestants[contestant=no-limit-mpip].ratio_to_plain")" 1.345679 1e-6
	[[ $(json "$T/table.json" "contestants[contestant=no-limit-mpip].settings") == *'"reorder.buffer_packets": 10'* ]]
	[[ $(json "$T/table.json" "contestants[contestant=no-limit-plain].subflows") == null ]]

	run -0 "$ANALYSIS" table --csv --out "$T/out" throughput
	[[ ${#lines[@]} -eq 5 && ${lines[0]} == contestant,runs,limited_runs,marked_runs,goodput_mbit,ci95_mbit,*,settings ]]
	# commas but for those in quotes: the same in each line
	[[ $(sed 's/""//g; s/"[^"]*"//g; s/[^,]//g' <<<"$output" | sort -u | wc -l) -eq 1 ]]
	[[ $output == *$'\n'no-limit-mpip,3,0,0,109,2.48413*",0.7/0.3,"*",reorder.buffer_packets 10"* ]]
	[[ $output == *',"reorder.buffer_packets 0, policies [{""start"": 0}], net.ipv4.tcp_recovery 0"'* ]]
	run -1 "$ANALYSIS" table --csv --json --out "$T/out" throughput
	[[ $output == "analysis table: expected --csv or --json; see analysis table --help" ]]
}

@test "analysis: it runs in any directory" {
	made_up_results
	local analysis claims
	analysis=$(realpath "$ANALYSIS")
	"$ANALYSIS" report --out "$T/out"
	claims=$(sha256sum <"$T/out/claims.json")
	mkdir "$T/elsewhere"
	cp "$analysis" "$T/moved"
	cd "$T/elsewhere"
	run -0 "$analysis" table --out "$T/out" tcp-modes
	[[ $output == *"plain "* ]]
	"$T/moved" plot --out ../out
	"$T/moved" report --out ../out
	[[ $(sha256sum <"$T/out/claims.json") == "$claims" ]]
}

@test "report: results of another version that no claim is about are a line; plot draws the others" {
	made_up_results
	made_up two-nics plain 1 90
	local bad=$T/out/two-nics/plain-r01-s1-d3/result.json
	sed -i 's/"schema_version": 5/"schema_version": 2/' "$bad"
	run -1 "$ANALYSIS" plot --out "$T/out"
	[[ $output == *"$bad: schema_version: expected 5, got 2: "*"make experiment NAME=two-nics makes it again"* ]]
	[[ $output == *"figures/throughput.svg and .png"* && $output == *"figures/tcp-modes.svg and .png"* ]]
	run -0 "$ANALYSIS" report --out "$T/out"
	grep -qF "<p>$bad: schema_version: expected 5, got 2: " "$T/out/report.html"
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
	[[ $output == "analysis: standard output cannot be written: No space left on device" ]]
}
