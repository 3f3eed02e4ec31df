#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mutants.sh [--sample N] [NAME...]: shows that checks can fail. Each ci/mutants/NAME.mutant is a
# change to one place in the code and a command that must fail because of it. The change is made in
# a copy of the repository, which is built there; all of them, the named ones, or N drawn at random.
#
# A mutant is a file of lines "KEY: VALUE", of which "old" and "new" may be repeated, a line each:
#
#     says: what this shows
#     file: mpip/core/sched.c
#     old: 	if (p->weight < set->weight_min)
#     new: 	if (p->weight < -100)
#     make: build/mpip/sim/simulate
#     run: build/mpip/sim/simulate --seeds 1-1000
#
# A text that is not there exactly once, a build that fails, or a command that succeeds is an error.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."

sample=0
names=()
while (($# > 0)); do
	case $1 in
	--sample)
		sample=${2:?"--sample: how many?"}
		shift
		;;
	-*)
		echo "usage: ci/mutants.sh [--sample N] [NAME...]" >&2
		exit 2
		;;
	*) names+=("$1") ;;
	esac
	shift
done

copy=$(mktemp -d "${TMPDIR:-/tmp}/mpip-mutants.XXXXXX")
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM

mapfile -t all < <(cd ci/mutants && printf '%s\n' *.mutant | sed 's/\.mutant$//')
if ((${#names[@]} == 0)); then
	names=("${all[@]}")
	((sample == 0)) || mapfile -t names < <(printf '%s\n' "${all[@]}" | shuf -n "$sample")
fi

git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
build() {
	make --no-print-directory -C "$copy" BUILD=build "$@" >"$copy/log" 2>&1
}

field() { # KEY FILE
	sed -n "s/^$1: \{0,1\}//p" "$2"
}

# Replaces the text in $old by $new in a file, if it is there exactly once.
mutate() { # FILE
	local text rest
	text=$(<"$1")
	rest=${text#*"$old"}
	[[ $rest != "$text" && ${rest#*"$old"} == "$rest" ]] || return 1
	printf '%s\n' "${text%%"$old"*}$new$rest" >"$1"
}

caught=0 escaped=0
for name in "${names[@]}"; do
	mutant=ci/mutants/$name.mutant
	[[ -f $mutant ]] || { echo "mutants: there is no $mutant" >&2; exit 2; }
	file=$(field file "$mutant") old=$(field old "$mutant") new=$(field new "$mutant")
	command=$(field run "$mutant")
	read -r -a targets < <(field make "$mutant")
	problem=
	if ! mutate "$copy/$file"; then
		problem="its text is not in $file exactly once"
	elif ! build "${targets[@]}"; then
		problem="does not build: $(grep -m 1 error: "$copy/log" || tail -n 1 "$copy/log")"
	elif (cd "$copy" && timeout -k 5 300 bash -c "$command" >log 2>&1); then
		problem="not caught by: $command"
	fi
	cp "$file" "$copy/$file"
	if [[ -z $problem ]]; then
		caught=$((caught + 1))
		echo "caught   $name: $(field says "$mutant")"
		grep -m 1 -E '^seed|^not ok|\[  FAILED' "$copy/log" | sed 's/^/         /' || true
	else
		escaped=$((escaped + 1))
		echo "ESCAPED  $name: $problem"
	fi
done
echo "$caught mutants caught, $escaped escaped"
((escaped == 0))
