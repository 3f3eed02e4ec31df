#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# Checks can fail: a sample of the changes in ci/mutants/, each caught by the test that must catch it.
# `make mutants` tries all of them.
# bats file_tags=host,beside

load common

@test "every test of the table of the paper's sentences has a mutant that it must catch" {
	local row cell id test file number missing=0 tests=0
	while IFS= read -r row; do
		id=$(awk -F'|' '{gsub(/ /, "", $2); print $2}' <<<"$row")
		cell=$(awk -F'|' '{print $5}' <<<"$row")
		while IFS= read -r test; do
			file=$(sed -n 's/^`\([^`]*\)`.*/\1/p' <<<"$test")
			number=${test##*\` }
			[[ $number == 3.* ]] || number=
			tests=$((tests + 1))
			grep -lE "^test: $file .*${number//./\\.}([^0-9]|$)" "$ROOT"/ci/mutants/"$id"*.mutant >/dev/null 2>&1 || {
				echo "row $id: no ci/mutants/$id*.mutant for $test" >&2
				missing=$((missing + 1))
			}
		done < <(grep -oE '`[^`]*`( 3\.[0-9]*-[0-9]*)?' <<<"$cell")
	done < <(grep '^| 3\.[1-8]-' "$ROOT/mpip/README.md")
	((tests >= 70 && missing == 0))
}

@test "the text that a mutant changes is in its file" {
	run -0 "$ROOT/ci/mutants.sh" --check
	[[ $output == *" mutants, 0 whose text is not in their file" ]]
}

@test "a sample of the mutants is caught" {
	run -0 timeout 390 "$ROOT/ci/mutants.sh" --no-lab --sample "${SAMPLE:-4}"
	echo "$output"
	[[ $output == *"${SAMPLE:-4} of ${SAMPLE:-4} mutants caught" ]]
}

@test "a mutant that no test catches is an error" {
	sed 's/^new: .*/new: \treturn again || limit <= r->held ? REORDER_PUSH : REORDER_HELD;/' \
		"$ROOT/ci/mutants/3.8-11.mutant" >"$BATS_TEST_TMPDIR/same"
	run -1 "$ROOT/ci/mutants.sh" "$BATS_TEST_TMPDIR/same"
	[[ $output == *"NOT CAUGHT"*": passes: reorder_test"* ]]
}
