#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mutants.sh [--check] [--no-lab] [--sample N] [NAME|FILE...]: shows that checks can fail. Each
# ci/mutants/NAME.mutant is a change to one place in the code and what must fail because of it. The
# change is made in a copy of the repository, which is built there: all of them, the named ones, or N
# drawn at random. --no-lab leaves out those that need a lab; --check only looks whether each text is
# where its mutant says, which takes no time.
#
# A mutant is a file of lines "KEY: VALUE", of which "old" and "new" may be repeated, a line each:
#
#     says: what this shows
#     file: mpip/core/sched.c
#     old: 	if (p->weight < set->weight_min)
#     new: 	if (p->weight < -100)
#     test: measure_test 3.6-5: weights stay
#
# "test" is a unit test of mpip/core or a suite (3.4.bats is in ci/paper), and a part of the name of
# the test in it that must fail; repeated, each of them must. Instead there may be a program, and what
# runs it and must then fail:
#
#     make: build/mpip/sim/simulate
#     run: build/mpip/sim/simulate --seeds 1-1000
#
# Where the simulator finds a broken law, the seed must break it again alone, with a trace. A text that
# is not there exactly once, a build that fails, or a test that succeeds is an error.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."

usage() {
	echo "usage: ci/mutants.sh [--check] [--no-lab] [--sample N] [NAME|FILE...]" >&2
	exit 2
}

sample=0 check='' lab=1
names=()
while (($# > 0)); do
	case $1 in
	--sample)
		sample=${2:?"--sample: how many?"}
		shift
		;;
	--check) check=1 ;;
	--no-lab) lab= ;;
	-*) usage ;;
	*) names+=("$1") ;;
	esac
	shift
done

field() { # KEY FILE
	sed -n "s/^$1: \{0,1\}//p" "$2"
}

mutant_of() { # NAME or FILE
	[[ $1 == */* ]] && echo "$1" || echo "ci/mutants/$1.mutant"
}

# The changed text of a mutant's file, if the text that it replaces is there exactly once.
changed() { # MUTANT DIRECTORY
	local file old new
	file=$2/$(field file "$1") old=$(field old "$1") new=$(field new "$1")
	[[ -f $file && -n $old ]] || return 1
	OLD=$old NEW=$new LC_ALL=C awk '
		BEGIN { RS = "\001"; old = ENVIRON["OLD"] }
		{
			at = index($0, old)
			rest = substr($0, at + length(old))
			if (at == 0 || index(rest, old))
				exit 1
			printf "%s%s%s", substr($0, 1, at - 1), ENVIRON["NEW"], rest
		}' "$file"
}

needs_lab() { # MUTANT
	field test "$1" | grep -q '\.bats '
}

if ((${#names[@]} == 0)); then
	for mutant in ci/mutants/*.mutant; do
		name=${mutant##*/}
		if [[ -n $lab || -n $check ]] || ! needs_lab "$mutant"; then
			names+=("${name%.mutant}")
		fi
	done
	((sample == 0)) || mapfile -t names < <(printf '%s\n' "${names[@]}" | shuf -n "$sample")
fi
for name in "${names[@]}"; do
	[[ -f $(mutant_of "$name") ]] || {
		echo "mutants: there is no $(mutant_of "$name")" >&2
		exit 2
	}
done

if [[ -n $check ]]; then
	wrong=0
	for name in "${names[@]}"; do
		mutant=$(mutant_of "$name")
		changed "$mutant" . >/dev/null || {
			echo "$mutant: old: expected once in $(field file "$mutant")" >&2
			wrong=$((wrong + 1))
		}
	done
	echo "${#names[@]} mutants, $wrong whose text is not in their file"
	exit $((wrong > 0))
fi

copy=$(mktemp -d "${TMPDIR:-/tmp}/mpip-mutants.XXXXXX")
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM
# With what is built here, and its times, so that only what a mutant changes is built anew.
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -p --parents -t "$copy"
for room in mpip lab ci experiments analysis; do
	[[ ! -d build/$room ]] || cp -a --parents -t "$copy" "build/$room"
done

build() { # TARGET...
	make --no-print-directory -j "$(nproc)" -C "$copy" BUILD=build "$@" >"$copy/log" 2>&1
}

# Everything below runs in the copy, and says in $problem why a mutant is not caught.

failed_test() { # PART-OF-NAME: one whose name has it
	grep -E '^not ok' "$copy/log" | grep -qF -- "$1"
}

run_test() { # FILE PART-OF-NAME
	local suite=ci/$1 target=all
	[[ $1 == 3.* ]] && suite=ci/paper/$1
	[[ $1 == *.bats ]] || target=build/mpip/core/$1
	if ! build "$target"; then
		problem="does not build: $(grep -m 1 error: "$copy/log" || tail -n 1 "$copy/log")"
	elif [[ $1 == *.bats ]]; then
		(cd "$copy" && CI_PREFIX=mu$$ BUILD=build timeout -k 5 300 bats --tap --filter "$2" "$suite" \
			>log 2>&1 </dev/null) || true
	else
		(cd "$copy" && CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 300 "$target" >log 2>&1) || true
	fi
	if [[ -z $problem ]] && ! failed_test "$2"; then
		problem="passes: $1 $2"
	fi
}

run_command() { # COMMAND: fails; a broken law is broken again by its seed alone
	local seed again
	if (cd "$copy" && timeout -k 5 300 bash -c "$1" >log 2>&1 </dev/null); then
		problem="passes: $1"
		return
	fi
	seed=$(grep -m 1 '^seed' "$copy/log") || return 0
	again=$(sed -n 's/^  again: //p' "$copy/log" | head -n 1)
	(cd "$copy" && timeout -k 5 300 bash -c "$again" >log 2>&1) || true
	grep -qF "$seed" "$copy/log" || problem="does not break the law again: $again"
}

caught=0 escaped=() done=0
printf '%-8s %-7s %-18s %s\n' "" "" mutant "must fail: says"
for name in "${names[@]}"; do
	mutant=$(mutant_of "$name")
	file=$(field file "$mutant") command=$(field run "$mutant")
	read -r -a targets < <(field make "$mutant") || true
	done=$((done + 1)) problem='' start=$SECONDS
	[[ ! -t 2 ]] || printf '\r\033[K%s: building and running what must fail' "$done/${#names[@]} $name" >&2
	cp "$copy/$file" "$copy/original" 2>/dev/null || true
	if ! changed "$mutant" "$copy" >"$copy/changed"; then
		problem="its text is not in $file exactly once"
	else
		cp "$copy/changed" "$copy/$file"
		if [[ -z $command ]]; then
			while [[ -z $problem ]] && read -r test part; do
				run_test "$test" "$part"
			done < <(field test "$mutant")
		elif ! build "${targets[@]}"; then
			problem="does not build: $(grep -m 1 error: "$copy/log" || tail -n 1 "$copy/log")"
		else
			run_command "$command"
		fi
	fi
	[[ ! -f $copy/$file ]] || cp "$copy/original" "$copy/$file"
	verdict=caught
	if [[ -z $problem ]]; then
		caught=$((caught + 1))
	else
		verdict="NOT CAUGHT"
		escaped+=("$name: $problem")
	fi
	by=$(field test "$mutant" | paste -sd ';')
	[[ ! -t 2 ]] || printf '\r\033[K' >&2
	printf '%-8s %-7s %-18s %s: %s\n' "$done/${#names[@]}" "$((SECONDS - start)) s" "$name" \
		"${by:-simulate}" "$(field says "$mutant")"
	[[ -z $problem ]] || echo "         $verdict: $problem"
done
echo "$caught of ${#names[@]} mutants caught"
((${#escaped[@]} == 0)) || printf 'NOT CAUGHT %s\n' "${escaped[@]}"
((${#escaped[@]} == 0))
