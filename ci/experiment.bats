#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Experiments from the definition to the figure. One short two-nics is run for the whole file; the
# tests look at what it left. Small experiments of 1 s are made up where something is to go wrong.

bats_require_minimum_version 1.5.0

setup_file() {
	local root
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export BUILD=${BUILD:-build}
	[[ $BUILD == /* ]] || BUILD=$root/$BUILD
	export OUT=$BATS_FILE_TMPDIR/out LOG=$BATS_FILE_TMPDIR/make.log
	[[ $(id -u) -eq 0 ]] || return 0
	make -C "$root" experiment NAME=two-nics DURATION=4 REPS=1 OUT="$OUT" >"$LOG" 2>&1 ||
		{ cat "$LOG"; return 1; }
}

setup() {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces"
	cd "$BATS_TEST_DIRNAME/.." || return
	EXPERIMENT=$BUILD/experiments/experiment
	ANALYSIS=$BUILD/analysis/analysis
	T=$BATS_TEST_TMPDIR
}

# value CONTESTANT PATH: something of its result in the shared two-nics.
value() {
	"$BUILD/ci/json" "$2" <"$OUT/two-nics/$1-r01-s1-d4/result.json"
}

at_least() {
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }' || { echo "$1 < $2" >&2; return 1; }
}

# small NAME CONTESTANT...: writes an experiment of 1 s with these contestants, JSON each.
small() {
	local name=$1 IFS=, contestants
	shift
	contestants="$*"
	cat >"$T/$name.json" <<-END
		{ "title": "t", "scenario": "$PWD/lab/scenarios/dual-nic.json", "workload": { "kind": "tcp" },
		  "duration_s": 1, "repeats": 1, "contestants": [ $contestants ] }
	END
}

PLAIN='{ "name": "plain" }'

# left_behind PID: what the runner of that process ID has left of its lab and of its processes.
left_behind() {
	find /run/netns /run/mpip-lab -maxdepth 1 -name "experiment-$1*" 2>/dev/null
	grep "experiment-$1" /proc/self/mountinfo
	pgrep -f "$T/out"
	return 0
}

@test "two-nics: a table with all contestants, and the figures" {
	local c
	for c in plain mptcp mpip mpip+mptcp; do
		grep -Eq "^${c/+/\\+} +1( \\(1 limited\\))? +[0-9.]+ " "$LOG" || { cat "$LOG"; return 1; }
	done
	for c in two-nics two-nics-paths; do
		grep -q '</svg>' "$OUT/figures/$c.svg"
		[[ $(head -c 4 "$OUT/figures/$c.png" | tail -c 3) == PNG ]]
	done
}

@test "two-nics: results fit the schema, and the validator notices those that do not" {
	local check=$BUILD/experiments/check-result schema=experiments/result.schema.json
	local result=$OUT/two-nics/mpip-r01-s1-d4/result.json wrong
	run -0 "$check" "$schema" "$OUT"/two-nics/*/result.json
	[[ $output == "4 of 4 results"* ]]
	sed 's/"goodput_mbit": [0-9.]*/"goodput_mbit": "fast"/' "$result" >"$T/type.json"
	sed 's/"contestant": "mpip"/"contestants": "mpip"/' "$result" >"$T/key.json"
	sed 's/"ground": "host"/"ground": "moon"/' "$result" >"$T/enum.json"
	head -c 1000 "$result" >"$T/cut.json"
	for wrong in type key enum cut; do
		run -1 "$check" "$schema" "$T/$wrong.json"
		[[ ${lines[0]} == "$T/$wrong.json: "* ]]
	done
}

@test "two-nics: the same again runs nothing, says so, and prints the table" {
	find "$OUT/two-nics" -name result.json -printf '%p %T@\n' | sort >"$T/before"
	SECONDS=0
	run -0 make experiment NAME=two-nics DURATION=4 REPS=1 OUT="$OUT"
	((SECONDS < 15))
	[[ $output == *"two-nics: 4 runs are there already, nothing to do"* ]]
	[[ $output == *"mpip+mptcp  "* ]]
	find "$OUT/two-nics" -name result.json -printf '%p %T@\n' | sort | diff "$T/before" -
}

@test "two-nics: no run is marked; MPTCP has four subflows with CUBIC on four pairs of addresses" {
	local c
	for c in plain mptcp mpip mpip+mptcp; do
		[[ $(value "$c" marks) == "[]" ]]
	done
	for c in mptcp mpip+mptcp; do
		[[ $(value "$c" mptcp.counters.server.MPCapableACKRX) -eq 1 ]]
		[[ $(value "$c" mptcp.counters.server.MPJoinAckRx) -eq 3 ]]
		[[ $(value "$c" "tcp.connections[].congestion_control" | sort | uniq -c) == *"4 cubic" ]]
		[[ $(paste <(value "$c" "tcp.connections[].src") \
			<(value "$c" "tcp.connections[].dst") | sort -u | wc -l) -eq 4 ]]
	done
	[[ $(value plain tcp.connections[].congestion_control) == cubic ]]
	[[ $(value mpip+mptcp "mpipd.hosts.client.sessions.sessions[protocol=tcp].state" |
		grep -c multipath) -ge 4 ]]
}

@test "two-nics: by the routers' counts MPIP uses all paths and both NICs, plain TCP does not" {
	run -0 "$ANALYSIS" paths "$OUT/two-nics/mpip-r01-s1-d4/result.json"
	[[ $output == *"10.0.2.2        > 10.0.4.2"* ]]
	run -1 "$ANALYSIS" paths "$OUT/two-nics/plain-r01-s1-d4/result.json"
	[[ $output == *"<- no data"* ]]
}

@test "two-nics: the logged weights follow from the logged delays; a changed one is noticed" {
	local log=$OUT/two-nics/mpip-r01-s1-d4/paths-client.csv
	run -0 "$ANALYSIS" replay "$OUT"/two-nics/mpip*/result.json
	[[ ${#lines[@]} -eq 4 && $output != *": 0 weights"* ]]
	# a weight in the middle: line 60, column weight
	awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "weight") w = i }
		NR == 60 { $w += 10 } 1' "$log" >"$T/changed.csv"
	run -1 "$ANALYSIS" replay "$T/changed.csv"
	[[ $output == *"Algorithm 1 gives"* ]]
	run -1 "$ANALYSIS" replay "$OUT/two-nics/plain-r01-s1-d4/result.json"
	[[ $output == *"expected a run with mpipd"* ]]
}

fast_enough() {
	at_least "$(value plain goodput_mbit)" 90 &&
		at_least "$(value mpip goodput_mbit)" \
			"$(value plain goodput_mbit | awk '{ print 1.6 * $1 }')" &&
		at_least "$(value mptcp goodput_mbit)" 150
}

# Other work on the machine makes a run slower, never faster: one good round of three shows it.
@test "two-nics: plain TCP fills one link, MPIP carries at least 1.6 times as much" {
	[[ -z ${SANITIZE:-} ]] || skip "the sanitizers' cost is not the datapath's"
	for _ in 1 2; do
		! fast_enough || return 0
		"$EXPERIMENT" --out "$OUT" --fresh --duration 4 --reps 1 experiments/two-nics.json
	done
	fast_enough
}

@test "two-nics: figures that are drawn twice at once are drawn" {
	local i pids=()
	for i in 1 2 3; do
		"$ANALYSIS" plot --out "$OUT" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	grep -q '</svg>' "$OUT/figures/two-nics.svg"
}

@test "another definition is run again, the same is not, FRESH is" {
	small again "$PLAIN"
	run -0 "$EXPERIMENT" --out "$T/out" "$T/again.json"
	[[ $output == *"run 1 of 1, plain-r01-s1-d1: "* ]]
	sed -i 's/"title": "t"/"title": "other words"/' "$T/again.json"
	run -0 "$EXPERIMENT" --out "$T/out" "$T/again.json"
	[[ $output == *"1 run is there already, nothing to do"* ]]
	run -0 "$EXPERIMENT" --out "$T/out" --fresh "$T/again.json"
	[[ $output == *"run 1 of 1"* ]]
	sed -i 's/"kind": "tcp"/"kind": "tcp", "direction": "reverse"/' "$T/again.json"
	run -0 "$EXPERIMENT" --out "$T/out" "$T/again.json"
	[[ $output == *"1 made by another definition"*"run 1 of 1"* ]]
}

@test "a run that is not what it is called is marked and not averaged" {
	small marked '{ "name": "mpip", "mpipd": { "interfaces": ["eth0"] } }'
	run -0 "$EXPERIMENT" --out "$T/out" "$T/marked.json"
	run -0 "$ANALYSIS" table --out "$T/out" marked
	[[ $output == *"0 (1 marked)"* && $output == *"marked, not averaged: mpip-r01-s1-d1"* ]]
	run -0 "$ANALYSIS" plot --out "$T/out"
	[[ $output == *"nothing to draw"* ]]
}

@test "a run that fails keeps its logs, is told in one line, and the others go on" {
	small fails '{ "name": "broken", "mpipd": { "no_such_key": 1 } }' "$PLAIN"
	run -1 "$EXPERIMENT" --out "$T/out" "$T/fails.json"
	[[ $output == *"run 1 of 2, broken-r01-s1-d1: failed: "*"no_such_key: unknown key"* ]] || { echo "$output"; return 1; }
	[[ $output == *"run 2 of 2, plain-r01-s1-d1: "*"Mbit/s"* ]]
	[[ $output == *"1 of 2 runs failed; their logs are in $T/out/fails/failed"* ]]
	[[ -s $T/out/fails/failed/broken-r01-s1-d1/mpipd-client.log ]]
}

@test "a scenario's events happen at their times in the measured part, and stand in the result" {
	small events "$PLAIN"
	sed '$d' lab/scenarios/dual-nic.json >"$T/events-lab.json"
	echo ', "events": [
		{ "at_s": 2, "link": "client.eth0", "action": "rate", "rate_mbit": 100 },
		{ "at_s": 1, "link": "client.eth0", "action": "rate", "rate_mbit": 10 } ] }' >>"$T/events-lab.json"
	sed -i "s|$PWD/lab/scenarios/dual-nic.json|$T/events-lab.json|; s/\"duration_s\": 1/\"warm_up_s\": 1, \"duration_s\": 4/" "$T/events.json"
	run -0 "$EXPERIMENT" --out "$T/out" "$T/events.json"
	local result
	result=$(echo "$T"/out/events/*/result.json)
	"$BUILD/experiments/check-result" experiments/result.schema.json "$result"
	[[ $("$BUILD/ci/json" events[].event <"$result") == \
		"link client.eth0 rate 10 Mbit/s"$'\n'"link client.eth0 rate 100 Mbit/s" ]]
	"$BUILD/ci/json" events[].played_s <"$result" | awk '{ exit !($1 >= NR && $1 < NR + 0.1) }'
	# The second second alone was slow.
	"$BUILD/ci/json" series[] <"$result" | awk '
		NR == 2 { slow = $1 < 20 } NR != 2 && $1 > 50 { fast++ }
		{ print } END { exit !(slow && fast == 3) }'
}

@test "Ctrl-C and SIGTERM at any moment leave nothing behind" {
	local pid signal after status
	for signal in 2 15; do
		for after in 0.1 0.4 2.5; do
			setsid "$EXPERIMENT" --out "$T/out" --only mpip+mptcp --duration 5 \
				experiments/two-nics.json >"$T/log" 2>&1 3>&- &
			pid=$!
			sleep "$after"
			kill -"$signal" "$pid"
			status=0
			wait "$pid" || status=$?
			((status == 128 + signal)) || { echo "$status"; cat "$T/log"; return 1; }
			[[ ! -e $T/out && -z $(left_behind "$pid") ]] || { left_behind "$pid"; return 1; }
		done
	done
}

@test "after kill -9 the next call clears up" {
	local pid
	small killed "$PLAIN"
	"$EXPERIMENT" --out "$T/out" --duration 9 "$T/killed.json" >/dev/null 2>&1 3>&- &
	pid=$!
	for _ in {1..300}; do
		[[ ! -e /run/mpip-lab/experiment-$pid-w/up.json ]] || break
		sleep 0.1
	done
	sleep 0.3
	[[ $(left_behind "$pid") == *"/run/mpip-lab/experiment-$pid"* && -n $(ls "$T/out/killed/.unfinished") ]]
	echo "somebody else's" >"$T/out/killed/.note"
	kill -KILL "$pid"
	wait "$pid" || true
	run -0 "$EXPERIMENT" --out "$T/out" "$T/killed.json"
	[[ -z $(left_behind "$pid") ]] || { left_behind "$pid"; return 1; }
	[[ $(LC_ALL=C ls -A "$T/out/killed") == "$(printf '.note\ncalibration.json\nplain-r01-s1-d1\nruns.json')" ]]
}

@test "what the runner has not made stays: another's OUT, and what is in it" {
	local pid after
	small mine "$PLAIN"
	mkdir "$T/out"
	for after in 0.3 2; do
		"$EXPERIMENT" --out "$T/out" "$T/mine.json" >"$T/log" 2>&1 3>&- &
		pid=$!
		sleep "$after"
		kill -TERM "$pid"
		wait "$pid" || true
		[[ -d $T/out && ! -e $T/out/mine ]] || { ls -A "$T/out"; cat "$T/log"; return 1; }
	done
}

@test "a result that is replaced is there whole at any moment" {
	small kept "$PLAIN"
	"$EXPERIMENT" --out "$T/out" "$T/kept.json"
	local result=$T/out/kept/plain-r01-s1-d1/result.json pid looks=
	"$EXPERIMENT" --out "$T/out" --fresh "$T/kept.json" 3>&- &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		# It would be away for less than a millisecond.
		for looks in {1..500}; do
			[[ -e $result ]] || { kill "$pid"; return 1; }
		done
		"$BUILD/ci/json" goodput_mbit <"$result" >/dev/null
	done
	wait "$pid"
	[[ -n $looks ]]
}

@test "make report: interrupted it stops at once and leaves nothing, started again it goes on; the page is whole" {
	local call pid
	call=(env -u MAKEFLAGS -u MAKELEVEL make report NAME=disjoint-paths ONLY=plain GROUND=host DURATION=2 WARM_UP=0 REPS=3 OUT="$T/out")
	setsid "${call[@]}" >"$T/log" 2>&1 3>&- &
	pid=$!
	for _ in {1..300}; do
		! grep -q 'run 1 of 3, ' "$T/log" || break
		sleep 0.2
	done
	sleep 1
	kill -TERM -- "-$pid"
	wait "$pid" || true
	for _ in {1..50}; do
		pgrep -f "$T/out" >/dev/null || break
		sleep 0.1
	done
	[[ -z $(pgrep -f "$T/out") && ! -e $T/out/report.html ]] || { cat "$T/log"; return 1; }
	[[ $(head -n 1 "$T/log") == "report: 1 experiments, 3 runs to do, about "* ]]
	[[ $(find "$T/out" -name result.json | wc -l) -eq 1 ]]
	find "$T/out" -name result.json -printf '%p %T@\n' >"$T/before"

	run -0 "${call[@]}"
	[[ $output == *"report: 1 experiments, 2 runs to do"*"disjoint-paths: 1 run is there already"*"run 2 of 2"* ]]
	grep -qFx "$(<"$T/before")" <(find "$T/out" -name result.json -printf '%p %T@\n')
	[[ $(grep -c '<tr id="claim-' "$T/out/report.html") -eq 40 ]]
	grep -q '<figure id="fig-disjoint-paths">' "$T/out/report.html"
	[[ $("$BUILD/ci/json" claims[].verdict <"$T/out/claims.json" | wc -l) -eq 40 ]]

	run -2 env -u MAKEFLAGS -u MAKELEVEL make report NAME="disjoint-paths no-such"
	[[ ${lines[0]} == 'NAME=disjoint-paths no-such: expected some of: '*"two-nics"* ]]
}

@test "bad experiments and options: one line each, nothing run" {
	local -A wrong=(
		['s/"title"/"titel"/']="titel: unknown key, expected about, title"
		['s/"duration_s": 1/"duration_s": -1/']="duration_s: expected a whole number from 1"
		['s/"kind": "tcp"/"kind": "tcp", "from": "nobody"/']="workload.from: expected a host of the scenario"
		['s/dual-nic/no-such/']="scenario: expected a scenario's file"
		['s/"name": "plain"/"name": "a b"/']="contestants[0].name: expected a name"
		['s/}//']="line "
	)
	local change
	for change in "${!wrong[@]}"; do
		small bad "$PLAIN"
		sed -i "$change" "$T/bad.json"
		run -1 "$EXPERIMENT" --out "$T/out" "$T/bad.json"
		[[ ${#lines[@]} -eq 1 && $output == "$T/bad.json: ${wrong[$change]}"* ]] ||
			{ echo "$change: $output"; return 1; }
	done
	small good "$PLAIN"
	for change in "--reps 0" "--seed x" "--ground moon" "--only nobody" "--what" "--out"; do
		# shellcheck disable=SC2086 # an option and its value
		run -1 "$EXPERIMENT" "$T/good.json" $change
		[[ ${#lines[@]} -eq 1 ]] || { echo "$change: $output"; return 1; }
	done
	[[ ! -e $T/out ]]
	# the words of NAME are compared, not used as patterns or by the shell
	for change in no-such "two-nics udp" "two-nics no-such" % "x'y" ""; do
		run -2 make experiment NAME="$change"
		[[ ${lines[0]} == "NAME=$change: expected one of: "*"two-nics"* ]] || { echo "$output"; return 1; }
	done
}

@test "make: a value with spaces is one; report says once what no experiment can be run with" {
	local make=(env -u MAKEFLAGS -u MAKELEVEL make) change
	run -2 "${make[@]}" plots OUT="$T/my out"
	[[ ${lines[0]} == "$T/my out: no results to draw; make experiment makes some" ]] || { echo "$output"; return 1; }
	run -2 "${make[@]}" experiment NAME=two-nics OUT="$T/my out" ONLY="no body"
	[[ ${lines[0]} == '--only: experiments/two-nics.json has no contestant "no body"' ]] || { echo "$output"; return 1; }
	for change in DURATION=abc "GROUND=the moon" ONLY=nobody; do
		run -2 "${make[@]}" report OUT="$T/my out" "$change"
		[[ ${#lines[@]} -eq 2 && ${lines[0]} == *"${change#*=}"* ]] || { echo "$output"; return 1; }
	done
	[[ ! -e $T/my\ out ]]
}

@test "on the host ground without root and sudo: one line" {
	run -1 setpriv --reuid=65534 --clear-groups env PATH=/nonexistent "$EXPERIMENT" --ground host \
		--out "$T/out" experiments/two-nics.json
	[[ ${#lines[@]} -eq 1 && $output == "the host ground needs root, "* ]]
}
