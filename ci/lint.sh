#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lint.sh [TOOL...]: includes.sh, clang-format, shellcheck, cppcheck and clang-tidy over all sources, or some of
# these. What each finds is shown as it says it, a line for each tool says how many files it has read,
# and in the end all that found something are named: status 1. `make lint` and its tests call it.
#
# Nothing that was built is read, and no settings but those of this directory.
#
# Most of the time is the analyzer's of clang-tidy, which follows the ways through each function with
# all that they call. It stops after 50,000 states of a function: what it would find after these is
# found with FULL=1, where it goes on to its own limit of 225,000. That takes six times as long.
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
cd "$here/.."
states=50000
export LC_ALL=C

# tidy FILE: for one of many at the same time. What is said of a file is said in one piece.
tidy() {
	local flags said status=0
	read -ra flags < <(pkg-config --cflags jansson libnl-route-3.0 libnl-genl-3.0 libnftables libbpf cmocka)
	[[ -n ${FULL:-} ]] || flags+=(-Xclang -analyzer-config -Xclang "max-nodes=$states")
	said=$(clang-tidy --quiet "$1" -- -std=gnu17 -D_GNU_SOURCE -I. "${flags[@]}" 2>&1) || status=$?
	exec 9>>"$LINT_READ"
	flock 9
	echo "$1" >&9
	[[ ! -t 2 ]] || printf '\r\e[K' >&2
	((status == 0)) || sed -E '/^[0-9]+ warnings? generated\.$/d' <<<"${said:-clang-tidy: $1: ended with status $status}"
	[[ ! -t 2 ]] || printf 'clang-tidy: %d of %d files' "$(wc -l <"$LINT_READ")" "$LINT_FILES" >&2
	((status == 0))
}
if [[ ${1:-} == --file ]]; then
	tidy "$2"
	exit
fi

mapfile -t c_and_h < <(ci/sources.sh '*.c' '*.h')
mapfile -t c < <(printf '%s\n' "${c_and_h[@]}" | grep '\.c$' | grep -v '\.bpf\.c$')
mapfile -t shell < <(ci/sources.sh '*.sh' '*.bash' '*.bats' .ci/run lab/vm/init)
LINT_READ=$(mktemp "${TMPDIR:-/tmp}/mpip-lint.XXXXXX")
LINT_FILES=${#c[@]}
export LINT_READ LINT_FILES
trap 'rm -f "$LINT_READ"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# look TOOL: fails where it finds something; sets @files.
look() {
	case $1 in
	includes)
		files=${#c_and_h[@]}
		ci/includes.sh
		;;
	clang-format)
		files=${#c_and_h[@]}
		clang-format --dry-run --Werror "${c_and_h[@]}"
		;;
	shellcheck)
		files=${#shell[@]}
		shellcheck "${shell[@]}"
		;;
	cppcheck)
		# It is wrong about the loops of uthash and utlist, and about %hhx into an array.
		files=${#c[@]}
		cppcheck --quiet -j "$(nproc)" --std=c11 --enable=warning,performance,portability --inline-suppr \
			--error-exitcode=1 --suppress=missingIncludeSystem --suppress=uninitvar \
			--suppress=nullPointerRedundantCheck --suppress=invalidScanfArgType_int \
			-D__x86_64__ -D_GNU_SOURCE -I. --include=ci/cppcheck.h "${c[@]}"
		;;
	clang-tidy)
		# The longest first, so that no processor waits for one in the end.
		files=${#c[@]}
		find "${c[@]}" -printf '%s %p\0' | sort -zrn | cut -zd ' ' -f 2- |
			xargs -0 -n 1 -P "$(nproc)" "$here/lint.sh" --file
		;;
	esac
}

known=(includes clang-format shellcheck cppcheck clang-tidy)
tools=("$@")
(($#)) || tools=("${known[@]}")
for tool in "${tools[@]}"; do
	[[ " ${known[*]} " == *" $tool "* ]] || {
		echo "lint: $tool: expected some of: ${known[*]}" >&2
		exit 2
	}
	[[ $tool == includes ]] || command -v "$tool" >/dev/null || {
		echo "lint: expected the program $tool on this machine; run make deps" >&2
		exit 1
	}
done
bad=''
for tool in "${tools[@]}"; do
	[[ ! -t 2 ]] || printf '%s ...' "$tool" >&2
	started=$SECONDS verdict=clean
	look "$tool" || { verdict='NOT clean' bad+=" $tool"; }
	[[ ! -t 2 ]] || printf '\r\e[K' >&2
	echo "$tool: $files files, $verdict ($((SECONDS - started)) s)"
done
[[ -z $bad ]] || {
	echo "lint: not clean:$bad; what they have found is above" >&2
	exit 1
}
