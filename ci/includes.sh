#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# includes.sh [FILE...]: whether includes run one way. A file may take headers from its own folder and
# from those that ci/directions.txt gives it; no folder leads back to itself there; and in mpip/core no
# module does, which is NAME.h with NAME.c: if A includes B's header, B may not, over whatever others,
# include A's. All sources, or these. What is wrong is a line each, FILE: what is expected; status 1.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
files=("$@")
(($#)) || mapfile -t files < <(ci/sources.sh '*.c' '*.h')
# -s: a file that git still lists may be gone.
grep -s -H '^#include "' "${files[@]}" | LC_ALL=C awk -F '[":]' -v table=ci/directions.txt '
	function folder(f) { return match(f, /.*\//) ? substr(f, 1, RLENGTH - 1) : "." }
	function module(f) { sub(/\.(bpf\.)?[ch]$/, "", f); return f }
	# Depth first; a module that is still open is the end of a cycle.
	function visit(m, way,    n, next_, i, list) {
		state[m] = 1
		n = split(edges[m], list, " ")
		for (i = 1; i <= n; i++) {
			next_ = list[i]
			if (state[next_] == 1) {
				print way " -> " next_ ": expected no way back" | "sort"
				bad++
			} else if (state[next_] == 0)
				visit(next_, way " -> " next_)
		}
		state[m] = 2
	}
	BEGIN {
		while ((getline line < table) > 0) {
			if (line ~ /^#|^$/) continue
			n = split(line, word, " ")
			for (i = 1; i <= n; i++) may[word[1], word[i]] = 1
			for (i = 2; i <= n; i++) edges[word[1]] = edges[word[1]] " " word[i]
		}
	}
	{
		file = $1; header = $3
		a = folder(file); b = folder(header)
		count[file] = 1
		if (a != b && !((a, b) in may)) {
			print file ": includes " header ": expected none of " b " (ci/directions.txt)" | "sort"
			bad++
		}
		m = module(file); to = module(header)
		if (m != to && a == "mpip/core" && file !~ /_(test|testbed|bench)\.[ch]$/)
			edges[m] = edges[m] " " to
	}
	END {
		for (m in edges) if (state[m] == 0) visit(m, m)
		close("sort")
		for (f in count) files++
		if (bad == 0) print "includes: " files " files in one direction"
		exit bad > 0
	}'
