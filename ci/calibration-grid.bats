#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Calibration over a grid of links, in guests (calibration-grid.sh): no good link is called bad, and no
# link that was altered a little is called good. A sample of it is in vm.bats.

# bats file_tags=host,full

# Nine minutes of processor time for the first one, and five for the second.
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-3600}

setup() {
	[[ -z ${SANITIZE:-} ]] || skip "the guest's image is for programs without sanitizers"
	cd "$BATS_TEST_DIRNAME/.." || return
}

@test "no wrong verdict: 60 links as they are, and altered in six ways" {
	ci/calibration-grid.sh 1
}

@test "no wrong verdict: 60 links as they are, with two more seeds" {
	SETS=good ci/calibration-grid.sh 2 3
}
