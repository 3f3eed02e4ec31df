#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# sources.sh [PATTERN...]: the project's files whose names match one of the patterns ('*.c'), or all
# of them, one a line: those of git's that are there, and new ones that it does not ignore. In a copy
# that is no repository of its own, also where it lies inside of another one: all that is here but
# what is built and measured.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."

listed() {
	if [[ "$(git rev-parse --show-toplevel 2>/dev/null)" -ef . ]]; then
		git ls-files -z --cached --others --exclude-standard
	else
		find . \( -path ./build -o -path ./out -o -path ./.git \) -prune -o -type f -printf '%P\0'
	fi
}

listed | sort -zu | while IFS= read -rd '' file; do
	[[ -f $file ]] || continue
	(($#)) || echo "$file"
	for pattern; do
		# shellcheck disable=SC2053 # a pattern it is
		if [[ $file == $pattern ]]; then
			echo "$file"
			break
		fi
	done
done
