# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# room.sh: where a guest's memory has room, for those who source it.
#
# The memory of user-mode Linux (GIPS=0) is a file that grows as the guest touches it, and that it runs
# programs from. Where the file system is full, the guest dies at once, with a bus error; where it is
# read-only or mounted noexec, it does not start. In a container /dev/shm has often 64 MB. So it is
# looked at before, and where it will not do, the memory is on a disk.

# free_mb DIRECTORY: how much its file system has room for; "" where there is none.
free_mb() {
	df --output=avail -B 1M -- "$1" 2>/dev/null | sed -n '2{s/ //g;p}'
}

# runs_programs DIRECTORY: whether a file can be made there, and executed.
runs_programs() {
	local probe status=0
	probe=$(mktemp "$1/mpip-vm-probe.XXXXXX" 2>/dev/null) || return 1
	{ printf '#!/bin/sh\n' >"$probe" && chmod 700 "$probe" && "$probe"; } 2>/dev/null || status=1
	rm -f "$probe"
	return "$status"
}

# find_room MB GUESTS: prints the directory for a guest's memory: TMPDIR, shared memory or a disk, the
# first one with room for that many guests, or at least for one. Status 1 and one line: there is none.
find_room() {
	local directory free one='' found=''
	for directory in ${TMPDIR:+"$TMPDIR"} /dev/shm /tmp /var/tmp; do
		[[ $found != *", $directory "* ]] || continue
		free=$(free_mb "$directory")
		if [[ ! -d $directory ]]; then
			found+=", $directory is not there"
		elif ! runs_programs "$directory"; then
			found+=", $directory cannot be written, or its files not be executed"
		elif ((${free:-0} >= $1 * $2)); then
			echo "$directory"
			return
		else
			found+=", $directory has $free MB"
			((${free:-0} < $1)) || one=${one:-$directory}
		fi
	done
	if [[ -z $one ]]; then
		echo "vm: no room for a guest's memory of $1 MB: ${found#, }; name a directory that has it with TMPDIR=" >&2
		return 1
	fi
	echo "$one"
}
