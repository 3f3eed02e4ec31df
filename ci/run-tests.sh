#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run-tests.sh UNIT-TEST...: runs the unit tests (cmocka programs) and all suites in ci/ and ci/paper/,
# and ends with a line "N passed, N failed". TESTS names a few of them instead, e.g.
# TESTS="exact.bats engine_test". `make test` builds what this needs and calls it.
#
# GROUND=vm runs them in guests (run-guests.sh), GROUND=host here; without it they run here, and in
# guests those that this machine cannot run. Tags of bats say which these are:
#
#   netem         needs sch_netem
#   virtual-time  needs a clock that no other work disturbs
#   host          is about this machine, or starts guests itself: never in a guest
#   beside        a whole suite whose results do not depend on how long it takes
#   full          a whole suite that takes long: with FULL=1, or where TESTS names it
#
# Several run at a time, each with processes of its own, which end with it, and labs of its own, which
# nobody else sees. Suites in real time wait most of their time: there are two of them at a time (LANES=),
# and they have precedence over what runs beside them: unit tests, suites tagged so, guests, fuzzers.
# What a test says is printed when its suite has ended, as a whole.
#
# Where all is asked for, the fuzzers run for a minute, too. All kinds of test speak TAP. A program
# that ends without having run what it announced, or with a bad status and no failed test to show for
# it, counts as a failed test: silence is no success.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."

export BUILD=${BUILD:-build}
export CI_PREFIX=ci$$
export CMOCKA_MESSAGE_OUTPUT=TAP
export UBSAN_OPTIONS=print_stacktrace=1
SUITE_LIMIT=${SUITE_LIMIT:-1500} # seconds, for one program or suite
LANES=${LANES:-2}

passed=0 failed=0 skipped=0
output=$(mktemp -d "${TMPDIR:-/tmp}/mpip-tests.XXXXXX")
# What the tests leave when they are interrupted goes with it. Some of them become somebody else.
chmod 711 "$output"
export TMPDIR=$output/t
mkdir -m 1777 "$TMPDIR"
declare -A running=() started=() # names and times by process ID

# shellcheck disable=SC2317 # a trap calls it
clean_up() {
	local pid
	for pid in "${!running[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait
	rm -rf "$output"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A world of its own for a suite, where this user may make one: it ends with its first process, which
# ends with unshare. All of /run is its own, with what was there: a mount on a directory goes where
# somebody outside removes that directory, as the last lab's end does.
# shellcheck disable=SC2016 # the inner shell expands
world=(unshare --mount --pid --fork --kill-child --mount-proc bash -c '
	mount --bind /run "$1" && mount -t tmpfs none /run || exit 1
	for one in "$1"/*; do
		here=/run/${one##*/}
		if [[ $here == /run/netns || $here == /run/mpip-lab ]]; then
			continue
		elif [[ -d $one && ! -L $one ]]; then
			mkdir -p "$here" && mount --rbind "$one" "$here"
		else
			cp -a "$one" "$here"
		fi
	done
	shift
	"$@"; exit $?' - "$output/run")
mkdir "$output/run"
"${world[@]}" true 2>/dev/null || world=()
first=()
[[ $(nice -n -10 nice 2>/dev/null) != -10 ]] || first=(nice -n -10)

# count NAME STATUS FILE: adds up a TAP report.
count() {
	local ok not_ok skips planned
	skips=$(grep -ciE '^(not )?ok.*# *skip' "$3" || true)
	not_ok=$(grep -iE '^not ok' "$3" | grep -cviE '# *skip' || true)
	ok=$(grep -E '^ok' "$3" | grep -cviE '# *skip' || true)
	planned=$(sed -n 's/^1\.\.\([0-9][0-9]*\).*/\1/p' "$3" | awk '{n += $1} END {print n + 0}')
	passed=$((passed + ok)) failed=$((failed + not_ok)) skipped=$((skipped + skips))
	if ((planned == 0)); then
		echo "not ok - $1 has run no test (exit status $2)"
		failed=$((failed + 1))
	elif ((ok + not_ok + skips != planned)); then
		echo "not ok - $1 has run $((ok + not_ok + skips)) of $planned tests (exit status $2)"
		failed=$((failed + 1))
	elif (($2 != 0 && not_ok == 0)); then
		echo "not ok - $1 ended with exit status $2"
		failed=$((failed + 1))
	fi
}

# limited REPORT CMD...: in the time that a suite may take; a child of the shell, to be waited for.
limited() {
	local around=()
	[[ $2 != bats ]] || around=("${world[@]}")
	"${first_of[@]}" "${around[@]}" env --default-signal=INT timeout -k 10 "${LIMIT:-$SUITE_LIMIT}" "${@:2}" \
		>"$1" 2>&1 </dev/null 3>&- &
	child=$!
	local status=0
	wait "$child" || status=$?
	child=
	return "$status"
}

# job NAME CMD...: in the background: runs it, leaves its report and its status.
job() {
	local status=0 child=''
	# unshare waits for its world, and minds nothing but KILL.
	trap '[[ -z $child ]] || { kill -TERM "$child"; [[ -z ${world[*]} || $1 != *.bats ]] || kill -KILL "$child"; wait "$child"; } 2>/dev/null; exit 143' TERM INT
	trap - EXIT
	limited "$output/report-$1" "${@:2}" || status=$?
	if ((status > 0)) && [[ $1 == *.bats ]] && try_again "$@"; then status=0; fi
	echo "$status" >"$output/status-$1"
}

# try_again NAME BATS...: a few failed tests of a suite in real time run once more, alone, since on a
# machine with other work a process may just not have got its turn. What passes then counts as passed;
# the end of the run names it, so that nobody takes it for a test that is always green. What is broken
# fails twice. AGAIN=0 leaves it out. True: no failed test is left.
try_again() {
	local report=$output/report-$1 failures name regex=""
	[[ ${AGAIN:-1} != 0 ]] || return 1
	mapfile -t failures < <(sed -nE 's/^not ok [0-9]+ (.*) in [0-9]+ms$/\1/p' "$report")
	((${#failures[@]} > 0 && ${#failures[@]} <= 3)) || return 1
	for name in "${failures[@]}"; do
		# shellcheck disable=SC2001 # a class of characters
		regex+="${regex:+|}$(sed 's/[][\\.*^$()+?{}|]/\\&/g' <<<"$name")"
	done
	limited "$output/again-$1" "${@:2:$#-2}" --filter "^($regex)\$" "${!#}" || true
	{ echo "# once more: ${#failures[@]} failed"; sed 's/^/# /' "$output/again-$1"; } >>"$report"
	for name in "${failures[@]}"; do
		regex=$(sed 's/[][\\.*^$/]/\\&/g' <<<"$name")
		grep -q "^ok [0-9]* $regex in " "$output/again-$1" || continue
		sed -i "s/^not \(ok [0-9]* $regex in .*\)/\1/" "$report"
		echo "$1: $name" >>"$output/second"
	done
	! grep -q '^not ok' "$report"
}

# launch NAME CMD...: as a job; in front of the others by first_of.
first_of=()
launch() {
	job "$@" &
	running[$!]=$1
	started[$!]=$SECONDS
}

# How many tests have ended in what is running, for who watches.
progress() {
	[[ -t 2 ]] || return 0
	local pid line="" report
	for pid in "${!running[@]}"; do
		report=$output/report-${running[$pid]}
		line+="  ${running[$pid]} $(grep -cE '^(not )?ok' "$report" 2>/dev/null || true)"
	done
	printf '\r\e[K%d s:%s' "$SECONDS" "${line:0:100}" >&2
}

# collect: prints and counts what has ended.
collect() {
	local pid name
	for pid in "${!running[@]}"; do
		kill -0 "$pid" 2>/dev/null && continue
		name=${running[$pid]}
		wait "$pid" || true
		[[ ! -t 2 ]] || printf '\r\e[K' >&2
		echo "# $name"
		cat "$output/report-$name"
		count "$name" "$(cat "$output/status-$name" 2>/dev/null || echo 1)" "$output/report-$name"
		echo "# $name: $((SECONDS - started[$pid])) s"
		unset "running[$pid]"
	done
}

# wanted NAME: whether TESTS asks for it.
wanted() {
	local word
	[[ -n ${TESTS:-} ]] || return 0
	for word in $TESTS; do
		word=${word##*/}
		[[ ${word%.bats} == "$1" ]] && return
	done
	return 1
}

tests=()
for program in "$@"; do
	wanted "${program##*/}" && tests+=("$program")
done
for suite in ci/*.bats ci/paper/*.bats; do
	name=${suite##*/}
	wanted "${name%.bats}" && tests+=("$suite")
done
for word in ${TESTS:-}; do
	word=${word##*/}
	if [[ " ${tests[*]##*/} " != *" $word "* && " ${tests[*]##*/} " != *" $word.bats "* ]]; then
		echo "TESTS: there is no test '$word'" >&2
		exit 2
	fi
done

has_tag() { # SUITE TAG [file|test]: any of its tests, or all of them by the suite's own
	[[ $1 == *.bats ]] && grep -qE "^# bats ${3:-(file|test)}_tags=(.*,)?$2(,|\$)" "$1"
}

# What takes long is left out, where nobody asks for it.
if [[ -z ${FULL:-} && -z ${TESTS:-} ]]; then
	short=()
	for test in "${tests[@]}"; do
		if has_tag "$test" full file; then
			echo "# $test: only with FULL=1"
		else
			short+=("$test")
		fi
	done
	tests=("${short[@]}")
fi

# For the guests: which tests, and the options for bats that choose among theirs.
guests=() filters=()
away=(virtual-time)
unshare -n tc qdisc add dev lo root netem delay 1ms 2>/dev/null || away+=(netem)
printf -v stays ",!%s" "${away[@]}"
case ${GROUND:-} in
vm)
	for test in "${tests[@]}"; do
		has_tag "$test" host file || guests+=("$test")
	done
	tests=() filters=(--filter-tags '!host')
	# Some tests interrupt what takes no time where a processor takes none.
	export GIPS=${GIPS:-1}
	;;
host) ;;
'' | auto)
	for test in "${tests[@]}"; do
		for tag in "${away[@]}"; do
			! has_tag "$test" "$tag" || guests+=("$test")
		done
	done
	for tag in "${away[@]}"; do
		filters+=(--filter-tags "$tag")
	done
	;;
*)
	echo "GROUND=$GROUND: expected host, vm or auto" >&2
	exit 2
	;;
esac
mapfile -t guests < <(printf '%s\n' "${guests[@]}" | awk 'NF && !seen[$0]++')

# What runs beside the others, in this order; and what has the clock to itself, the longest first.
beside=() timed=()
for test in "${tests[@]}"; do
	if [[ $test != *.bats ]] || has_tag "$test" beside file; then
		beside+=("$test")
	else
		timed+=("$test")
	fi
done
mapfile -t timed < <(((${#timed[@]} == 0)) || grep -c '^@test' "${timed[@]}" /dev/null |
	sed '$d' | sort -t : -k 2rn | cut -d : -f 1)
((${#guests[@]} == 0)) || beside+=(guests)
[[ -n ${TESTS:-} || -n ${SANITIZE:-} ]] || beside+=(fuzzers)
# The longest: they end in time if they begin early.
for test in fuzzers guests ci/simulator.bats; do
	[[ " ${beside[*]} " != *" $test "* ]] || mapfile -t beside < <(printf '%s\n' "$test" "${beside[@]}" | awk '!seen[$0]++')
done

begin() { # TEST
	local test=$1
	case $test in
	guests)
		export FILTERS="${filters[*]}"
		LIMIT=$((SUITE_LIMIT * 10)) launch "in guests" ci/run-guests.sh "${guests[@]}"
		;;
	fuzzers)
		launch fuzzers env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory BUILD="$BUILD" DEPS= fuzz SECONDS=60
		;;
	*.bats) launch "${test##*/}" bats --tap --timing --filter-tags "${stays#,}" "$test" ;;
	*) launch "${test##*/}" "$test" ;;
	esac
}

at_beside=0 at_timed=0
declare -A is_timed=()
while ((at_beside < ${#beside[@]} || at_timed < ${#timed[@]} || ${#running[@]} > 0)); do
	now_timed=0
	for pid in "${!running[@]}"; do
		now_timed=$((now_timed + ${is_timed[$pid]:-0}))
	done
	if ((at_timed < ${#timed[@]} && now_timed < LANES)); then
		first_of=("${first[@]}")
		begin "${timed[at_timed++]}"
		first_of=()
		is_timed[$!]=1
		continue
	fi
	if ((at_beside < ${#beside[@]} && ${#running[@]} - now_timed < 1)); then
		begin "${beside[at_beside++]}"
		continue
	fi
	sleep 0.2
	progress
	collect
done
[[ -z ${SUDO_UID:-} || ! -d $BUILD/fuzz ]] || chown -R "$SUDO_UID:${SUDO_GID:-}" "$BUILD/fuzz"

((passed + failed + skipped > 0)) || failed=1
if [[ -s $output/second ]]; then
	echo "# $(wc -l <"$output/second") of those that passed did so at the second try only:"
	sed 's/^/#     /' "$output/second"
fi
echo "$passed passed, $failed failed$( ((skipped == 0)) || echo ", $skipped skipped")"
((failed == 0))
