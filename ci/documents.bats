#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# The documents say what is true: each command in them is run, as somebody types it who reads them. What
# becomes of each is in ci/documents.txt; FULL=1 runs those that take long, too.

# bats file_tags=host,beside

bats_require_minimum_version 1.5.0

[[ -z ${FULL:-} ]] || export BATS_TEST_TIMEOUT=3600

setup_file() {
	[[ $(id -u) -eq 0 ]] || return 0
	cd "$BATS_TEST_DIRNAME/.." || return
	mkdir "$BATS_FILE_TMPDIR/copy"
	ci/documents.sh --copy "$BATS_FILE_TMPDIR/copy"
}

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
}

# as_written DOCUMENT
as_written() {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces"
	ci/documents.sh "$1" "$BATS_FILE_TMPDIR/copy"
}

@test "each command in a document has a row in ci/documents.txt, and each row is in a document" {
	ci/documents.sh --compare
	[[ $(ci/documents.sh --list | wc -l) -gt 80 ]]
}

@test "a command that is new, or changed, or gone is noticed" {
	mkdir "$BATS_TEST_TMPDIR/copy"
	cp --parents -t "$BATS_TEST_TMPDIR/copy" README.md ./*/README.md ci/documents.sh ci/documents.txt
	cd "$BATS_TEST_TMPDIR/copy"
	printf '\n    make lab-up NAME=new  # one more\n\nAnd `make something else`.\n' >>lab/README.md
	sed -i 's/^    make lab-status /    make lab-state /' README.md
	run -1 ci/documents.sh --compare
	[[ ${#lines[@]} -eq 4 ]]
	[[ $output == *"lab/README.md :: make lab-up NAME=new: it has no row in ci/documents.txt"* ]]
	[[ $output == *"lab/README.md :: make something else: it has no row in ci/documents.txt"* ]]
	[[ $output == *"README.md :: make lab-state: it has no row in ci/documents.txt"* ]]
	[[ $output == *"ci/documents.txt: README.md :: make lab-status: it is not in the document"* ]]
}

@test "README.md" { as_written README.md; }
@test "mpip/README.md" { as_written mpip/README.md; }
@test "lab/README.md" { as_written lab/README.md; }
@test "experiments/README.md" { as_written experiments/README.md; }
@test "analysis/README.md" { as_written analysis/README.md; }
