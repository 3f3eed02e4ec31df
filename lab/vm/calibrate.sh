#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# calibrate.sh SCENARIO [OPTION...]: `lab calibrate --virtual-time OPTION... SCENARIO` in a guest, with
# its progress, its table and its exit status here. --output FILE writes the result as JSON.
#
# From the environment: BUILD (build), GIPS (0), KERNEL (kernel.sh).
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=lab/vm/scratch.sh
. "$here/scratch.sh"
lab=${BUILD:-build}/lab/lab

fail() {
	echo "calibrate: $*" >&2
	exit 1
}

scenario=${1:-}
[[ -n $scenario ]] || fail "expected a scenario's file"
shift
options=() output=''
while (($# > 0)); do
	case $1 in
	--short) options+=(--short) ;;
	--output) output=${2:?expected a file} && shift ;;
	*) fail "$1: expected --short or --output FILE" ;;
	esac
	shift
done
export GIPS=${GIPS:-0}
if ! [[ $GIPS =~ ^[0-9]{1,3}$ ]] || ((10#$GIPS > 64)); then
	fail "GIPS=$GIPS: expected a whole number from 0 to 64"
fi

scratch=''
make_scratch scratch "${TMPDIR:-/tmp}/mpip-calibrate"
guest=''
# shellcheck disable=SC2317 # a trap calls it
end() {
	if [[ -n $guest ]]; then
		kill -TERM "$guest" 2>/dev/null || true
		wait "$guest" 2>/dev/null || true
	fi
	rm -rf "$scratch"
}
trap end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

mkdir -p "$scratch/job" "$scratch/out/.guest"
"$lab" print "$scenario" >"$scratch/job/scenario.json"
# Its progress must not be a terminal's: what is seen of it here is whole lines.
cat >"$scratch/job/command" <<END
{
	build/lab/lab calibrate --virtual-time ${options[*]} --output /out/calibration.json /job/scenario.json 2>&1
	echo \$? >/tmp/status
} | cat
exit \$(cat /tmp/status)
END
image=$("$here/image.sh" run)
: >"$scratch/out/.guest/report"
SCRATCH=$scratch "${with_us[@]}" "$here/guest.sh" "$image" "$scratch/job" "$scratch/out" 2>"$scratch/said" &
guest=$!

# One line of progress, where there is a terminal to write it on again and again.
progress=0
tail --pid="$guest" -s 0.3 -n +1 -f "$scratch/out/.guest/report" 2>/dev/null | while IFS= read -r line; do
	line=${line%$'\r'}
	case $line in
	'exit '*) ;;
	'lab: '*' of '*': '*)
		if [[ -t 2 ]]; then
			printf '\r\033[K%s' "$line" >&2
			progress=1
		else
			echo "$line" >&2
		fi
		;;
	*)
		((progress == 0)) || printf '\r\033[K' >&2
		progress=0
		case $line in 'lab: '*) echo "$line" >&2 ;; *) echo "$line" ;; esac
		;;
	esac
done
status=0
wait "$guest" || status=$?
guest=''
if ((status == 125)); then
	# It came to grief. The first line says why; the others are the console's.
	console=$(realpath -m "${BUILD:-build}")/vm/calibrate.console
	cp "$scratch/out/.guest/console" "$console" || console='nowhere'
	echo "$(sed -n 's/^vm: /calibrate: /;1p' "$scratch/said"); its console is in $console" >&2
else
	cat "$scratch/said" >&2
fi
[[ -z $output || ! -s $scratch/out/calibration.json ]] || cp "$scratch/out/calibration.json" "$output"
exit "$status"
