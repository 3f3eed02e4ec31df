#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The analysis of single logs: clocks, calls, and what it says about input that it cannot use.

bats_require_minimum_version 1.5.0

load analysis

# delays PPM: a day of one-way delays over two paths, as CSV: the receiver's clock runs fast by PPM,
# an hour ahead, and is set forward by 5 ms in the middle; queues are exponential, 0.5 ms on average.
delays() {
	awk -v ppm="$1" -v seed="$RANDOM" 'BEGIN {
		srand(seed)
		print "sent_s,delay_ms,path"
		for (i = 0; i < 40000; i++) {
			t = i * 2.1
			clock = 3.6e6 + ppm * 1e-3 * t + (t > 40000) * 5
			queue = -0.5 * log(1 - rand())
			printf "%.6f,%.6f,%s\n", t, clock + i % 2 * 2 + queue, i % 2 ? "wlan" : "lan"
		}
	}'
}

@test "skew: one drawn at random is found within 2 %, before the trend is there, after it is not" {
	local ppm sign
	for sign in "" -; do
		ppm=$sign$(awk -v r="$RANDOM" 'BEGIN { printf "%.4f", 0.5 + r / 32768 * 50 }')
		delays "$ppm" >"$T/delays.csv"
		"$ANALYSIS" skew --json --corrected "$T/corrected.csv" "$T/delays.csv" >"$T/skew.json"
		about "$(json "$T/skew.json" skew_ppm)" "$ppm" 0.02
		[[ $(json "$T/skew.json" steps[].size_ms | wc -l) -eq 1 ]]
		about "$(json "$T/skew.json" steps[].size_ms)" 5 0.05
		about "$(json "$T/skew.json" steps[].at_s)" 40000 0.002
		# what is left is no skew: the least delay of each path is constant
		run -0 "$ANALYSIS" skew "$T/corrected.csv"
		[[ $output == *"no step"* && $output =~ skew:\ [+-]0\.0 ]] || { echo "$output"; return 1; }
	done
}

# Without a step the uncorrected slope is the skew.
shows_no_trend() {
	delays 4.17 | awk -F, 'NR == 1 || $1 <= 40000' >"$T/delays.csv"
	local said
	said=$("$ANALYSIS" skew "$T/delays.csv")
	echo "$said"
	[[ $said =~ uncorrected:\ slope\ \+4\.[12] && $said == *$'\n'"corrected: slope"*": no trend" ]]
}

# An interval of 95 % misses 0 once in twenty times: one of three draws shows it.
@test "skew: the uncorrected slope is shown, the corrected delay shows no trend" {
	shows_no_trend || shows_no_trend || shows_no_trend
}

@test "skew: columns by position, units by name or by option, rows in any order" {
	delays 20 >"$T/delays.csv"
	tail -n +2 "$T/delays.csv" | awk -F, '{ printf "%.0f,%.0f,%s\n", $1 * 1e6, $2 * 1e3, $3 }' |
		shuf >"$T/us.csv"
	run -0 "$ANALYSIS" skew --json "$T/us.csv"
	about "$(json <(echo "$output") skew_ppm)" 20 0.02
	awk -F, '/lan/ { printf "%.6f,%.6f\n", $1 * 1e-6, $2 * 1e-6 }' "$T/us.csv" >"$T/s.csv"
	run -0 "$ANALYSIS" skew --unit s --json "$T/s.csv"
	about "$(json <(echo "$output") duration_s)" 84000 0.01
}

# Their order, case, quotes and spaces, and the columns beside them do not matter.
@test "skew: a header's columns are told by their names alone" {
	local header
	awk 'BEGIN { srand(1); for (i = 0; i < 1000; i++)
		printf "%.0f,%d,%d\n", 4e4 + 10 * i + rand() * 300, 1e6 * i, i % 2 }' >"$T/rows"
	for header in 'delay_us,time_us,path' '# delay_us, time_us' '"delay_us","time_us","path"' \
		'Delay_us,Time_us,PATH' 'owd_us,send_us,sender' 'one-way delay (us),sent_at,sent_packets' \
		$'\xef\xbb\xbfdelay,timestamp_us'; do
		{ echo "$header"; cat "$T/rows"; } >"$T/delays.csv"
		run -0 "$ANALYSIS" skew --json "$T/delays.csv"
		about "$(json <(echo "$output") skew_ppm)" 10 0.02 || { echo "$header"; return 1; }
		[[ $header != *[Pp][Aa][Tt][Hh]* || $(json <(echo "$output") paths[].path | wc -l) -eq 2 ]]
	done
}

# Eight seconds tell a slope of some ppm at best, and columns in s and ms are not in us.
@test "skew: digits by the interval, which holds the skew; units that are not said are named, and a hole" {
	awk 'BEGIN { srand(6); for (i = 0; i < 80; i++)
		printf "%.4f,%.6f\n", i * 0.1 + (i > 40) * 3, 5 - 0.3 * log(1 - rand()) }' >"$T/short.csv"
	run -0 "$ANALYSIS" skew --unit s,ms "$T/short.csv"
	[[ $output =~ skew:\ [+-][0-9]+(\.[0-9])?\ ppm,\ 95\ %\ interval\ -[0-9.]+\ to\ \+[0-9.]+ ]]
	[[ $output == *"hole: no samples from 4.000 to 7.100 s"* && $output != *"not said"* ]]
	run -0 "$ANALYSIS" skew "$T/short.csv"
	[[ $output == *"units are not said: times are taken for us, delays for us"* ]]
	[[ $output == *"more than quartz clocks differ by: are the units right?"* ]]
	sed '1i time_s,delay' "$T/short.csv" >"$T/mixed.csv"
	run -0 "$ANALYSIS" skew "$T/mixed.csv"
	[[ $output == *"units are not said: times are taken for s, delays for us"* ]]
	printf '1,2\n2,4\n3,5\n' >"$T/few.csv"
	run -0 "$ANALYSIS" skew --unit s,us "$T/few.csv"
	[[ $output == *"too few samples for an interval"* && $output == *"too few samples to look for them"* ]]
}

@test "skew: bad input is one line each" {
	local columns="line 1: expected columns time or sent, and delay or owd, one of each, got"
	local -A wrong=(
		["time_us,path"]="$columns \"time_us,path\""
		["sender,delay_us"]="$columns"
		["sent_packets,delay_us"]="$columns"
		["time_h,delay_us"]="$columns"
		["sent_us,time_us,delay_us"]="$columns"
		["nan,inf"$'\n'"1,2"]="line 1: expected send time, one-way delay"
		["sent_us,delay_us"]="expected at least 3 samples, it has 0"
		["1,2"$'\n'"2,3"$'\n'"3"]="line 3: expected send time, one-way delay"
		["1,2"$'\n'"x,3"]="line 2: expected send time, one-way delay"
		["5,1"$'\n'"5,2"$'\n'"5,3"]="expected delays at different times"
		[" "]="expected at least 3 samples, it has 0"
	)
	local text
	for text in "${!wrong[@]}"; do
		printf '%s\n' "$text" >"$T/bad.csv"
		run -1 "$ANALYSIS" skew "$T/bad.csv"
		[[ ${#lines[@]} -eq 1 && $output == "$T/bad.csv: ${wrong[$text]}"* ]] ||
			{ echo "$text: $output"; return 1; }
	done
	printf '1,2\n2,3\n3,4\n4,44' >"$T/bad.csv"
	run -1 "$ANALYSIS" skew "$T/bad.csv"
	[[ $output == "$T/bad.csv: line 4: expected a whole line; the log is cut" ]]
	printf '1,2\n2,3\n3,4\0,5\n4,4\n' >"$T/bad.csv"
	run -1 "$ANALYSIS" skew "$T/bad.csv"
	[[ $output == "$T/bad.csv: line 3: expected text, it has a NUL byte" ]]
	run -1 "$ANALYSIS" skew "$T/none.csv"
	[[ $output == "$T/none.csv: No such file or directory" ]]
	run -1 "$ANALYSIS" skew --unit weeks "$T/bad.csv"
	[[ $output == "unit weeks: expected s, ms, us or ns, or two of them: of times and delays" ]]
}

@test "skew: --corrected never harms the log, nor what was there before it is whole" {
	delays 20 >"$T/delays.csv"
	cp "$T/delays.csv" "$T/before"
	ln "$T/delays.csv" "$T/hard"
	ln -s delays.csv "$T/soft"
	local file
	for file in delays.csv hard soft; do
		run -1 "$ANALYSIS" skew --corrected "$T/$file" "$T/delays.csv"
		[[ $output == "--corrected $T/$file: expected another file than the log" ]]
	done
	cmp "$T/before" "$T/delays.csv"
	run -1 "$ANALYSIS" skew --corrected /dev/null "$T/delays.csv"
	[[ $output == "--corrected /dev/null: expected a regular file, or none" && -c /dev/null ]]

	# no more room after 64 KiB
	echo kept >"$T/corrected.csv"
	run -1 bash -c 'trap "" XFSZ; ulimit -f 64; "$@"' - "$ANALYSIS" skew --corrected "$T/corrected.csv" \
		"$T/delays.csv"
	[[ $output == *"$T/corrected.csv: cannot be written: File too large"* ]] || { echo "$output"; return 1; }
	[[ $(<"$T/corrected.csv") == kept && -z $(compgen -G "$T/corrected.csv.*") ]]
	run -0 "$ANALYSIS" skew --corrected "$T/corrected.csv" "$T/delays.csv"
	[[ $(wc -l <"$T/corrected.csv") -eq 40001 ]]
}

@test "skew: one that the lab has drawn is found within 2 % from mpipd's path log alone" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces"
	experiment drawn '{ "kind": "udp", "rate_mbit": 1, "datagram_bytes": 1000 }' '{ "name": "mpip",
		"mpipd": {}, "clock": { "host": "server", "offset_us": 3600000000, "skew_ppm": [500, 5000] } }'
	"$BUILD/experiments/experiment" --out "$T/out" --duration 10 --seed "$RANDOM" "$T/drawn.json"
	local dirs=("$T"/out/drawn/mpip-*)
	"$BUILD/experiments/check-result" experiments/record/result.schema.json "${dirs[0]}/result.json"
	"$ANALYSIS" skew --json "${dirs[0]}/paths-client.csv" >"$T/skew.json"
	about "$(json "$T/skew.json" skew_ppm)" "$(json "${dirs[0]}/result.json" clock.skew_ppm)" 0.02
}

# experiment NAME WORKLOAD CONTESTANTS: writes one of 2 s.
experiment() {
	cat >"$T/$1.json" <<-END
		{ "title": "t", "scenario": "$PWD/lab/scenarios/dual-nic.json", "workload": $2,
		  "warm_up_s": 1, "duration_s": 2, "repeats": 1, "contestants": [ $3 ] }
	END
}

@test "call: alone and beside TCP, with and without MPIP; results fit the schema and the logs" {
	[[ $(id -u) -eq 0 ]] || skip "needs root, for network namespaces"
	local r both='{ "name": "plain" }, { "name": "mpip", "mpipd": {} }'
	experiment alone '{ "kind": "call", "audio": {}, "video": { "rate_mbit": 0.5 } }' "$both"
	experiment beside '{ "kind": "call", "audio": { "codec": "g729a" }, "tcp": {} }' "$both"
	for r in alone beside; do
		"$BUILD/experiments/experiment" --out "$T/out" "$T/$r.json"
	done
	run -0 "$BUILD/experiments/check-result" experiments/record/result.schema.json "$T"/out/*/*/result.json
	run -0 "$ANALYSIS" call "$T"/out/*/*/result.json
	for r in "$T"/out/*/*/result.json; do
		# whose lines they are
		[[ $output == *"$r:"$'\n'"  audio forward: "* ]]
		[[ $(json "$r" marks) == "[]" ]] || { json "$r" marks; return 1; }
		[[ $(json "$r" call.audio.forward.sent) -ge 99 ]]
		[[ $(json "$r" call.audio.reverse.sent) -ge 99 ]]
	done
	r=$T/out/alone/plain-r01-s1-d2/result.json
	about "$(json "$r" call.video.forward.goodput_mbit)" 0.5 0.05
	about "$(json "$r" call.audio.forward.goodput_mbit)" 0.064 0.05
	about "$(json "$r" goodput_mbit)" 1.128 0.05
	[[ $(json "$T/out/beside/plain-r01-s1-d2/result.json" call.video) == null ]]
	# of TCP, which is more than the call's
	awk -v g="$(json "$T/out/beside/plain-r01-s1-d2/result.json" goodput_mbit)" \
		'BEGIN { exit !(g > 2) }'

	# one arrival of the measured part a second later
	r=$T/out/alone/plain-r01-s1-d2
	awk -F, -v OFS=, '$1 == "audio" && $3 > 0 && !done { $4 += 1000000; done = 1 } 1' \
		"$r/call-received-server.csv" >"$T/changed" && cp "$T/changed" "$r/call-received-server.csv"
	run -1 "$ANALYSIS" call "$r/result.json"
	[[ $output == *"call.audio.forward"*"another value than the logs give"* ]]
	head -c 1000 "$r/call-received-server.csv" >"$T/cut" && cp "$T/cut" "$r/call-received-server.csv"
	run -1 "$ANALYSIS" call "$r/result.json"
	[[ ${#lines[@]} -eq 1 && $output == *"call-received-server.csv: line "*"the log is cut" ]]
	rm "$r/call-received-server.csv"
	run -1 "$ANALYSIS" call "$r/result.json"
	[[ ${#lines[@]} -eq 1 && $output == *"call-received-server.csv: No such file or directory" ]]
}

@test "analysis: each command explains itself, and takes no options but its own" {
	local command
	run -0 "$ANALYSIS" --help
	local overview=$output
	for command in table plot cells map compare converge report paths replay call skew; do
		[[ $overview == *"  analysis $command "* ]]
		run -0 "$ANALYSIS" "$command" --help
		[[ ${lines[0]} == "usage: analysis $command"* && ${#lines[@]} -ge 3 ]]
		# each option that its help names is one
		local option options
		mapfile -t options < <(grep -oE '^ +--[a-z]+' <<<"$output" | tr -d ' ')
		for option in "${options[@]}"; do
			run "$ANALYSIS" "$command" "$option" 1
			[[ $output != *"does not take"* && $output != *unrecognized* ]]
		done
	done
	run -2 "$ANALYSIS" bogus
	[[ ${lines[0]} == "analysis bogus: there is no such command" && $output == *"analysis table"* ]]
	run -2 "$ANALYSIS"
	[[ ${lines[0]} == "usage: analysis COMMAND "* ]]
	run -1 "$ANALYSIS" table out/two-nics
	[[ $output == "out/two-nics: expected an experiment's name, such as two-nics" ]]
	run -1 "$ANALYSIS" paths --unit s x
	[[ $output == "analysis paths: it does not take --unit; see analysis paths --help" ]]
	run -2 "$ANALYSIS" table --bogus
	[[ ${#lines[@]} -eq 2 && $output == *"see analysis --help" ]]
	run -1 "$ANALYSIS" table
	[[ $output == "analysis table: expected one experiment; see analysis table --help" ]]
}
