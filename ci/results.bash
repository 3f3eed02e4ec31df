# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Results that were not measured: what a run leaves, made up. $T/out is where they are.

# made_up EXPERIMENT CONTESTANT REP GOODPUT [SCENARIO-DIGEST]: a result as a run leaves it, with what the report reads.
made_up() {
	local run=$2-r0$3-s1-d3
	mkdir -p "$T/out/$1/$run"
	cat >"$T/out/$1/$run/result.json" <<-END
		{ "schema_version": 5, "experiment": "$1", "title": "Made & up", "contestant": "$2",
		  "run": "$run", "paper": null, "ground": "vm", "rep": $3, "seed": 1, "duration_s": 3,
		  "warm_up_s": 0, "goodput_mbit": $4, "series": [$4, $4, $4],
		  "mptcp": $([[ $2 == *mptcp ]] && echo '{ "subflows": 4 }' || echo null),
		  "mpipd": $([[ $2 == *plain || $2 == *-mptcp ]] && echo null || echo "{ \"wire_form\": \"$2\" }"),
		  "marks": [], "paths": [],
		  "links": { "nics": [{ "host": "client", "nic": "eth0", "share": 0.7 },
			{ "host": "client", "nic": "eth1", "share": 0.3 },
			{ "host": "server", "nic": "eth0", "share": 1 }] },
		  "workload": { "kind": "tcp", "direction": "forward", "from": "client", "to": "server" },
		  "provenance": { "kernel": { "release": "6.1" }, "git": { "revision": "0123456789abcdef", "dirty": false },
			"digests": { "scenario": "${5:-}" } } }
	END
	(cd "$T/out/$1" && printf '"%s"\n' *-r0*/ | tr -d / | paste -sd, |
		sed "s|.*|{ \"experiment\": \"$1\", \"runs\": [&] }|" >runs.json)
}

# made_up_path NUMBER SRC DST MBIT: a path of a run of 3 s, as a JSON object; its queuing delay is 1, 3,
# 1 ... ms, its one-way delay that with a clock that runs fast by 1000 ppm. With GAP="10 20" the samples
# from the tenth on to before the twentieth are missing.
made_up_path() {
	awk -v gap="${GAP:-0 0}" -v n="$1" -v src="$2" -v dst="$3" -v mbit="$4" 'BEGIN {
		split(gap, missing, " ")
		for (i = 0; i < 30; i++) {
			if (i >= missing[1] && i < missing[2]) continue
			sep = i ? "," : ""
			times = times sep i / 10
			weights = weights sep 250
			queuing = queuing sep 1 + 2 * (i % 2)
			delays = delays sep 1 + 2 * (i % 2) + i / 10
			usable = usable sep "true"
			sent = sent sep mbit * 1e6 / 8 * i / 10
		}
		printf "{ \"session\": 1, \"path\": %d, \"src\": \"%s\", \"dst\": \"%s\", \"bytes\": %d, ", n, src,
			dst, mbit * 3e6 / 8
		printf "\"time_s\": [%s], \"weight\": [%s], \"queuing_delay_ms\": [%s], \"one_way_delay_ms\": [%s], ",
			times, weights, queuing, delays
		printf "\"usable\": [%s], \"sent_bytes\": [%s] }", usable, sent
	}'
}

# with_paths EXPERIMENT CONTESTANT MBIT...: gives its run 1 so many paths, from two addresses.
with_paths() {
	local file=$T/out/$1/$2-r01-s1-d3/result.json paths="" n=0 mbit
	for mbit in "${@:3}"; do
		paths+=${paths:+, }$(made_up_path $((n + 5)) 10.0.$((n / 2 + 1)).2 10.0.$((n % 2 + 3)).2 "$mbit")
		n=$((n + 1))
	done
	sed -i "s|\"paths\": \[\]|\"paths\": [$paths]|" "$file"
}

# row DATA BLOCK ROW COLUMN: of a figure's data; rows of a block count from 1.
row() {
	awk -v b="$2" -v r="$3" -v c="$4" 'BEGIN { RS = ""; FS = "\n" }
		NR == b + 1 { n = 0; for (i = 1; i <= NF; i++) if ($i !~ /^#/ && ++n == r) { split($i, v, " "); print v[c] } }' "$1"
}
