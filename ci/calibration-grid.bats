#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Calibration over a grid of links, in guests (calibration-grid.sh): no good link is called bad, and no
# link that was altered a little is called good. A sample of it is in vm.bats.

# bats file_tags=host,full

# Two processors take half an hour, if they have nothing else to do.
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-10800}

@test "no wrong verdict: 60 links as they are, and altered in six ways, with three seeds" {
	[[ -z ${SANITIZE:-} ]] || skip "the guest's image is for programs without sanitizers"
	cd "$BATS_TEST_DIRNAME/.."
	ci/calibration-grid.sh 1 2 3
}
