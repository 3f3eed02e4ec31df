# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # for who sources it
#
# scratch.sh: what a script makes goes with it, for those who source it. A trap does that, and after
# kill -9 the next who makes the like. Locks say what is still in use: flock(2) on the directory, which
# ends with the last process that has it.

# Before a command: it is killed when we end, however that is, also if that is before it could arrange
# to be told.
with_us=(setpriv --pdeathsig KILL bash -c '((PPID == $1)) || exit 125; shift; exec "$@"' bash $$)

# hold DIRECTORY: nobody else removes it while we are there.
hold() {
	local fd
	{ exec {fd}<"$1"; } 2>/dev/null && flock -s "$fd" && [[ -d $1 ]]
}

# make_scratch VARIABLE PREFIX: makes a directory PREFIX.XXXXXX, ours as long as we are there, and
# removes those that nobody has any more.
make_scratch() {
	local -n made=$1
	local old fd
	for old in "$2".*; do
		{ [[ -d $old && -O $old ]] && exec {fd}<"$old"; } 2>/dev/null || continue
		# One that was made this moment may not be locked yet.
		if flock -n "$fd" && [[ -e $old/.held || -n $(find "$old" -maxdepth 0 -mmin +1) ]]; then
			rm -rf "$old"
		fi
		exec {fd}<&-
	done
	made=$(mktemp -d "$2.XXXXXX")
	exec {fd}<"$made"
	flock "$fd"
	: >"$made/.held"
}

# keep_newest COUNT PREFIX: removes the directories PREFIX* but those that were used last, and those
# that somebody holds. Each goes in one step, so that none is ever found in parts.
keep_newest() {
	local old fd gone
	make_scratch gone "${2%/*}/.gone"
	find "${2%/*}" -maxdepth 1 -name "${2##*/}*" -printf '%T@ %p\n' | sort -rn | tail -n +$(($1 + 1)) |
		cut -d' ' -f2- | while IFS= read -r old; do
		{ exec {fd}<"$old"; } 2>/dev/null || continue
		! flock -n "$fd" || mv "$old" "$gone/" 2>/dev/null || true
		exec {fd}<&-
	done
	rm -rf "$gone"
}
