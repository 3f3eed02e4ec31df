# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # for who sources it
#
# cache.sh: where kernels are kept and how they are fetched, for those who source it.

fail() {
	echo "kernel: $*" >&2
	exit 1
}

# caches: where kernels may be kept, one a line: the user's cache, or, without a home, the build's
# alone. A home that is named and not there is none.
caches() {
	if [[ ${XDG_CACHE_HOME:-} == /* ]]; then
		echo "$XDG_CACHE_HOME/mpip"
	elif [[ ${HOME:-} == /* && -d $HOME ]]; then
		echo "$HOME/.cache/mpip"
	fi
	realpath -m "${BUILD:-build}/vm/cache"
}

# cached NAME FILE: the NAME that is kept in a cache and has FILE. It need only be readable.
cached() {
	local directory
	while IFS= read -r directory; do
		if [[ -r $directory/$1/$2 ]]; then
			echo "$directory/$1"
			return
		fi
	done < <(caches)
	return 1
}

# open_cache: sets cache, the first one that this user can write; nobody else changes it from now on.
open_cache() {
	local directory
	while IFS= read -r directory; do
		mkdir -p "$directory" 2>/dev/null || continue
		[[ -w $directory && (! -e $directory/lock || -w $directory/lock) ]] || continue
		cache=$directory
		exec 9>"$cache/lock"
		flock -w 2 9 || {
			echo "kernel: another process is at work in $cache, waiting for it" >&2
			flock 9
		}
		# What one who was killed has left.
		rm -rf "$cache"/.fetch.?????? "$cache"/.build.??????
		return
	done < <(caches)
	fail "no place to keep a kernel: expected to be able to write one of: $(caches | paste -sd ' ')"
}

need_x86_64() {
	[[ $(uname -m) == x86_64 ]] || fail "guests are for x86_64, this machine is $(uname -m)"
}

# download PACKAGE DIRECTORY
download() {
	(cd "$2" && apt-get download -q "$1" >download.log 2>&1) ||
		fail "apt-get download $1: $(tail -n 1 "$2/download.log")"
}
