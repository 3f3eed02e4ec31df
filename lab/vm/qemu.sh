#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# qemu.sh: runs a job in a guest, in virtual time.
#
#   qemu.sh IMAGE JOB OUT     boots IMAGE (image.sh); JOB is a directory with `command`, a shell
#                             script that is run in /mpip, and whatever it wants to find in /job;
#                             what the guest leaves in /out appears in OUT, a directory
#   qemu.sh --shell IMAGE JOB the same on this terminal, in real time
#   qemu.sh --describe        the options that decide the guest's bits, for the image's hash
#
# While it runs, OUT/.guest/report is the job's standard output and OUT/.guest/console everything
# else. Ends with the job's status; 125 and the console's last lines where the guest came to grief.
#
# Virtual time (design): with -icount one guest instruction is one virtual nanosecond, and idle time
# is skipped. rr=record makes QEMU's main loop and its virtual CPU exclude each other: without it one
# run in ten or so differs by microseconds, because the two race when the guest halts. Machine and
# CPU are named, RDRAND and RDSEED are off, and the clock of the day is the virtual one, so that
# there is no source of time or chance from outside. The guest is told that its time stamp counter
# ticks GIPS times as fast as it does: GIPS x 10^9 instructions fit into each of its seconds.
#
# From the environment: SEED (1), GIPS (4), MEMORY_MB (1024), REALTIME=1 (KVM where it works), and
# LIMIT_S: so many seconds without a word from the guest are a hang (600).
set -euo pipefail

machine=(-M microvm,acpi=on,rtc=on,pit=on,pic=off,isa-serial=off -smp 1 -nodefaults -nic none -no-reboot -display none -monitor none)
virtual=(-accel tcg,thread=single -icount shift=0,sleep=off,rr=record,rrfile=/dev/null
	-cpu Skylake-Client-v3,-rdrand,-rdseed,-hle,-rtm,-pcid,-x2apic,-tsc-deadline,-invpcid,-spec-ctrl,-3dnowprefetch,-xsavec
	-rtc base=2026-01-01,clock=vm)
kernel_options='panic=-1 quiet mitigations=off nokaslr norandmaps random.trust_cpu=off random.trust_bootloader=off'
virtual_options='tsc=reliable clocksource=tsc'
memory_mb=${MEMORY_MB:-1024}

if [[ ${1:-} == --describe ]]; then
	echo "${machine[*]} -m $memory_mb ${virtual[*]} $kernel_options $virtual_options"
	exit
fi
shell=''
if [[ ${1:-} == --shell ]]; then
	shell=yes
	shift
fi
image=$1 job=$2 out=${3:-}
gips=${GIPS:-4}

[[ -r $image/initramfs ]] || { echo "qemu: $image: expected an image made by image.sh" >&2 && exit 125; }
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mpip-vm.XXXXXX")
guest=''
end() {
	[[ -z $guest ]] || kill -KILL "$guest" 2>/dev/null || true
	rm -rf "$scratch"
}
trap end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# The kernel takes several archives one after the other: the image's, then the job's.
mkdir "$scratch/root"
cp -r "$job" "$scratch/root/job"
printf 'SEED=%s\nSHELL_WANTED=%s\n' "${SEED:-1}" "$shell" >"$scratch/root/job/environment"
find "$scratch/root" -exec touch -h -d @0 {} +
(
	cat "$image/initramfs"
	cd "$scratch/root"
	find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --null --reproducible -R 0:0 -o -H newc --quiet
) >"$scratch/initramfs"

run=(setpriv --pdeathsig KILL qemu-system-x86_64 "${machine[@]}" -m "$memory_mb"
	-kernel "$image/vmlinuz" -initrd "$scratch/initramfs")
real_time=(-accel kvm -accel tcg -cpu max)
if [[ -n $shell ]]; then
	"${run[@]}" "${real_time[@]}" -chardev stdio,id=console,signal=off -device isa-serial,index=0,chardev=console -append "console=ttyS0 $kernel_options"
	exit
fi

mkdir -p "$out/.guest"
run+=(-chardev "file,id=console,path=$out/.guest/console" -device isa-serial,index=0,chardev=console
	-chardev "file,id=report,path=$out/.guest/report" -device isa-serial,index=1,chardev=report
	-chardev "file,id=result,path=$scratch/result.tar" -device virtio-serial-device -device virtserialport,chardev=result)
: >"$out/.guest/report"
if [[ ${REALTIME:-} == 1 ]]; then
	"${run[@]}" "${real_time[@]}" -append "console=ttyS0 $kernel_options" </dev/null &
else
	"${run[@]}" "${virtual[@]}" -append \
		"console=ttyS0 $kernel_options $virtual_options tsc_early_khz=$((gips * 1000000))" </dev/null &
fi
guest=$!

# Ends when QEMU does, or when the guest has been silent for too long.
hung=''
while kill -0 "$guest" 2>/dev/null; do
	sleep 0.2
	quiet=$(($(date +%s) - $(stat -c %Y "$out/.guest/console" "$out/.guest/report" 2>/dev/null | sort -n | tail -n 1 || echo 0)))
	if ((quiet > ${LIMIT_S:-600} && $(stat -c %Y "$scratch/initramfs") + ${LIMIT_S:-600} < $(date +%s))); then
		hung=yes
		kill -KILL "$guest" 2>/dev/null || true
		break
	fi
done
qemu_status=0
wait "$guest" || qemu_status=$?
guest=''

status=$(tr -d '\r' <"$out/.guest/report" | sed -n 's/^exit \([0-9][0-9]*\)$/\1/p' | tail -n 1)
if [[ -z $status ]]; then
	if [[ -n $hung ]]; then
		echo "vm: the guest has said nothing for ${LIMIT_S:-600} s and was ended; its console's last lines:" >&2
	elif ((qemu_status != 0)); then
		echo "vm: QEMU ended with status $qemu_status; the console's last lines:" >&2
	else
		echo "vm: the guest ended before its job was done; its console's last lines:" >&2
	fi
	tail -n 15 "$out/.guest/console" | tr -d '\r' | sed 's/^/  /' >&2
	exit 125
fi
[[ ! -s $scratch/result.tar ]] || tar -C "$out" -xf "$scratch/result.tar"
exit "$status"
