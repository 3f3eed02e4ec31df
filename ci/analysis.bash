# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What the suites of the analysis share.

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
	BUILD=${BUILD:-build}
	ANALYSIS=$BUILD/analysis/analysis
	T=$BATS_TEST_TMPDIR
}

# json FILE PATH
json() {
	"$BUILD/ci/json" "$2" <"$1"
}

# about VALUE WANTED PART: within that part of it.
about() {
	awk -v a="$1" -v b="$2" -v p="$3" 'BEGIN { d = a - b; if (d < 0) d = -d
		if (b < 0) b = -b; exit !(d <= p * b) }' || { echo "$1, not $2" >&2; return 1; }
}
