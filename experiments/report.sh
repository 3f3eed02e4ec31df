#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# report.sh NAME...: runs what is missing of these experiments, for make report. Before it starts it
# says how long that will take, and after each experiment how long is left: by then corrected by how
# long it has really taken. An experiment that fails does not keep the others from being run; one that
# is interrupted does.
#
# From the environment: EXPERIMENT, the runner; OPTIONS, its options; MAKE.
set -uo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
read -ra options <<<"${OPTIONS:-}"

# time_of SECONDS: for a person.
time_of() {
	if (($1 >= 3600)); then
		echo "$(($1 / 3600)) h $(($1 % 3600 / 60)) min"
	elif (($1 >= 60)); then
		echo "$((($1 + 30) / 60)) min"
	else
		echo "$1 s"
	fi
}

# plan NAME...: sets runs and seconds, what these experiments still need.
plan() {
	local name count took
	runs=0 seconds=0
	for name; do
		read -r _ count took < <("$EXPERIMENT" --plan "${options[@]}" "$here/$name.json") || return 1
		runs=$((runs + count)) seconds=$((seconds + took))
	done
}

plan "$@" || exit 1
first=$seconds
SECONDS=0 status=0 done=0
trap 'exit 130' INT
trap 'exit 143' TERM
echo "report: $# experiments, $runs runs to do, about $(time_of "$seconds")" >&2
for name; do
	"$MAKE" --no-print-directory DEPS= experiment NAME="$name" || status=1
	done=$((done + 1))
	plan "${@:done+1}"
	# What was done has taken so much longer or shorter than was thought.
	if ((first > seconds && SECONDS > 0)); then
		seconds=$((seconds * SECONDS / (first - seconds)))
	fi
	echo "report: $done of $# experiments done, $runs runs left, about $(time_of "$seconds")" >&2
done
exit "$status"
