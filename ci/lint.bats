#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# make lint finds what it is there for, and says what it has found. Each test has a small project of
# its own, with our tools and their settings.

# bats file_tags=host

bats_require_minimum_version 1.5.0

export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-240}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || echo "${output:-}"
}

setup() {
	local root
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	COPY="$BATS_TEST_TMPDIR/a copy"
	mkdir -p "$COPY/ci" "$COPY/lab"
	cp "$root"/ci/{lint.sh,includes.sh,directions.txt,sources.sh,cppcheck.h} "$COPY/ci/"
	cp "$root"/.clang-{format,tidy} "$root/.shellcheckrc" "$COPY/"
	cd "$COPY" || return
	printf '%s\n' '#include "lab/one.h"' '' 'int one(void)' '{' $'\treturn least(1, 2);' '}' >lab/one.c
	printf '%s\n' 'int one(void);' '' 'static inline int least(int a, int b)' '{' \
		$'\treturn a < b ? a : b;' '}' >lab/one.h
	unset FULL
}

@test "lint: clean sources are clean, whatever was built here and whatever lies around" {
	mkdir -p build/lab out
	echo 'int  broken(' | tee build/lab/made.c out/made.c >/dev/null
	# A compilation database that is not ours, and a repository that this copy is no part of.
	echo '[{ "directory": "/", "command": "cc -include /nowhere.h one.c", "file": "lab/one.c" }]' |
		tee ../compile_commands.json >compile_commands.json
	git -C .. init -q
	run -0 ci/lint.sh
	[[ ${#lines[@]} -eq 6 && $output != *NOT* ]]
	[[ ${lines[1]} == 'includes: 3 files, clean '* && ${lines[2]} == 'clang-format: 3 files, clean '* && ${lines[5]} == 'clang-tidy: 1 files, clean '* ]]
}

@test "lint: an include against the direction, and a module of the core that leads back to itself" {
	mkdir -p mpip/core
	echo '#include "analysis/two.h"' >lab/up.c
	echo '#include "mpip/core/b.h"' >mpip/core/a.h
	echo '#include "mpip/core/c.h"' >mpip/core/b.h
	echo '#include "mpip/core/a.h"' >mpip/core/c.c
	touch mpip/core/c.h
	run -1 ci/lint.sh includes
	[[ $output == *'lab/up.c: includes analysis/two.h: expected none of analysis (ci/directions.txt)'* ]]
	[[ $output == *'mpip/core/a -> mpip/core/b -> mpip/core/c -> mpip/core/a: expected no way back'* ||
		$output == *' -> mpip/core/a'*'expected no way back'* ]]
	[[ $output == *'lint: not clean: includes'* ]]
}

@test "lint: what each tool finds is told, in headers too, and all of them have their turn" {
	echo 'int two( void);' >>lab/one.h
	printf '%s\n' '' 'static inline int lost(int n)' '{' $'\tint m = n;' $'\tm = 2;' $'\treturn n;' '}' \
		>>lab/one.h
	printf '%s\n' 'int two(int n)' '{' $'\tint *p = 0;' $'\tif (n)' $'\t\tp = &n;' $'\treturn *p;' '}' \
		>lab/two.c
	printf '%s\n' '#!/bin/bash' 'rm $1' >lab/three.sh
	run -1 ci/lint.sh
	[[ $output == *'lab/one.h:7:'*clang-format* ]]
	[[ $output == *'In lab/three.sh line 2:'*SC2086* ]]
	[[ $output == *'lab/two.c:6:'*'[nullPointer]'* ]]
	[[ $output == *'lab/one.h:12:'*'[clang-analyzer-deadcode.DeadStores'* ]]
	[[ $output == *'lab/two.c:6:'*'[clang-analyzer-core.NullDereference'* && $output != *generated* ]]
	[[ ${lines[-1]} == 'lint: not clean: clang-format shellcheck cppcheck clang-tidy; '* ]]
}

@test "lint: a source that does not compile, and a tool that is not there, are told" {
	echo '#include "nowhere.h"' >lab/two.c
	run -1 ci/lint.sh clang-tidy
	[[ $output == *"two.c:1:10: error: 'nowhere.h' file not found"* ]]
	mkdir "$BATS_TEST_TMPDIR/few"
	ln -s "$(command -v bash)" "$(command -v git)" "$(command -v sort)" "$(command -v grep)" \
		"$(command -v mktemp)" "$(command -v rm)" "$(command -v find)" "$BATS_TEST_TMPDIR/few"
	PATH=$BATS_TEST_TMPDIR/few run -1 ci/lint.sh cppcheck
	[[ ${#lines[@]} -eq 1 && $output == 'lint: expected the program cppcheck on this machine; '* ]]
	run -2 ci/lint.sh nonsense
	[[ $output == 'lint: nonsense: expected some of: includes clang-format '* ]]
}

@test "lint: the analyzer looks longer with FULL=1" {
	# A clang-tidy that says how it was called.
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' '#!/bin/sh' 'echo "called: $*"' 'exit 1' >"$BATS_TEST_TMPDIR/bin/clang-tidy"
	chmod +x "$BATS_TEST_TMPDIR/bin/clang-tidy"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	run -1 ci/lint.sh clang-tidy
	[[ $output == *'called: '*' lab/one.c -- '*max-nodes=50000* ]]
	FULL=1 run -1 ci/lint.sh clang-tidy
	[[ $output == *'called: '*' lab/one.c -- '* && $output != *max-nodes* ]]
}
