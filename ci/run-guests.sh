#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run-guests.sh TEST...: runs bats suites and unit tests in guests of the vm ground (lab/vm), and
# prints what they say, in TAP, as each guest ends. A suite has a guest of its own; the unit tests
# share one. run-tests.sh calls this and counts.
#
# From the environment: FILTERS, options for bats that choose tests; JOBS, how many guests at a time
# (one per core); BUILD; what image.sh and guest.sh take.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."

BUILD=${BUILD:-build}
JOBS=${JOBS:-$(nproc)}
export MEMORY_MB=${MEMORY_MB:-2048} LIMIT_S=${LIMIT_S:-1800}

declare -A names=() started=() slots=() # by process ID
# shellcheck source=lab/vm/scratch.sh
. lab/vm/scratch.sh
scratch=''
make_scratch scratch "${TMPDIR:-/tmp}/mpip-guests"
# shellcheck disable=SC2317 # a trap calls it
end() {
	((${#names[@]} == 0)) || kill -TERM "${!names[@]}" 2>/dev/null || true
	wait
	rm -rf "$scratch"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# job NAME TEST...: what the guest is to do.
job() {
	local job=$scratch/$1/job test
	shift
	mkdir -p "$job"
	{
		cat <<-END
			echo 'root:x:0:0:root:/root:/bin/bash' >/etc/passwd
			echo 'root:x:0:' >/etc/group
			echo 'tcpdump:x:100:100::/:/bin/sh' >>/etc/passwd
			export VIRTUAL_TIME=1 DEPS= BUILD=build CI_PREFIX=ci CMOCKA_MESSAGE_OUTPUT=TAP SANITIZE=${SANITIZE:-}
			export UBSAN_OPTIONS=print_stacktrace=1
			exec 2>&1
			status=0
		END
		for test; do
			if [[ $test == *.bats ]]; then
				echo "timeout -k 10 ${SUITE_LIMIT:-1500} bats --tap --timing ${FILTERS:-} $test || status=\$?"
			else
				echo "timeout -k 10 ${SUITE_LIMIT:-1500} build/${test#"$BUILD"/} || status=\$?"
			fi
		done
		echo "echo \"# \$(cut -d ' ' -f 1 /proc/uptime) s in the guest\""
		echo "exit \$status"
	} >"$job/command"
}

# What a guest has said, when it has ended.
report() { # PID STATUS
	local name=${names[$1]} text
	text=$scratch/$name/out/.guest/report
	echo "# $name, in a guest"
	tr -d '\r' <"$text" 2>/dev/null | sed '/^exit [0-9]*$/d'
	sed 's/^/# /' "$scratch/$name/err"
	echo "# $name: $((SECONDS - started[$1])) s"
	rm -rf "${scratch:?}/$name"
	unset "names[$1]" "slots[$1]"
	finished=$((finished + 1))
	(($2 == 0)) || status=1
}

units=() queue=()
for test; do
	if [[ $test == *.bats ]]; then queue+=("$test"); else units+=("$test"); fi
done
# The longest first, so that no core waits for one in the end.
mapfile -t queue < <(((${#queue[@]} == 0)) || grep -c '^@test' "${queue[@]}" /dev/null |
	sed '$d' | sort -t : -k 2rn | cut -d : -f 1)
for test in "${queue[@]}"; do
	job "${test##*/}" "$test"
done
queue=("${queue[@]##*/}")
if ((${#units[@]})); then
	job unit-tests "${units[@]}"
	queue+=(unit-tests)
fi

image=$(lab/vm/image.sh test)
hold "$image"

status=0 finished=0 next=0
while ((finished < ${#queue[@]})); do
	while ((next < ${#queue[@]} && ${#names[@]} < JOBS)); do
		name=${queue[next++]}
		slot=0
		while [[ " ${slots[*]} " == *" $slot "* ]]; do slot=$((slot + 1)); done
		SLOT=$slot SCRATCH=$scratch/$name "${with_us[@]}" lab/vm/guest.sh "$image" "$scratch/$name/job" "$scratch/$name/out" >/dev/null 2>"$scratch/$name/err" 3>&- &
		names[$!]=$name
		started[$!]=$SECONDS
		slots[$!]=$slot
	done
	sleep 0.5
	for pid in "${!names[@]}"; do
		kill -0 "$pid" 2>/dev/null && continue
		code=0
		wait "$pid" || code=$?
		report "$pid" "$code"
	done
done
exit "$status"
