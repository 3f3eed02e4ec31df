#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
#
# make install and uninstall; the manual pages say what there is, and nothing else; all programs have one
# version; packages are installed by make deps, experiment and test alone.

# bats file_tags=host,beside

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
	BUILD=${BUILD:-build}
	T=$BATS_TEST_TMPDIR
	MPIPD=$BUILD/mpip/mpipd
}

# same PAGE KIND IN-PAGE IN-PROGRAM: two lists, sorted, a word a line.
same() {
	local lacks much
	lacks=$(comm -13 <(echo "$3") <(echo "$4"))
	much=$(comm -23 <(echo "$3") <(echo "$4"))
	[[ -z $lacks ]] || echo "$1: it lacks the $2: ${lacks//$'\n'/ }"
	[[ -z $much ]] || echo "$1: there is no such $2: ${much//$'\n'/ }"
	[[ -n $4 && -z $lacks$much ]]
}

# options PAGE, options_of PROGRAM
options() { sed -nE 's/^\.It Fl -([a-z-]+).*/\1/p' "$1" | sort -u; }
options_of() { "$1" --help | grep -oE -- '--[a-z][a-z-]+' | sed 's/^--//' | sort -u; }

# settings FILE: the keys of all that --print-config has printed, those of reorder as "reorder.KEY".
settings() {
	sed -nE 's/^  "([a-z_]+)": .*/\1/p; s/^    "([a-z_]+)": .*/reorder.\1/p' "$1" | sort
}

# entry KEY: what the page says of a setting.
entry() {
	awk -v key="$1" '/^\.(It|El|Ss|Sh)/ { on = $0 == ".It Va " key } on' mpip/man/mpipd.conf.5
}

@test "the manual pages have each option of --help, and no other" {
	same mpipd.8 option "$(options mpip/man/mpipd.8)" "$(options_of "$MPIPD")"
	same mpipctl.8 option "$(options mpip/man/mpipctl.8)" "$(options_of "$BUILD/mpip/mpipctl")"
}

@test "mpipctl(8) has each command of --help, and no other" {
	same mpipctl.8 command \
		"$(sed -nE 's/^\.It Cm ([a-z]+).*/\1/p' mpip/man/mpipctl.8 | sort -u)" \
		"$("$BUILD/mpip/mpipctl" --help | sed -nE 's/^  ([a-z]+)  .*/\1/p' | sort -u)"
	same mpipctl.8 'policy command' \
		"$(sed -nE 's/^\.It Cm policy ([a-z]+).*/\1/p' mpip/man/mpipctl.8 | sort -u)" \
		"$("$BUILD/mpip/mpipctl" policy --help | sed -nE 's/^  policy ([a-z]+).*/\1/p' | sort -u)"
}

@test "mpipd.conf(5) has each setting, and no other" {
	"$MPIPD" --print-config >"$T/all.json"
	same mpipd.conf.5 setting \
		"$(awk '/^\.Sh POLICIES/ { exit } sub(/^\.It Va /, "")' mpip/man/mpipd.conf.5 | sort)" \
		"$(settings "$T/all.json")"
}

@test "mpipd --print-config has each key that a file may have, and mpipd takes it" {
	"$MPIPD" --print-config >"$T/all.json"
	"$MPIPD" --check "$T/all.json"
	echo '{ "no_such_key": 1 }' >"$T/bad.json"
	run -2 "$MPIPD" --check "$T/bad.json"
	same --print-config key "$(sed -nE 's/^  "([a-z_]+)": .*/\1/p' "$T/all.json" | sort)" \
		"$(sed 's/.*expected //; s/ or /, /; s/, /\n/g' <<<"$output" | sort)"
}

@test "the defaults and ranges in mpipd.conf(5) are mpipd's" {
	local key value said low high inside checked=0
	"$MPIPD" --print-config >"$T/all.json"
	while read -r key value; do
		said=$(entry "$key" | sed -nE 's/^Default ([^;]*)(;.*|\.)$/\1/p')
		[[ $value != '{' ]] || continue
		[[ $value != '[]' ]] || value='an empty list'
		[[ $said == "$value" ]] || { echo "$key: mpipd.conf(5) says '$said', mpipd '$value'"; return 1; }
		read -r low high < <(entry "$key" | sed -nE 's/^Default .*; from ([0-9]+) to ([0-9]+).*/\1 \2/p') || true
		[[ -n ${high:-} ]] || continue
		for inside in "$low:0" "$high:0" "$((low - 1)):2" "$((high + 1)):2"; do
			settings_file "$key" "${inside%:*}" >"$T/one.json"
			run "$MPIPD" --check "$T/one.json"
			# What depends on another setting is told apart by its words.
			[[ $status -eq ${inside#*:} || $output == *'expected at most'* ]] ||
				{ echo "$key: ${inside%:*}: mpipd.conf(5) says $low to $high: $output"; return 1; }
		done
		checked=$((checked + 1)) high=
	done < <(sed -nE 's/^  "([a-z_]+)": "?([^",]*)"?,?$/\1 \2/p; s/^    "([a-z_]+)": "?([^",]*)"?,?$/reorder.\1 \2/p' "$T/all.json")
	echo "$checked settings have a range"
	[[ $checked -gt 30 ]]
}

# settings_file KEY VALUE
settings_file() {
	if [[ $1 == reorder.* ]]; then
		echo "{ \"reorder\": { \"${1#*.}\": $2 } }"
	else
		echo "{ \"$1\": $2 }"
	fi
}

@test "the manual pages can be read, and refer to pages that there are" {
	local page name
	for page in mpip/man/*.[58]; do
		name=$(sed -nE 's/^\.Dt ([A-Z.]+) ([58])$/\1.\2/p' "$page")
		[[ ${name,,} == "${page##*/}" ]]
		while read -r name; do
			[[ -f mpip/man/$name || $name == tshark.1 ]] || { echo "$page: $name: there is no such page"; return 1; }
		done < <(sed -nE 's/^\.Xr ([a-z.]+) ([0-9]).*/\1.\2/p' "$page")
		command -v groff >/dev/null || continue
		[[ -z $(groff -mdoc -Tutf8 -ww "$page" 2>&1 >/dev/null) ]]
		groff -mdoc -Tutf8 -P-cbou "$page" | grep -q "SEE ALSO"
	done
}

@test "make install puts programs, pages, dissector and settings there; uninstall leaves nothing" {
	local there="$T/a place"
	export CI_PREFIX=${CI_PREFIX:-ci} # the programs stay as they are
	make --no-print-directory DEPS='' BUILD="$BUILD" DESTDIR="$there" PREFIX=/opt/mpip install
	(cd "$there" && find . -type f -printf '%m %P\n' | sort -k 2) | diff - <(cat <<-END
		755 opt/mpip/sbin/mpipctl
		755 opt/mpip/sbin/mpipd
		644 opt/mpip/share/man/man5/mpipd.conf.5
		644 opt/mpip/share/man/man8/mpipctl.8
		644 opt/mpip/share/man/man8/mpipd.8
		644 opt/mpip/share/mpip/mpip.lua
		644 opt/mpip/share/mpip/mpipd.conf.example
	END
	)
	there+=/opt/mpip
	"$there/sbin/mpipd" --check "$there/share/mpip/mpipd.conf.example"
	[[ $("$there/sbin/mpipd" --version) == "$("$MPIPD" --version)" ]]
	"$there/sbin/mpipctl" --help | grep -q '^usage: mpipctl'
	cmp mpip/wireshark/mpip.lua "$there/share/mpip/mpip.lua"
	grep -q /opt/mpip/share/mpip/mpip.lua "$there/share/man/man8/mpipd.8"
	run -1 grep -r /usr/local "$there/share/man"
	# What somebody else has put there stays.
	touch "$there/sbin/other"
	make --no-print-directory DEPS='' BUILD="$BUILD" DESTDIR="$T/a place" PREFIX=/opt/mpip uninstall
	[[ $(cd "$there" && find . -mindepth 1) == $'./sbin\n./sbin/other' ]]
	rm "$there/sbin/other"
	make --no-print-directory DEPS='' BUILD="$BUILD" DESTDIR="$T/a place" PREFIX=/opt/mpip uninstall
	[[ -z $(find "$there" -mindepth 1) ]]
}

@test "all programs print the same version" {
	local program said first=''
	for program in mpip/mpipd mpip/mpipctl mpip/sim/simulate lab/lab experiments/experiment \
		experiments/check-result analysis/analysis; do
		said=$("$BUILD/$program" --version)
		[[ $said == "${program##*/} "?* && $said != *' '*' '* ]]
		[[ ${said#* } == "${first:=${said#* }}" ]] || { echo "$said, not $first"; return 1; }
	done
}

@test "the version is git's in a repository of our own, and unknown in a copy, also inside of another's" {
	unset CI_PREFIX
	mkdir -p "$T/other/ours/ci"
	cp ci/version.sh "$T/other/ours/ci/"
	cd "$T/other"
	git init -q .
	git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
	git tag v9
	ours/ci/version.sh "$T/out/version"
	[[ $(<"$T/out/version") == unknown ]]
	cd ours
	git init -q .
	git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
	git tag v1
	ci/version.sh "$T/out/version"
	[[ $(<"$T/out/version") == v1 ]]
	# The same again writes nothing.
	touch -d 2001-01-01 "$T/out/version"
	ci/version.sh "$T/out/version"
	[[ $(stat -c %Y "$T/out/version") -lt 1000000000 ]]
	git add ci
	git -c user.name=a -c user.email=a@b commit -q -m second
	CI_PREFIX=ci ci/version.sh "$T/out/version"
	[[ $(<"$T/out/version") == v1 ]]
	ci/version.sh "$T/out/version"
	[[ $(<"$T/out/version") == v1-1-g* ]]
}

# In a copy that needs a package which there is not, with an apt-get that says that it was called.
@test "make deps, experiment and test install packages; all other goals say what is missing in one line" {
	[[ $(id -u) -eq 0 ]] || skip "needs root: as another user, sudo would call the real apt-get"
	local goal make=(env -u MAKEFLAGS -u MAKELEVEL -u BUILD -u DEPS make --no-print-directory)
	mkdir "$T/copy" "$T/bin"
	ci/sources.sh | cpio --quiet -pdm "$T/copy"
	printf '#!/bin/sh\necho called >>%s/called\nexit 1\n' "$T" >"$T/bin/apt-get"
	chmod +x "$T/bin/apt-get"
	PATH=$T/bin:$PATH
	cd "$T/copy"
	echo 'no-such-package module:no-such-module' >>ci/packages.txt
	for goal in all install lint plots report bench fuzz lab-up lab-down lab-sweep lab-status calibrate lab-shell \
		'converge NAME=two-nics' 'reproduce RUN=out/two-nics/some' 'lab-exec CMD=true'; do
		# shellcheck disable=SC2086 # its words
		run -2 "${make[@]}" $goal </dev/null
		[[ $(grep -c "Missing packages .*no-such-package; make deps installs them" <<<"$output") -eq 1 ]] ||
			{ echo "$goal: $output"; return 1; }
		[[ $(grep -vc '^make: ' <<<"$output") -eq 1 && ! -e $T/called ]] || { echo "$goal: $output"; return 1; }
	done
	for goal in deps test 'experiment NAME=two-nics'; do
		# shellcheck disable=SC2086 # its words
		run -2 "${make[@]}" $goal </dev/null
		[[ $output == *"Installing with apt-get: no-such-package"* && -e $T/called ]] || { echo "$goal: $output"; return 1; }
		rm "$T/called"
	done
	[[ ! -e build ]]
}
