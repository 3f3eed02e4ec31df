# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# cache.sh: where kernels are kept, for those who source it.

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
