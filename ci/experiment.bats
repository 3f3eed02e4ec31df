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

teardown() {
	! mountpoint -q "$BATS_TEST_TMPDIR/disk" || umount "$BATS_TEST_TMPDIR/disk"
}

# value CONTESTANT PATH: something of its result in the shared two-nics.
value() {
	"$BUILD/ci/json" "$2" <"$OUT/two-nics/$1-r01-s1-d4/result.json"
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

# tiny NAME CONTESTANT...: the same on a network that is calibrated in 4 s: one NIC each, 20 Mbit/s.
tiny() {
	cat >"$T/tiny-lab.json" <<-END
		{ "hosts": [ { "name": "client", "nics": [ { "name": "eth0", "address": "10.0.1.2/24" } ] },
		             { "name": "server", "nics": [ { "name": "eth0", "address": "10.0.3.2/24" } ] } ],
		  "routers": [ { "name": "router", "ports": [ { "name": "c0", "address": "10.0.1.1/24" },
		                                              { "name": "s0", "address": "10.0.3.1/24" } ] } ],
		  "links": [ { "ends": ["client.eth0", "router.c0"], "rate_mbit": 20 },
		             { "ends": ["router.s0", "server.eth0"], "rate_mbit": 20 } ] }
	END
	small "$@"
	sed -i "s|$PWD/lab/scenarios/dual-nic.json|tiny-lab.json|" "$T/$1.json"
}

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
	local check=$BUILD/experiments/check-result schema=experiments/record/result.schema.json
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
	run -0 make experiment NAME=two-nics DURATION=4 REPS=1 OUT="$OUT"
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

@test "a result names the project's own revision, not that of a repository around it" {
	local copy=$T/around/mpip commit result=$T/out/where/plain-r01-s1-d1/result.json
	commit=(-c user.name=a -c user.email=a@b commit -q --allow-empty -m a)
	mkdir -p "$copy/build/experiments" "$copy/lab"
	cp "$EXPERIMENT" "$copy/build/experiments/"
	cp -r lab/scenarios "$copy/lab/"
	git init -q "$T/around"
	git -C "$T/around" "${commit[@]}"
	tiny where "$PLAIN"
	(cd "$copy" && build/experiments/experiment --ground host --out "$T/out" "$T/where.json")
	[[ $("$BUILD/ci/json" provenance.git.revision <"$result") == null ]]
	[[ $("$BUILD/ci/json" provenance.git.dirty <"$result") == null ]]
	"$BUILD/experiments/check-result" experiments/record/result.schema.json "$result"

	git init -q "$copy"
	git -C "$copy" add lab
	git -C "$copy" "${commit[@]}"
	echo >>"$copy/lab/scenarios/dual-nic.json"
	(cd / && "$copy/build/experiments/experiment" --ground host --out "$T/out" --fresh "$T/where.json")
	[[ $("$BUILD/ci/json" provenance.git.revision <"$result") == "$(git -C "$copy" rev-parse HEAD)" ]]
	[[ $("$BUILD/ci/json" provenance.git.dirty <"$result") == true ]]
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
	small fails '{ "name": "broken", "mpipd": { "tun": "eth0" } }' "$PLAIN"
	run -1 "$EXPERIMENT" --out "$T/out" "$T/fails.json"
	[[ $output == *"run 1 of 2, broken-r01-s1-d1: failed: client: mpipd ended with status 1: "*"TUN device eth0"* ]] || { echo "$output"; return 1; }
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
	"$BUILD/experiments/check-result" experiments/record/result.schema.json "$result"
	[[ $("$BUILD/ci/json" events[].event <"$result") == \
		"link client.eth0 rate 10 Mbit/s"$'\n'"link client.eth0 rate 100 Mbit/s" ]]
	"$BUILD/ci/json" events[].played_s <"$result" | awk '{ if ($1 < NR) exit 1 }'
	# The second second alone was slow, whatever the others were on this machine.
	"$BUILD/ci/json" series[] <"$result" | awk '
		{ print; if (NR == 2) slow = $1; else if (!least || $1 < least) least = $1 }
		END { exit !(NR == 4 && slow < 20 && least > 1.5 * slow) }'
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

# ours: our experiments' files.
ours() {
	find experiments -maxdepth 1 -name '*.json' ! -name '*.schema.json' | sort
}

@test "the definition is checked whole before anything runs: each mistake is a line with its place" {
	local at key
	local -A wrong=( # the contestant's number, what it says, and what is told
		[1]='"sysctls": { "net.ipv4.tcp_recovry": 0 } >sysctls.net.ipv4.tcp_recovry: expected the name of a sysctl'
		[2]='"sysctls": { "net.ipv4.tcp_recovery": "abc" } >sysctls.net.ipv4.tcp_recovery: expected a value that this kernel takes'
		[3]='"sysctls": { "net.ipv4.conf.eth7.rp_filter": 0 } >sysctls.net.ipv4.conf.eth7.rp_filter: expected the name of a sysctl'
		[4]='"mpipd": { "schedular": "algorithm-1" } >mpipd.schedular: unknown key, expected wire_form, * or max_addresses'
		[5]='"mpipd": { "heartbeat_ms": 0 } >mpipd.heartbeat_ms: expected a whole number from 10 to'
		[6]='"mpipd": { "interfaces": ["eth0", "eth9"] } >mpipd.interfaces\[1\]: expected a NIC of both hosts, client has no "eth9"'
		[7]='"mpipd": {}, "clock": { "host": "client", "step": [{ "at": 1 }] } >clock.step\[0\].at: unknown key'
		[8]='"paper": "/nope" >paper: expected the place of a number'
		[9]='"paper": "/tcp_mode" >paper: expected the place of a number'
		[10]='"scenario": "/nope.json" >scenario: expected a scenario'
		[11]='"workload": { "kind": "udp" } >workload.rate_mbit: missing'
		[12]='"workload": { "from": "nobody" } >workload.from: expected a host'
		[13]='"mptpc": true >mptpc: unknown key'
	)
	local all=("$PLAIN")
	for at in {1..13}; do
		all+=("{ \"name\": \"c$at\", ${wrong[$at]% >*} }")
	done
	# fine: a sysctl of a NIC, and one that is the paper's list
	all+=('{ "name": "nic", "sysctls": { "net.ipv4.conf.eth0.rp_filter": 0 }, "paper": "/unplug_replug/mpip_mbit" }')
	small whole "${all[@]}"
	for at in "1 --check" "2 --plan" "2 --fresh" "2 --only plain"; do
		# shellcheck disable=SC2086 # options
		run "-${at%% *}" "$EXPERIMENT" --out "$T/out" ${at#* } "$T/whole.json"
		[[ ! -e $T/out && ${#lines[@]} -eq 13 ]] || { echo "$output"; return 1; }
		for key in "${!wrong[@]}"; do
			# shellcheck disable=SC2053 # a pattern
			[[ $output == *"$T/whole.json: contestants[$key]."${wrong[$key]#* >}* ]] ||
				{ echo "$key: $output"; return 1; }
		done
	done

	# events and links of a contestant's own scenario, by the lab
	sed '$d' lab/scenarios/dual-nic.json >"$T/moved-lab.json"
	echo ', "events": [{ "at_s": 1, "link": "client.eth7", "action": "down" }] }' >>"$T/moved-lab.json"
	small moved "$PLAIN" "{ \"name\": \"moved\", \"scenario\": \"$T/moved-lab.json\" }"
	run -2 "$EXPERIMENT" --out "$T/out" "$T/moved.json"
	[[ ${#lines[@]} -eq 1 && $output == "$T/moved-lab.json: events[0].link: expected "* ]] || { echo "$output"; return 1; }
	run -1 "$EXPERIMENT" --check "$T/moved.json" "$T/whole.json" "$T/no-such.json"
	[[ ${#lines[@]} -eq 15 && ${lines[14]} == "$T/no-such.json: "* ]] || { echo "$output"; return 1; }

	# a guest's kernel is another one: what this one lacks is told, and is no mistake
	small guest '{ "name": "a", "sysctls": { "net.ipv4.tcp_recovry": 0 } }'
	run -0 "$EXPERIMENT" --check --ground vm "$T/guest.json"
	[[ ${lines[0]} == *"sysctls.net.ipv4.tcp_recovry: "*"; the guest's kernel will tell" && ${#lines[@]} -eq 2 ]]
}

@test "our experiments are good, and say what they are about" {
	local files
	mapfile -t files < <(ours)
	run -0 "$EXPERIMENT" --check "${files[@]}"
	[[ ${#lines[@]} -eq ${#files[@]} && ${#files[@]} -ge 17 ]]
	run -0 setpriv --reuid=65534 --clear-groups "$EXPERIMENT" --check "${files[@]}"
	run -0 "$EXPERIMENT" --list "${files[@]}"
	[[ ${#lines[@]} -eq ${#files[@]} && $output == *"udp              UDP goodput against load"* ]]
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
		run -2 "$EXPERIMENT" --out "$T/out" "$T/bad.json"
		[[ ${#lines[@]} -eq 1 && $output == "$T/bad.json: ${wrong[$change]}"* ]] ||
			{ echo "$change: $output"; return 1; }
	done
	small good "$PLAIN"
	for change in "--reps 0" "--seed x" "--ground moon" "--only nobody" "--what" "--out"; do
		# shellcheck disable=SC2086 # an option and its value
		run -2 "$EXPERIMENT" "$T/good.json" $change
		[[ ${#lines[@]} -eq 1 ]] || { echo "$change: $output"; return 1; }
	done
	[[ ! -e $T/out ]]
	# the words of NAME are compared, not used as patterns or by the shell
	for change in no-such "two-nics udp" "two-nics no-such" % "x'y"; do
		run -2 make experiment NAME="$change"
		[[ ${lines[0]} == "NAME=$change: expected one of: "*"two-nics"* ]] || { echo "$output"; return 1; }
	done
}

@test "make: a wrong word is one line, and nothing else is shown; without NAME the experiments are listed" {
	local make=(timeout 60 env -u MAKEFLAGS -u MAKELEVEL make) goal word count
	for word in DURATION=abc REPS=0 GROUND=moon ONLY=nope SEED=-1 JOBS=x GIPS=fast; do
		run -2 "${make[@]}" experiment NAME=two-nics OUT="$OUT" DEPS= "$word"
		[[ ${#lines[@]} -eq 2 && ${lines[0]} == *"${word#*=}"* && ${lines[1]} == make*"Error 2" ]] ||
			{ echo "$word: $output"; return 1; }
	done
	for goal in report converge; do
		run -2 "${make[@]}" "$goal" NAME=two-nics OUT="$OUT" DEPS= WARM_UP=601
		[[ ${#lines[@]} -eq 2 && ${lines[0]} == "WARM_UP=: expected "* ]] || { echo "$output"; return 1; }
	done
	# what only the second half of converge could not be run with
	run -2 "${make[@]}" converge NAME=two-nics OUT="$T/out" DEPS= GIPS=33
	[[ ${#lines[@]} -eq 2 && ${lines[0]} == "--twice: expected a speed of at most 32"* && ! -e $T/out ]]
	# a word that nobody reads
	for word in DURATOIN SCENARO name; do
		run -2 "${make[@]}" experiment NAME=two-nics OUT="$OUT" DEPS= "$word=1"
		[[ ${#lines[@]} -eq 1 && $output == *"$word=: there is no such word, see make help"* ]] || { echo "$output"; return 1; }
	done
	run -0 "${make[@]}" -n experiment NAME=two-nics FRESH=0 PAPER=0 KERNEL=x TMPDIR=/tmp CFLAGS=-O1
	[[ $output != *--fresh* && $output != *--paper* ]]

	run -2 "${make[@]}" experiment DEPS=
	count=$(ours | wc -l)
	[[ ${lines[0]} == "NAME=: expected one of:" && ${#lines[@]} -eq $((count + 2)) ]]
	[[ $output == *"two-nics         One TCP connection, two 100 Mbit/s NICs per host"* ]]
}

@test "a report is not begun where one of its experiments has a mistake" {
	mkdir "$T/experiments"
	cp experiments/report.sh experiments/udp.json experiments/weights.json "$T/experiments/"
	sed -i "s|\.\./lab|$PWD/lab|; s/\"weight_step\"/\"weight_stop\"/" "$T"/experiments/*.json
	run -2 env EXPERIMENT="$EXPERIMENT" MAKE=false GROUND=vm "$T/experiments/report.sh" udp weights -- --out "$T/out"
	[[ $output == "$T/experiments/weights.json: contestants["*"].mpipd.weight_stop: unknown key"* && $output != *report:* ]] || { echo "$output"; return 1; }
}

@test "many connections without a warm-up are open before anything is measured" {
	local result=$T/out/many/plain-r01-s1-d1/result.json
	tiny many '{ "name": "plain", "workload": { "kind": "connections", "connections": 1000, "rate_mbit": 8, "message_bytes": 1000 } }'
	run -0 "$EXPERIMENT" --out "$T/out" --warm-up 0 "$T/many.json"
	[[ $("$BUILD/ci/json" goodput_mbit <"$result") == 8* && $("$BUILD/ci/json" marks <"$result") == "[]" ]]
}

@test "make: a value with spaces is one; report says once what no experiment can be run with" {
	local make=(env -u MAKEFLAGS -u MAKELEVEL make) change
	run -2 "${make[@]}" plots OUT="$T/my out"
	[[ ${lines[0]} == "$T/my out: no results to draw; make experiment makes some" ]] || { echo "$output"; return 1; }
	run -2 "${make[@]}" experiment NAME=two-nics OUT="$T/my out" ONLY="no body"
	[[ ${lines[0]} == '--only: experiments/two-nics.json has no contestant "no body", it has plain, mptcp, mpip, mpip+mptcp' ]] || { echo "$output"; return 1; }
	for change in DURATION=abc "GROUND=the moon" ONLY=nobody; do
		run -2 "${make[@]}" report OUT="$T/my out" DEPS= "$change"
		[[ ${#lines[@]} -eq 2 && ${lines[0]} == *"${change#*=}"* ]] || { echo "$output"; return 1; }
	done
	[[ ! -e $T/my\ out ]]
}

# fill LEFT: so many KiB are left on the small disk of the test.
fill() {
	rm -f "$T/disk/fill"
	local free
	free=$(df -k --output=avail "$T/disk" | tail -n 1)
	dd if=/dev/zero of="$T/disk/fill" bs=1k count=$((free - $1)) status=none
}

@test "a full disk: what is said names it, nothing is half written or lost, and with room it goes on" {
	local only left at
	tiny full '{ "name": "tcp", "mpipd": {} }' \
		'{ "name": "call", "workload": { "kind": "call", "audio": {}, "video": { "rate_mbit": 4 } } }' \
		'{ "name": "many", "workload": { "kind": "connections", "connections": 20, "rate_mbit": 1, "message_bytes": 1000 } }'
	mkdir "$T/disk"
	mount -t tmpfs -o size=4m tmpfs "$T/disk"
	run -0 "$EXPERIMENT" --out "$T/disk/out" --only many "$T/full.json"
	sha256sum "$T"/disk/out/full/runs.json "$T"/disk/out/full/many*/* >"$T/before"
	for at in 0:tcp 16:tcp 36:tcp 36:call 36:many; do
		left=${at%:*} only=${at#*:}
		rm -rf "$T/disk/out/full/failed"
		fill "$left"
		run "$EXPERIMENT" --out "$T/disk/out" --only "$only" --fresh "$T/full.json"
		[[ $status -eq $((left ? 1 : 2)) && $output == *"$T/disk/out/full"*": No space left on device"* ]] ||
			{ echo "$left $only: $status $output"; return 1; }
		sha256sum --quiet --check "$T/before"
		[[ $(find "$T/disk" -name 'result.json' -o -name '*.part' -o -name '.?*') == */many-r01-s1-d1/result.json ]]
	done
	rm "$T/disk/fill"
	run -0 "$EXPERIMENT" --out "$T/disk/out" "$T/full.json"
	[[ $output == *"1 run is there already"*"run 2 of 2"* ]]
	run -0 "$BUILD/experiments/check-result" experiments/record/result.schema.json "$T"/disk/out/full/*/result.json
}

@test "a run to be reproduced is named by its directory or by its result" {
	local run=$OUT/two-nics/plain-r01-s1-d4 name
	for name in "$run" "$run/result.json"; do
		run -2 make reproduce DEPS= RUN="$name"
		[[ ${lines[0]} == "$run/result.json: ground: expected vm, got host: "* ]] || { echo "$output"; return 1; }
	done
}

@test "what cannot be printed ends the runner and the validator with one line" {
	local call
	for call in "experiment --plan experiments/udp.json" "experiment --check experiments/udp.json" \
		"experiment --list experiments/udp.json" "experiment --help" "check-result --help" \
		"check-result experiments/record/result.schema.json $OUT/two-nics/mpip-r01-s1-d4/result.json"; do
		# shellcheck disable=SC2016,SC2086 # the inner shell expands; words
		run -1 bash -c '"$@" >/dev/full' - "$BUILD/experiments/"$call
		[[ ${#lines[@]} -eq 1 && $output == "${call%% *}: standard output cannot be written: No space left on device" ]] ||
			{ echo "$call: $output"; return 1; }
	done
}

@test "on the host ground without root and sudo: one line" {
	run -2 setpriv --reuid=65534 --clear-groups env PATH=/nonexistent "$EXPERIMENT" --ground host \
		--out "$T/out" experiments/two-nics.json
	[[ ${#lines[@]} -eq 1 && $output == "the host ground needs root, "* ]]
}
