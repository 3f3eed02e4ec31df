#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# guest.sh IMAGE JOB OUT: runs a job in a guest, in virtual time (machine.sh).
#
# IMAGE is what image.sh has made. JOB is a directory with `command`, a shell script that is run in
# /mpip, and whatever it wants to find in /job. What the guest leaves in /out appears in OUT, a
# directory. While it runs, OUT/.guest/report is the job's standard output and OUT/.guest/console
# everything else. Ends with the job's status; 125 where the guest came to grief, with the reason in
# the first line and then the console's last ones; 126 and one line where this machine cannot run it.
#
# The guest goes on from where snapshot.sh has stored it; with KVM, or with GIPS=0, it boots.
#
# From the environment: SEED (1), GIPS (0), MEMORY_MB (1024), REALTIME=1 (with KVM where it works,
# or as KVM=0 or KVM=1 say), SLOT (with GIPS=0: which of this machine's processors), SCRATCH (TMPDIR): where
# its scratch files are, TMPDIR: where its memory may be (room.sh), and LIMIT_S: so many seconds without a
# word from the guest are a hang (600).
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=lab/vm/machine.sh
. "$here/machine.sh"
# shellcheck source=lab/vm/room.sh
. "$here/room.sh"

(($# == 3)) || { echo "usage: guest.sh IMAGE JOB OUT" >&2 && exit 125; }
image=$(realpath "$1") job=$2 out=$(realpath -m "$3")
limit_s=${LIMIT_S:-600}
slot=${SLOT:-$$}
{ hold "$image" && [[ -r $image/image.json ]]; } || { echo "vm: $image: expected an image made by image.sh" >&2 && exit 125; }
[[ -r $job/command ]] || { echo "vm: $job/command: expected a shell script, the job" >&2 && exit 125; }

scratch=''
make_scratch scratch "${SCRATCH:-${TMPDIR:-/tmp}}/mpip-vm"
signal=TERM
child=''
# shellcheck disable=SC2317 # a trap calls it
end() {
	if [[ -n $child ]]; then
		kill "-$signal" "$child" 2>/dev/null || true
		wait "$child" 2>/dev/null || true
	fi
	rm -rf "$scratch" "$out/.guest/initramfs" "$out/.guest/time-travel"
}
trap end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# image.sh keeps those that were used last.
touch -c "$image" 2>/dev/null || true
pack_job "$job" '' "$scratch"
mkdir -p "$out/.guest"
: >"$out/.guest/report"
: >"$out/.guest/console"
result=$scratch/result.tar
# Sends the guest on its way, in the background.
start_qemu() {
	local snapshot
	# shellcheck disable=SC2054 # QEMU's options have commas
	local run=("${qemu[@]}" -monitor none -m "$memory_mb"
		-chardev "file,id=console,path=$(comma "$out/.guest/console")" -device isa-serial,index=0,chardev=console
		-chardev "file,id=report,path=$(comma "$out/.guest/report")" -device isa-serial,index=1,chardev=report
		-chardev "file,id=result,path=$(comma "$result")" -device virtio-serial-device -device virtserialport,chardev=result)
	if [[ ${REALTIME:-} == 1 ]] && real_time "$image"; then
		cat "$image/base" "$image/programs" "$scratch/job" >"$scratch/initramfs"
		"${run[@]}" "${with_kvm[@]}" -kernel "$image/vmlinuz" -initrd "$scratch/initramfs" \
			-append "$kernel_options" </dev/null 2>"$scratch/emulator" &
	else
		# In the background, so that a signal is not kept waiting.
		"$here/snapshot.sh" "$image" >"$scratch/snapshot" &
		child=$!
		wait "$child" || exit
		snapshot=$(<"$scratch/snapshot")
		hold "$snapshot" || { echo "vm: $snapshot: expected a stored guest" >&2 && exit 125; }
		resume "$image" "$snapshot" "$scratch/job"
		"${run[@]}" "${resumed[@]}" </dev/null 8<"$snapshot/devices" 2>"$scratch/emulator" &
	fi
}
start_time_travel() {
	local processors fixed=(setarch -R)
	# Where it may not fix its addresses, as in some containers, a little of them shows in the guest:
	# in how large its memory is, and in nothing that has been seen to matter.
	"${fixed[@]}" true 2>/dev/null || fixed=()
	memory=$(find_room "$memory_mb" $((${SLOT:-0} + 1))) || exit 126
	# All names are relative: the command line is a part of what random numbers are made of.
	cat "$image/base" "$image/programs" "$scratch/job" >"$out/.guest/initramfs" || {
		echo "vm: $out: no room for what the guest starts with" >&2
		exit 126
	}
	result=$out/.guest/result.tar
	# Its kernel and its processes take turns: on two processors they would wait for each other's waking.
	mapfile -t processors < <(list_processors)
	(cd "$out/.guest" && TMPDIR=$memory exec "${with_us[@]}" taskset -c "${processors[slot % ${#processors[@]}]}" \
		"${fixed[@]}" "$image/vmlinuz" "mem=${memory_mb}M" "${time_travel[@]}" </dev/null >console 2>&1) &
}
if ((gips > 0)); then
	start_qemu
else
	start_time_travel
fi
child=$!
signal=KILL

# Ends when the machine does, or when the guest has been silent for too long. bash would say how it ended.
hung='' status=0
: >"$scratch/started"
{
	while kill -0 "$child"; do
		sleep 0.1
		heard=$(stat -c %Y "$out/.guest/console" "$out/.guest/report" "$scratch/started" | sort -n | tail -n 1)
		if (($(date +%s) - heard > limit_s)); then
			hung=yes
			kill -KILL "$child" || true
			break
		fi
	done
	wait "$child" || status=$?
} 2>/dev/null
child=''

# reason: why the guest has come to grief, in one line.
reason() {
	local panic said=''
	panic=$(tr -d '\r' <"$out/.guest/console" | sed -n 's/.*Kernel panic - not syncing: *//p' | head -n 1)
	[[ ! -s $scratch/emulator ]] || said=": $(tail -n 1 "$scratch/emulator")"
	if [[ -n $hung ]]; then
		echo "the guest has said nothing for $limit_s s and was ended"
	elif grep -q '^Bus error - the host' "$out/.guest/console"; then
		echo "$memory has no more room for the guest's memory of $memory_mb MB; name a directory that has it with TMPDIR="
	elif [[ $panic == 'Out of memory'* ]]; then
		echo "the guest's memory of $memory_mb MB is too small for its job (MEMORY_MB=): $panic"
	elif [[ -n $panic ]]; then
		echo "the guest's kernel has given up: $panic"
	elif ((status == 128 + 9)); then
		echo "the guest's machine was killed (signal 9), as where this machine has no memory left"
	elif ((status > 128)); then
		echo "the guest's machine was ended by signal $((status - 128))$said"
	elif ((status != 0)); then
		echo "the guest's machine ended with status $status$said"
	else
		echo "the guest ended before its job was done"
	fi
}

job_status=$(tr -d '\r' <"$out/.guest/report" | sed -n '$s/^exit \([0-9][0-9]*\)$/\1/p')
if [[ -z $job_status ]]; then
	echo "vm: $(reason)" >&2
elif ((job_status != 0)); then
	echo "vm: the job ended with status $job_status" >&2
fi
if [[ ${job_status:-1} != 0 && -s $out/.guest/console ]]; then
	echo "vm: the console's last lines:" >&2
	last_lines "$out/.guest/console"
fi
[[ -n $job_status ]] || exit 125
if [[ -s $result ]]; then
	tar -C "$out" -xf "$result"
	rm "$result"
fi
exit "$job_status"
