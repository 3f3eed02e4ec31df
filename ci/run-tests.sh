#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run-tests.sh UNIT-TEST...: runs the unit tests (cmocka programs) and all suites in ci/ and ci/paper/, one
# after the other, and ends with a line "N passed, N failed". TESTS names a few of them instead,
# e.g. TESTS="exact.bats engine_test". `make test` builds what this needs and calls it.
#
# GROUND=vm runs them in guests (run-guests.sh), GROUND=host here; without it they run here, and in
# guests those that this machine cannot run. Tags of bats say which these are:
#
#   netem         needs sch_netem
#   virtual-time  needs a clock that no other work disturbs
#   host          is about this machine, or starts guests itself: never in a guest
#   full          a whole suite that takes long: with FULL=1, or where TESTS names it
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

passed=0 failed=0 skipped=0 second=0
output=$(mktemp -d "${TMPDIR:-/tmp}/mpip-tests.XXXXXX")

# What a suite was building when it was interrupted. Its labs carry our prefix.
clean_up() {
	local state pid lab
	[[ -z ${fuzzing:-} ]] || kill "$fuzzing" 2>/dev/null || true
	for state in /run/mpip-lab/"$CI_PREFIX"-*; do
		[[ -e $state ]] || continue
		lab=${state##*/}
		for pid in $(for host in client server router; do
			ip netns pids "$lab-$host" 2>/dev/null
		done); do
			kill -KILL "$pid" 2>/dev/null || true
		done
		"$BUILD/lab/lab" down --name "$lab" || true
	done
	rm -rf "$output"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

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

run() { # NAME CMD...
	local name=$1 status=0 start=$SECONDS
	shift
	echo "# $name"
	timeout -k 10 --foreground "${LIMIT:-$SUITE_LIMIT}" "$@" 3>&2 2>&1 </dev/null | tee "$output/report" || status=$?
	if [[ $name == *.bats ]] && try_again "$@"; then status=0; fi
	count "$name" "$status" "$output/report"
	echo "# $name: $((SECONDS - start)) s"
}

# try_again BATS...: a few failed tests of a suite in real time run once more, since on a machine with
# other work a process may just not have got its turn. What passes then counts as passed, and is named
# at the end; what is broken fails twice. True: no failed test is left.
try_again() {
	local failures name regex=""
	mapfile -t failures < <(sed -nE 's/^not ok [0-9]+ (.*) in [0-9]+ms$/\1/p' "$output/report")
	((${#failures[@]} > 0 && ${#failures[@]} <= 3)) || return 1
	for name in "${failures[@]}"; do
		# shellcheck disable=SC2001 # a class of characters
		regex+="${regex:+|}$(sed 's/[][\\.*^$()+?{}|]/\\&/g' <<<"$name")"
	done
	echo "# once more: ${#failures[@]} failed"
	timeout -k 10 --foreground "$SUITE_LIMIT" "${@:1:$#-1}" --filter "^($regex)\$" "${!#}" 2>&1 </dev/null |
		tee "$output/again" || true
	for name in "${failures[@]}"; do
		name=$(sed 's/[][\\.*^$/]/\\&/g' <<<"$name")
		grep -q "^ok [0-9]* $name in " "$output/again" || continue
		sed -i "s/^not \(ok [0-9]* $name in .*\)/\1/" "$output/report"
		second=$((second + 1))
	done
	! grep -q '^not ok' "$output/report"
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

for test in "${tests[@]}"; do
	if [[ $test == *.bats ]]; then
		run "$test" bats --tap --timing --filter-tags "${stays#,}" "$test"
	else
		run "$test" "$test"
	fi
done
# A guest needs one core, and no clock of this machine: what fuzzes has the other ones meanwhile.
fuzzing=
if [[ -z ${TESTS:-} && -z ${SANITIZE:-} ]]; then
	make --no-print-directory BUILD="$BUILD" DEPS= fuzz SECONDS=60 >"$output/fuzz" 2>&1 </dev/null &
	fuzzing=$!
fi
if ((${#guests[@]})); then
	export FILTERS="${filters[*]}"
	LIMIT=$((SUITE_LIMIT * 10)) run "in guests" ci/run-guests.sh "${guests[@]}"
fi
if [[ -n $fuzzing ]]; then
	status=0
	wait "$fuzzing" || status=$?
	cat "$output/fuzz"
	[[ -z ${SUDO_UID:-} ]] || chown -R "$SUDO_UID:${SUDO_GID:-}" "$BUILD/fuzz"
	count fuzzers "$status" "$output/fuzz"
fi

((passed + failed + skipped > 0)) || failed=1
((second == 0)) || echo "# $second of those that passed did so at the second try"
echo "$passed passed, $failed failed$( ((skipped == 0)) || echo ", $skipped skipped")"
((failed == 0))
