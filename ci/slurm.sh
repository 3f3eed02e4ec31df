#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# slurm.sh: a Slurm cluster of two nodes on this machine, for tests. Root.
#
#   slurm.sh start DIR [LINE...]       starts it; all that it has is in DIR, which is made; the lines are
#                                      added to its slurm.conf
#   slurm.sh exec DIR CMD...           runs a command where the cluster is
#   slurm.sh kill-node DIR n1          the node and all that runs on it, as when the power goes
#   slurm.sh start-node DIR n1         a node that was killed
#   slurm.sh stop DIR                  ends all of it
#
# It is in namespaces of its own (processes, network, mounts), so that it meets no other Slurm and no
# munge of this machine, and ends with the first process of its namespace, also if who started it is
# killed. So is each node, within them. No systemd, no cgroups.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

fail() {
	echo "slurm.sh: $*" >&2
	exit 1
}

command=${1:-} dir=${2:-}
[[ -n $dir ]] || fail 'expected start, exec, kill-node, start-node or stop, and a directory'
shift 2
[[ $dir == /* ]] || dir=$PWD/$dir
export SLURM_CONF=$dir/slurm.conf

# inside CMD...: in the namespaces.
inside() {
	[[ -s $dir/pid ]] || fail "$dir: no cluster was started here"
	nsenter -t "$(<"$dir/pid")" -m -n -p --wd="$PWD" "$@"
}

write_configuration() {
	local host
	host=$(hostname -s)
	cat >"$SLURM_CONF" <<-CONF
		ClusterName=ci
		SlurmctldHost=$host(127.0.0.1)
		SlurmUser=root
		AuthType=auth/munge
		AuthInfo=socket=$dir/munge.socket
		CredType=cred/munge
		SlurmctldPidFile=$dir/slurmctld.pid
		SlurmdPidFile=$dir/slurmd-%n.pid
		SlurmdSpoolDir=$dir/spool-%n
		StateSaveLocation=$dir/state
		SlurmctldLogFile=$dir/slurmctld.log
		SlurmdLogFile=$dir/slurmd-%n.log
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		SchedulerType=sched/builtin
		SchedulerParameters=batch_sched_delay=1,sched_interval=1,sched_min_interval=100000
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		MpiDefault=none
		ReturnToService=2
		SlurmdTimeout=10
		BatchStartTimeout=1
		KillWait=2
		MessageTimeout=5
		NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17001 CPUs=1 State=UNKNOWN
		NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=17002 CPUs=1 State=UNKNOWN
		PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
	CONF
	printf '%s\n' "$@" >>"$SLURM_CONF"
}

# start_node NAME: in a process namespace of its own, whose first process is kept as DIR/NAME.pid.
start_node() {
	mkdir -p "$dir/spool-$1"
	inside unshare --mount --pid --fork --kill-child --mount-proc \
		slurmd -D -N "$1" </dev/null >"$dir/$1.said" 2>&1 &
	disown
}

# wait_for WHAT CMD...: until it succeeds.
wait_for() {
	local what=$1
	shift
	for ((i = 0; i < 300; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	fail "$what: not after 30 s, see the logs in $dir"
}
has_address() {
	inside ip addr show dev lo | grep -q 10.255.255.1
}
controller_is_up() {
	inside timeout 5 scontrol ping | grep -q 'is UP'
}
node_is_up() {
	inside timeout 5 sinfo --noheader -n "$1" -o %T | grep -qE '^(idle|mixed|allocated)$'
}

case $command in
start)
	[[ $(id -u) -eq 0 ]] || fail 'expected to be root'
	mkdir -p "$dir/state"
	write_configuration "$@"
	head -c 32 /dev/urandom >"$dir/munge.key"
	chmod 600 "$dir/munge.key"
	# The first process reaps the others, which go with it. Slurm looks for an address that is not 127.0.0.1's.
	setsid unshare --mount --net --pid --fork --kill-child --mount-proc \
		bash -c 'ip link set lo up && ip addr add 10.255.255.1/32 dev lo; while sleep 3600; do :; done' </dev/null >"$dir/said" 2>&1 &
	outer=$!
	disown
	wait_for 'the namespaces' pgrep -P "$outer"
	pgrep -P "$outer" >"$dir/pid"
	wait_for 'the namespaces' has_address
	inside munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --seed-file="$dir/munge.seed" \
		--pid-file="$dir/munge.pid" --log-file="$dir/munge.log"
	inside slurmctld
	wait_for slurmctld controller_is_up
	for node in n1 n2; do
		start_node "$node"
	done
	for node in n1 n2; do
		wait_for "node $node" node_is_up "$node"
	done
	;;
exec) inside "$@" ;;
kill-node)
	# slurmd is the first of its namespace; seen from outside it has its name and this parent.
	for pid in $(inside pgrep -f "^slurmd -D -N $1\$"); do
		inside kill -9 "$pid"
	done
	;;
start-node)
	start_node "$1"
	wait_for "node $1" node_is_up "$1"
	;;
stop)
	[[ ! -s $dir/pid ]] || kill -9 "$(<"$dir/pid")" 2>/dev/null || true
	rm -f "$dir/pid"
	;;
*) fail "$command: expected start, exec, kill-node, start-node or stop" ;;
esac
