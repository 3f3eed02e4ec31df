# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # for who sources it
#
# cache.sh: where kernels are kept and how they are fetched, for those who source it.

fail() {
	echo "kernel: $*" >&2
	exit 1
}

# A place that this user can write: the user's cache, or, without a home, the build's.
cache_directory() {
	local candidate=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/mpip
	if mkdir -p "$candidate" 2>/dev/null && [[ -w $candidate ]]; then
		echo "$candidate"
	else
		candidate=$(realpath -m "${BUILD:-build}/vm/cache")
		mkdir -p "$candidate"
		echo "$candidate"
	fi
}

# open_cache: sets cache, which nobody else changes from now on.
open_cache() {
	[[ $(uname -m) == x86_64 ]] || fail "guests are for x86_64, this machine is $(uname -m)"
	cache=$(cache_directory)
	exec 9>"$cache/lock"
	flock -w 2 9 || {
		echo "kernel: another process is at work in $cache, waiting for it" >&2
		flock 9
	}
	# What one who was killed has left.
	rm -rf "$cache"/.fetch.?????? "$cache"/.build.??????
}

# download PACKAGE DIRECTORY
download() {
	(cd "$2" && apt-get download -q "$1" >download.log 2>&1) ||
		fail "apt-get download $1: $(tail -n 1 "$2/download.log")"
}
