#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# calibration-grid.sh [SEED...]: calibrates the links of calibration-grid.cells in guests of the vm
# ground, once as they are and once for each way to alter them a little behind the lab's back, and
# judges the verdicts. Seeds are 1 2 3 unless given.
#
# A link as it is has to be good. An altered one has to be bad, by the value that was altered:
#
#   rate     3 % less                      queue    half of it
#   delay    1 ms more                     loss     half a percentage point more, or 30 % more
#   jitter   half as much more (or as      order    packets overtake each other
#            little), another distribution,
#            or some where there was none
#
# The lab is built from the altered links, and is then told that it was built from the others.
# Each direction of a link is altered in another way. Prints what is wrong, then one line; the exit
# status is 1 where something is wrong.
#
# From the environment: CELLS, numbers of cells (all); SETS, words out of "good rate-delay loss-queue
# jitter-order" (all); PER_GUEST, cells in a guest (20), which is what a guest does one after the other;
# JOBS, guests at a time (one per core); OUT, a directory for all that was measured; BUILD, and what
# lab/vm takes.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."

BUILD=${BUILD:-build}
JOBS=${JOBS:-$(nproc)}
PER_GUEST=${PER_GUEST:-20}
seeds=("$@")
((${#seeds[@]})) || seeds=(1 2 3)
read -r -a sets <<<"${SETS:-good rate-delay loss-queue jitter-order}" # what is altered upwards, and downwards

scratch=$(mktemp -d "${TMPDIR:-/tmp}/mpip-grid.XXXXXX")
guests=()
# shellcheck disable=SC2317 # a trap calls it
end() {
	((${#guests[@]} == 0)) || kill -TERM "${guests[@]}" 2>/dev/null || true
	wait
	rm -rf "$scratch"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mapfile -t cells < <(grep -v '^#' ci/calibration-grid.cells)
mapfile -t numbers < <(if [[ -n ${CELLS:-} ]]; then tr ' ' '\n' <<<"$CELLS"; else seq "${#cells[@]}"; fi)
for number in "${numbers[@]}"; do
	if ! [[ $number =~ ^[1-9][0-9]*$ ]] || ((number > ${#cells[@]})); then
		echo "calibration-grid: CELLS: $number: expected numbers from 1 to ${#cells[@]}" >&2
		exit 2
	fi
done

# scenario SET: reads "NUMBER CELL" lines, prints a scenario with a link for each.
scenario() {
	awk -v set="$1" '
		BEGIN {
			split("uniform normal pareto paretonormal", laws)
			# What the shortest delay is, in jitters below the mean.
			below["uniform"] = 1; below["normal"] = 3.7; below["pareto"] = 0.7; below["paretonormal"] = 1.2
			split(set, ways, "-")
		}
		# The direction, altered: way.
		function shape(way, rate, delay, jitter, law, queue, loss, order) {
			if (way == "rate") rate *= 0.97
			if (way == "delay") delay += 1
			if (way == "queue") queue /= 2
			if (way == "loss") loss += loss > 1.5 ? 0.3 * loss : 0.5
			if (way == "order") order = "reorder"
			if (way == "jitter" && jitter == 0) {
				jitter = delay < 1 ? delay : 1
				law = "uniform"
			} else if (way == "jitter") {
				other = law
				for (i = 1; i <= 4; i++)
					if (laws[i] == law) other = laws[i % 4 + 1]
				if (number % 2 && jitter >= 0.5 && jitter * below[other] <= delay) law = other
				else jitter *= jitter * 1.5 * below[law] <= delay ? 1.5 : 0.5
			}
			return sprintf("{\"rate_mbit\": %g, \"delay_ms\": %g, \"jitter_ms\": %g, \"distribution\": \"%s\", " \
				"\"queue_packets\": %d, \"loss_percent\": %g, \"reorder\": %s}",
				rate, delay, jitter, law == "-" ? "uniform" : law, queue, loss,
				order == "reorder" ? "true" : "false")
		}
		{
			number = $1
			nic[NR] = sprintf("{\"name\": \"n%d\", \"address\": \"10.0.%d.2/24\"}", number, number)
			port[NR] = sprintf("{\"name\": \"p%d\", \"address\": \"10.0.%d.1/24\"}", number, number)
			link[NR] = sprintf("{\"ends\": [\"host.n%d\", \"router.p%d\"], \"up\": %s,\n    \"down\": %s}", number, number,
				shape(ways[1], $2, $3, $4, $5, $6, $7, $8), shape(ways[2], $2, $3, $4, $5, $6, $7, $8))
		}
		function list(items) {
			text = ""
			for (i = 1; i <= NR; i++) text = text (i > 1 ? ",\n    " : "") items[i]
			return text
		}
		END {
			printf "{\n  \"hosts\": [{\"name\": \"host\", \"nics\": [\n    %s]}],\n", list(nic)
			printf "  \"routers\": [{\"name\": \"router\", \"ports\": [\n    %s]}],\n", list(port)
			printf "  \"links\": [\n    %s]\n}\n", list(link)
		}'
}

# job DIRECTORY NUMBER...: what a guest is to do with these cells.
job() {
	local job=$1 set number
	shift
	mkdir -p "$job"
	for set in good "${sets[@]}"; do
		for number; do
			echo "$number ${cells[number - 1]}"
		done | scenario "$set" >"$job/$set.json"
		"$BUILD/lab/lab" check "$job/$set.json" >/dev/null
	done
	cat >"$job/command" <<-END
		for set in ${sets[*]}; do
			build/lab/lab up --name grid /job/\$set.json
			cp /job/good.json /run/mpip-lab/grid/scenario.json
			build/lab/lab calibrate --virtual-time --output /out/\$set.json --name grid >/out/\$set.txt 2>/dev/null
			build/lab/lab down --name grid
			echo "\$set"
		done
	END
}

values=(rate_mbit delay_ms jitter loss_percent overtaken queue_packets)
declare -A value_of=([rate]=rate_mbit [delay]=delay_ms [jitter]=jitter [loss]=loss_percent
	[order]=overtaken [queue]=queue_packets)

# measured FILE LINK DIRECTION: what is bad, as "NAME MEASURED (LOW to HIGH)", a line each.
measured() {
	local value text
	for value in "${values[@]}"; do
		text=$("$BUILD/ci/json" "links[].$3.$value" <"$1" | sed -n "$(($2 + 1))p")
		[[ $text != *'"good": false'* ]] || sed -E "s/.*\"measured\": ([^,}]*).*/$value \1/" <<<"$text"
	done
}

good=0 altered=0 wrong=0
# judge SEED DIRECTORY NUMBER...: the verdicts of a guest.
judge() {
	local seed=$1 out=$2 set way link directions=(up down) i bad order
	shift 2
	for set in "${sets[@]}"; do
		if ! [[ -s $out/$set.json ]]; then
			echo "seed $seed, cells $*: $set: was not measured"
			wrong=$((wrong + 1))
			continue
		fi
		for ((link = 0; link < $#; link++)); do
			local number=${*:link+1:1}
			for i in 0 1; do
				way=$(cut -d - -f $((i + 1)) <<<"$set-$set")
				bad=$(measured "$out/$set.json" "$link" "${directions[i]}")
				order=${cells[number - 1]}
				if [[ $set == good ]]; then
					good=$((good + 1))
					[[ -n $bad ]] || continue
					echo "seed $seed, cell $number ${directions[i]} ($order): called bad: ${bad//$'\n'/, }"
				else
					# Without jitter, or where they do so anyway, nothing overtakes; less than nothing is no delay.
					read -r _ delay jitter _ _ _ order <<<"$order"
					[[ $way != order || ($jitter != 0 && $order != reorder) ]] || continue
					[[ $way != jitter || $jitter != 0 || $delay != 0 ]] || continue
					altered=$((altered + 1))
					! grep -q "^${value_of[$way]} " <<<"$bad" || continue
					echo "seed $seed, cell $number ${directions[i]} (${cells[number - 1]}): $way altered," \
						"not found${bad:+, but: ${bad//$'\n'/, }}"
				fi
				wrong=$((wrong + 1))
			done
		done
	done
}

for ((i = 0; i * PER_GUEST < ${#numbers[@]}; i++)); do
	job "$scratch/job$i" "${numbers[@]:i*PER_GUEST:PER_GUEST}"
done
jobs=$i
image=$(lab/vm/image.sh run)
start=$SECONDS
for seed in "${seeds[@]}"; do
	for ((i = 0; i < jobs; i++)); do
		while ((${#guests[@]} >= JOBS)); do
			wait -n -p ended "${guests[@]}" || true
			for k in "${!guests[@]}"; do [[ ${guests[k]} != "$ended" ]] || unset "guests[$k]"; done
		done
		SEED=$seed SLOT=$i lab/vm/guest.sh "$image" "$scratch/job$i" "$scratch/$seed-$i" 2>"$scratch/said-$seed-$i" &
		guests+=($!)
		[[ ! -t 2 ]] || printf '\r\e[Kcalibration-grid: guest %s of %s' $((++begun)) $((jobs * ${#seeds[@]})) >&2
	done
done
wait "${guests[@]}" || true
guests=()
[[ ! -t 2 ]] || printf '\r\e[K' >&2
for seed in "${seeds[@]}"; do
	for ((i = 0; i < jobs; i++)); do
		judge "$seed" "$scratch/$seed-$i" "${numbers[@]:i*PER_GUEST:PER_GUEST}"
		[[ -s $scratch/$seed-$i/${sets[-1]}.json ]] || cat "$scratch/said-$seed-$i"
	done
done
if [[ -n ${OUT:-} ]]; then
	mkdir -p "$OUT"
	cp -r "$scratch"/job* "$scratch"/[0-9]*-* "$OUT"
fi
echo "${#numbers[@]} cells, seeds ${seeds[*]}: $good directions as they should be, $altered altered," \
	"$wrong wrong verdicts, $((SECONDS - start)) s"
((wrong == 0))
