#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The table in mpip/README.md: every test that it names exists under the number that it gives.

# bats file_tags=beside

load ../common

@test "every test that the table of the paper's sentences names exists" {
	local row id cell test rows=0 tests=0 missing=0 file number
	while IFS= read -r row; do
		id=$(awk -F'|' '{gsub(/ /, "", $2); print $2}' <<<"$row")
		cell=$(awk -F'|' '{print $5}' <<<"$row")
		rows=$((rows + 1))
		while IFS= read -r test; do
			[[ -n $test ]] || continue
			file=$(sed -n 's/^`\([^`]*\)`.*/\1/p' <<<"$test")
			number=${test##*\` }
			case $file in
			*_test) file=mpip/core/$file.c ;;
			*.bats) file=ci/paper/$file ;;
			esac
			tests=$((tests + 1))
			grep -Eq "(PAPER\(|@test )\"[^:]*\b${number//./\\.}\b[^:]*:" "$ROOT/$file" || {
				echo "row $id: $file has no test '$number'" >&2
				missing=$((missing + 1))
			}
		done < <(grep -o '`[^`]*` 3\.[0-9]*-[0-9]*' <<<"$cell")
	done < <(grep '^| 3\.[1-8]-' "$ROOT/mpip/README.md")
	((rows >= 70 && tests >= 70 && missing == 0))
}
