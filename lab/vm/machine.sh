# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2054 # for who sources it; QEMU's options have commas
#
# machine.sh: the guest's machine, for those who source it.
#
# Virtual time (design): with -icount one guest instruction is one virtual nanosecond, and idle time
# is skipped. rr=record makes QEMU's main loop and its virtual CPU exclude each other: without it one
# run in ten or so differs by microseconds, because the two race when the guest halts. Machine and
# CPU are named, RDRAND and RDSEED are off, and the clock of the day is the virtual one, so that
# there is no source of time or chance from outside. The guest is told that its time stamp counter
# ticks GIPS times as fast as it does: GIPS x 10^9 instructions fit into each of its seconds.

gips=${GIPS:-4}
memory_mb=${MEMORY_MB:-1024}

machine=(-M microvm,acpi=on,rtc=on,pit=on,pic=off,isa-serial=off -smp 1 -nodefaults -nic none
	-action reboot=shutdown -display none)
virtual=(-accel tcg,thread=single -icount shift=0,sleep=off,rr=record,rrfile=/dev/null
	-cpu Skylake-Client-v3,-rdrand,-rdseed,-hle,-rtm,-pcid,-x2apic,-tsc-deadline,-invpcid,-spec-ctrl,-3dnowprefetch,-xsavec
	-rtc base=2026-01-01,clock=vm)
real_time=(-accel kvm -accel tcg -cpu max)
kernel_options='console=ttyS0 panic=-1 reboot=triple quiet mitigations=off nokaslr norandmaps random.trust_cpu=off random.trust_bootloader=off'
virtual_options='tsc=reliable clocksource=tsc tsc_early_khz'

# Whoever ends, ends QEMU with it.
qemu=(setpriv --pdeathsig KILL qemu-system-x86_64)

# describe: all of the above that decides the guest's bits, for the image's hash; the two settings by
# their names.
describe() {
	echo "${machine[*]} -m MEMORY_MB ${virtual[*]} $kernel_options $virtual_options=GIPS*1000000"
}

# last_lines CONSOLE: of what the guest has said, for a person.
last_lines() {
	tail -n 15 "$1" | tr -d '\r' | sed 's/^/  /' >&2
}

# comma PATH: as QEMU's options want it.
comma() {
	echo "${1//,/,,}"
}

# pack_job JOB SHELL SCRATCH: makes SCRATCH/job, the archive with the job and what the guest's init
# asks of it.
pack_job() {
	mkdir "$3/root"
	cp -r "$1" "$3/root/job"
	printf 'SEED=%s\nSHELL_WANTED=%s\n' "${SEED:-1}" "$2" >"$3/root/job/environment"
	find "$3/root" -exec touch -h -d @0 {} +
	(cd "$3/root" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --null --reproducible -R 0:0 -o -H newc --quiet) >"$3/job"
	rm -rf "$3/root"
}

