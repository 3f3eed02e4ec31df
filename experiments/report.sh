#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# report.sh NAME... -- OPTION...: runs what is missing of these experiments, for make report, with these
# options of the runner. Before it starts it says how long that will take, and after each experiment
# how long is left: by then corrected by how long it has really taken. An experiment that fails does
# not keep the others from being run, the exit status is then 1; one that is interrupted does. Where
# there is a mistake in one of them, or none of them can be run, by an option that is wrong or a ground
# that is not to be had, it says so before anything is run, and ends with 2.
#
# From the environment: EXPERIMENT, the runner; GROUND, where to run; MAKE, whose variables say the
# same as the options.
set -uo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
names=()
while [[ $1 != -- ]]; do
	names+=("$1")
	shift
done
options=("${@:2}")
files=("${names[@]/#/$here/}")
files=("${files[@]/%/.json}")

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

# plan NAME...: sets runs and seconds, what these experiments still need, and planned, of how many that
# could be told.
plan() {
	local one said count wanted
	runs=0 seconds=0 planned=0
	for one; do
		# What cannot be run here says so when its turn comes.
		said=$("$EXPERIMENT" --plan "${options[@]}" "$here/$one.json" 2>/dev/null) || continue
		read -r _ count wanted <<<"$said"
		runs=$((runs + count)) seconds=$((seconds + wanted)) planned=$((planned + 1))
	done
}

"$EXPERIMENT" --check --ground "${GROUND:-auto}" "${files[@]}" >/dev/null || exit 2
plan "${names[@]}"
if ((planned == 0)); then
	"$EXPERIMENT" --plan "${options[@]}" "$here/${names[0]}.json" >&2
	exit 2
fi
spent=0 expected=0 status=0 done=0
trap 'exit 130' INT
trap 'exit 143' TERM
echo "report: ${#names[@]} experiments, $runs runs to do, about $(time_of "$seconds")" >&2
for name in "${names[@]}"; do
	before=$seconds SECONDS=0 good=1
	"$MAKE" --no-print-directory DEPS= experiment NAME="$name" || status=1 good=0
	took=$SECONDS done=$((done + 1))
	plan "${names[@]:done}"
	# What was done has taken so much longer or shorter than was thought.
	if ((good)); then
		spent=$((spent + took)) expected=$((expected + before - seconds))
	fi
	left=$seconds
	if ((expected > 0 && spent > 0)); then
		left=$((seconds * spent / expected))
	fi
	echo "report: $done of ${#names[@]} experiments done, $runs runs left, about $(time_of "$left")" >&2
done
exit "$status"
