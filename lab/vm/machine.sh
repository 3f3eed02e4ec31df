# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2054 # for who sources it; QEMU's options have commas
#
# machine.sh: the guest's machine, for those who source it.
#
# Virtual time: with -icount one guest instruction is one virtual nanosecond, and idle time
# is skipped. rr=record makes QEMU's main loop and its virtual CPU exclude each other: without it one
# run in ten or so differs by microseconds, because the two race when the guest halts. Machine and
# CPU are named, RDRAND and RDSEED are off, and the clock of the day is the virtual one, so that
# there is no source of time or chance from outside. The guest is told that its time stamp counter
# ticks GIPS times as fast as it does: GIPS x 10^9 instructions fit into each of its seconds.
#
# With GIPS=0 the processor takes no time at all: user-mode Linux with time travel (time-travel.sh).
# Time passes only where all wait for it, and 256 ns with each look at the clock. It is what more and
# more GIPS lead to, several times as fast in real time, and says nothing about the cost of anything.

# shellcheck source=lab/vm/scratch.sh
. "${BASH_SOURCE[0]%/*}/scratch.sh"

gips=${GIPS:-0} # to 64
memory_mb=${MEMORY_MB:-1024}

machine=(-M microvm,acpi=on,rtc=on,pit=on,pic=off,isa-serial=off -smp 1 -nodefaults -nic none
	-action reboot=shutdown -display none)
virtual=(-accel tcg,thread=single -icount shift=0,sleep=off,rr=record,rrfile=/dev/null
	-cpu Skylake-Client-v3,-rdrand,-rdseed,-hle,-rtm,-pcid,-x2apic,-tsc-deadline,-invpcid,-spec-ctrl,-3dnowprefetch,-xsavec,-erms
	-rtc base=2026-01-01,clock=vm)
kernel_options='console=ttyS0 panic=-1 reboot=triple quiet mitigations=off nokaslr norandmaps random.trust_cpu=off random.trust_bootloader=off clearcpuid=112 hardened_usercopy=off psi=0 cgroup_disable=memory audit=0'
virtual_options='tsc=reliable clocksource=tsc tsc_early_khz'
# The guest finds the archive it boots with, and leaves its report and its result, where it is started.
time_travel=(time-travel=inf-cpu time-travel-start=1767225600000000000 initrd=initramfs hostfs=. uml_dir=./
	umid=time-travel con0=null,fd:1 con=null norandmaps quiet)
clock_bits=32 # a stored guest goes on at a multiple of 2^32 virtual nanoseconds (snapshot.sh)

qemu=("${with_us[@]}" qemu-system-x86_64)

# describe: all of the above that decides the guest's bits, for the image's hash; the two settings by
# their names.
describe() {
	if ((gips == 0)); then
		echo "user-mode Linux mem=MEMORY_MB ${time_travel[*]}"
		return
	fi
	echo "${machine[*]} -m MEMORY_MB ${virtual[*]} $kernel_options $virtual_options=GIPS*1000000 clock 2^$clock_bits"
}

# last_lines CONSOLE: what the guest has said last, and why its kernel has given up, for a person.
last_lines() {
	tr -d '\r' <"$1" | awk '
		/Kernel panic - / { panic = $0; at = NR }
		{ lines[NR] = $0 }
		END {
			first = NR > 15 ? NR - 14 : 1
			if (at && at < first)
				print "  " panic "\n  ..."
			for (i = first; i <= NR; i++)
				print "  " lines[i]
		}' >&2
}

# resume IMAGE SNAPSHOT JOB: sets @resumed, QEMU's options for a guest that goes on from the snapshot
# with this job, and with SNAPSHOT/devices on descriptor 8.
resume() {
	resumed=("${machine[@]}" "${virtual[@]}" -machine memory-backend=ram,suppress-vmdesc=on
		-object "memory-backend-file,id=ram,size=${memory_mb}M,share=off,mem-path=$(comma "$2/memory")"
		-global migration.send-configuration=off -incoming fd:8
		-fw_cfg "name=opt/mpip/programs,file=$(comma "$1/programs")"
		-fw_cfg "name=opt/mpip/job,file=$(comma "$3")")
}

# real_time IMAGE: for real time. True where a guest boots with KVM; then @with_kvm has the machine.
# Having /dev/kvm says little, so that it is tried, once per image and running kernel; KVM=0 or 1
# decides. Without KVM the same virtual time is slowed down to the real one while the guest is idle,
# so that no clock of the guest is ever calibrated against a host that is busy.
real_time() {
	local tried
	virtual=("${virtual[@]/sleep=off/sleep=on}")
	with_kvm=("${machine[@]/pic=off/pic=on}" -accel kvm -cpu host)
	tried=$(dirname "$1")/kvm-$(echo "$(<"$1/boot.sha256") $(uname -r)" | sha256sum | cut -c1-16)
	if [[ -z ${KVM:-} && ! -e $tried ]]; then
		echo 0 >"$tried"
		if [[ -w /dev/kvm ]]; then
			echo "vm: trying whether guests run with KVM here (once)" >&2
			! "${with_us[@]}" timeout -k 1 20 setpriv --pdeathsig KILL qemu-system-x86_64 "${with_kvm[@]}" -monitor none -m "$memory_mb" \
				-kernel "$1/vmlinuz" -initrd "$1/base" -append "$kernel_options" \
				-chardev null,id=console -device isa-serial,index=0,chardev=console \
				-chardev stdio,id=report -device isa-serial,index=1,chardev=report </dev/null 2>/dev/null |
				grep -q ^ready || echo 1 >"$tried"
		fi
	fi
	[[ ${KVM:-$(<"$tried")} == 1 ]]
}

# list_processors: the numbers of those that this process may use.
list_processors() {
	taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' | while IFS=- read -r from to; do
		seq "$from" "${to:-$from}"
	done
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

