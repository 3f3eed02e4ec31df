#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# shell.sh SCENARIO.json: a lab of the scenario in a guest, in real time, and a shell in it on this
# terminal. Ctrl-C is the guest's; `exit` ends it, and all is gone.
#
# From the environment: BUILD, LAB (lab), the lab's name, KERNEL (kernel.sh), KVM (machine.sh), MEMORY_MB,
# GIPS (1: what a processor without KVM does in real time).
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
export GIPS=${GIPS:-1}
# shellcheck source=lab/vm/machine.sh
. "$here/machine.sh"

((gips > 0)) || { echo "lab-shell: GIPS=0: expected a processor that takes time" >&2 && exit 2; }
(($# == 1)) || { echo "usage: shell.sh SCENARIO.json" >&2 && exit 2; }
[[ -r $1 ]] || { echo "lab-shell: $1: expected a scenario" >&2 && exit 1; }
[[ -t 0 && -t 1 ]] || { echo "lab-shell: expected a terminal" >&2 && exit 1; }
scenario=$(realpath "$1")
image=$("$here/image.sh" shell)
hold "$image"
scratch=''
make_scratch scratch "${TMPDIR:-/tmp}/mpip-vm"
child=''
# shellcheck disable=SC2317 # a trap calls it
end() {
	[[ -z $child ]] || kill -KILL "$child" 2>/dev/null || true
	stty "$terminal" 2>/dev/null || true
	rm -rf "$scratch"
}
terminal=$(stty -g)
trap end EXIT
trap 'exit 143' TERM
trap 'exit 129' HUP
job=$scratch/job-files
mkdir "$job"
# With the traces that it names in it. What is wrong with it is said here, and not in the guest.
"${BUILD:-$here/../../build}/lab/lab" print "$scenario" >"$job/scenario.json"
# The guest cannot see how large the terminal is.
size=$(stty size)
cat >"$job/command" <<END
stty rows ${size% *} cols ${size#* } 2>/dev/null
export LAB=$(printf %q "${LAB:-lab}") SCENARIO=$(printf %q "$(basename "$scenario")") TERM=${TERM:-vt100}
END
cat >>"$job/command" <<'END'
export PATH=$PATH:/mpip/build/lab:/mpip/build/mpip:/mpip/build/experiments
echo 'root:x:0:0::/root:/bin/sh' >/etc/passwd
lab up --name "$LAB" /job/scenario.json || exit
# As what tcpdump goes on when it has its socket.
echo 'tcpdump:x:100:100::/:/bin/sh' >>/etc/passwd
cat >/etc/bashrc <<'RC'
on() {
	local host=$1
	shift
	if [ $# -eq 0 ]; then set -- bash --rcfile /etc/bashrc; fi
	ip netns exec "$LAB-$host" "$@"
}
PS1='lab:\w# '
RC
cat <<BANNER

The lab of $SCENARIO is up. Its namespaces:
$(cd /run/netns && printf '  %s\n' * | sed "s/$LAB-//")

  on HOST CMD...     runs CMD there, or a shell: on client ping -c 3 10.0.3.2
  lab status, lab counters, lab play
  ip tc ss nft ethtool ping iperf3 tcpdump, mpipd mpipctl
  exit               ends the guest, and all of this

BANNER
exec setsid cttyhack bash --rcfile /etc/bashrc -i
END
pack_job "$job" yes "$scratch"
# shellcheck disable=SC2054 # QEMU's options have commas
run=("${qemu[@]}" -monitor none -m "$memory_mb"
	-chardev stdio,id=console,signal=off -device isa-serial,index=0,chardev=console
	-chardev null,id=report -device isa-serial,index=1,chardev=report
	-chardev null,id=result -device virtio-serial-device -device virtserialport,chardev=result)
# In the background, so that a signal is not kept waiting.
if real_time "$image"; then
	echo "lab-shell: booting with KVM ..."
	cat "$image/base" "$image/programs" "$scratch/job" >"$scratch/initramfs"
	"${run[@]}" "${with_kvm[@]}" -kernel "$image/vmlinuz" -initrd "$scratch/initramfs" \
		-append "$kernel_options" <&0 &
else
	snapshot=$("$here/snapshot.sh" "$image")
	hold "$snapshot"
	resume "$image" "$snapshot" "$scratch/job"
	"${run[@]}" "${resumed[@]}" <&0 8<"$snapshot/devices" &
fi
child=$!
wait "$child"
child=''
