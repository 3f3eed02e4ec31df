#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# snapshot.sh IMAGE: boots the image in virtual time up to where its jobs begin, stores the guest as
# it is there, and prints the directory:
#
#   memory    the guest's memory, sparse; a guest that goes on from here maps it for itself
#   devices   the state of everything else, as QEMU migrates it
#
# How a guest goes on from it depends on the kernel, the base archive, GIPS, MEMORY_MB and QEMU alone,
# and not on the moment: the guest stops itself (snapshot.c), between two instructions, and its clock
# is set to a round value. So it is made once and kept beside the images, and a guest that goes on
# from what another machine has made does the same.
#
# From the environment: GIPS, MEMORY_MB (machine.sh).
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=lab/vm/machine.sh
. "$here/machine.sh"
# shellcheck source=lab/vm/room.sh
. "$here/room.sh"

image=$(realpath "$1")
store=$(dirname "$image")
snapshot=$store/snapshot-$(echo "$(<"$image/boot.sha256") $gips $memory_mb" | sha256sum | cut -c1-16)
ready() {
	[[ -e $snapshot/devices ]] || return 0
	touch "$snapshot"
	echo "$snapshot"
	exit
}
ready
exec 9>"$store/.snapshot.lock"
flock 9
ready

aside=''
make_scratch aside "$store/.snapshot"
trap 'rm -rf "$aside"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP
fail() {
	(($(free_mb "$store") > 0)) || set -- "$store has no room left"
	echo "vm: storing a booted guest: $1" >&2
	echo "vm: its console's last lines:" >&2
	last_lines "$aside/console"
	exit 125
}

echo "vm: storing a booted guest, once for GIPS=$gips and $memory_mb MB: a quarter of a minute for each GIPS" >&2
touch "$aside/console"
coproc monitor {
	cd "$aside"
	exec "${qemu[@]}" "${machine[@]}" "${virtual[@]}" -action shutdown=pause -qmp stdio -m "$memory_mb" \
		-object "memory-backend-file,id=ram,size=${memory_mb}M,share=on,mem-path=memory" \
		-machine memory-backend=ram \
		-global migration.send-configuration=off -global migration.store-global-state=off \
		-chardev "file,id=console,path=console" -device isa-serial,index=0,chardev=console \
		-chardev file,id=report,path=report -device isa-serial,index=1,chardev=report \
		-chardev file,id=result,path=result -device virtio-serial-device -device virtserialport,chardev=result \
		-kernel "$image/vmlinuz" -initrd "$image/base" \
		-append "$kernel_options $virtual_options=$((gips * 1000000))" 9>&-
}
# bash forgets the descriptors when QEMU ends.
qemu_pid=$!
exec {answers}<&"${monitor[0]}" {commands}>&"${monitor[1]}"
say() {
	printf '{"execute":"%s"%s}\n' "$1" "${2:-}" >&"$commands"
}
# hear PATTERN: waits for a line with it, and leaves it in $heard.
hear() {
	while IFS= read -r -t 600 -u "$answers" heard; do
		[[ $heard != *"$1"* ]] || return 0
		[[ $heard != *'"error"'* ]] || fail "QEMU says $heard"
	done
	fail 'it ended, or hung'
}
say qmp_capabilities
hear '"STOP"'
[[ $(<"$aside/report") == ready* ]] || fail 'it did not come so far'
say xen-save-devices-state ',"arguments":{"filename":"devices"}'
hear '"return"'
say quit
wait "$qemu_pid" || fail "QEMU ended with status $?"

# When the virtual CPU has stopped, QEMU's main loop may find it idle before it pauses the machine, and
# then skips the time to the next timer, or may not: a race. Both are the same guest but for its clock:
# what is due at a later time fires before the first instruction. So it goes on at the next multiple
# of 2^clock_bits virtual nanoseconds. QEMU stores two numbers of 8 bytes: what its idle times add up to, and
# how many instructions there were; the clock is their sum.
field=$(grep -abo timer/icount "$aside/devices" | head -n 1 | cut -d: -f1)
[[ -n $field ]] || fail "there is no clock in what QEMU has stored"
number() {
	echo $((16#$(od -An -v -t x1 -j "$1" -N 8 "$aside/devices" | tr -d ' ')))
}
idle_at=$((field + 12 + 4)) # behind its name and version
instructions=$(number $((idle_at + 8)))
now=$((instructions + $(number "$idle_at")))
printf -v idle %016x $(((((now >> clock_bits) + 1) << clock_bits) - instructions))
# shellcheck disable=SC2001,SC2059 # it has nothing but \x and digits
printf "$(sed 's/../\\x&/g' <<<"$idle")" | dd of="$aside/devices" bs=1 seek="$idle_at" conv=notrunc status=none

rm "$aside"/{console,report,result,.held}
mv -T "$aside" "$snapshot"
trap - EXIT
# Settings and kernels change: the newest few are enough.
keep_newest 8 "$store/snapshot-"
echo "$snapshot"
