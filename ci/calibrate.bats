#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Calibration: good links are good, and what is changed behind the lab's back is found by traffic.
#
# In virtual time (GROUND=vm) tolerances are exact, and one try must do; a machine that is
# late for most of a second makes a link that is not what it says, so there it has ten tries.

setup() {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  lab=$PWD/${BUILD:-build}/lab/lab
  json=$PWD/${BUILD:-build}/ci/json
  scenarios=$PWD/lab/scenarios
  name=${CI_PREFIX:-ci$$}-cal${BATS_TEST_NUMBER:-0}
  options=() tries=10
  if [ -n "${VIRTUAL_TIME:-}" ]; then options=(--virtual-time) tries=1; fi
  out=$BATS_TEST_TMPDIR/calibration.json
}

teardown() {
  local one
  for one in /run/mpip-lab/"$name"*; do
    [ -d "$one" ] && "$lab" down --name "${one##*/}" 2>/dev/null
  done
  return 0
}

calibrate() { "$lab" calibrate "${options[@]}" --output "$out" "$@"; }

is_good() { # ARGUMENTS...: within so many tries
  local i
  for ((i = 0; i < tries; i++)); do
    if calibrate "$@"; then return 0; fi
  done
  return 1
}

# Runs tc in the router of a lab that is up, and expects that a calibration fails for this reason.
altered() { # REASON TC-ARGUMENTS...
  local reason=$1 status=0
  shift
  "$lab" exec --name "$name" router tc "$@"
  calibrate --name "$name" --short >"$BATS_TEST_TMPDIR/table" || status=$?
  cat "$BATS_TEST_TMPDIR/table"
  [ "$status" -eq 1 ]
  grep -q "$reason" "$BATS_TEST_TMPDIR/table"
  [ "$("$json" good <"$out")" = false ]
}

@test "links with a rate are as configured, and nothing is left" {
  is_good --name "$name" --short "$scenarios/dual-nic.json"
  [ "$("$json" good <"$out")" = true ]
  [ "$("$json" links[].up.rate_mbit.configured <"$out" | tr '\n' ' ')" = "100.0 100.0 100.0 100.0 " ]
  [ "$("$json" links[].down.queue_packets.good <"$out" | sort -u)" = true ]
  [ "$("$lab" status --name "$name" 2>&1 | grep -c "there is no lab")" -eq 1 ]
}

@test "links without a shape have no rate to measure" {
  is_good --name "$name" --short "$scenarios/dual-nic-unshaped.json"
  [ "$("$json" links[].up.rate_mbit <"$out" | sort -u)" = null ]
}

@test "a rate that was altered behind the lab's back is found, either way" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  altered "client.eth0 up: rate" \
    qdisc change dev c0.up1 root tbf rate 50mbit burst 25000 limit 151400
  altered "client.eth0 up: rate" \
    qdisc change dev c0.up1 root tbf rate 150mbit burst 25000 limit 151400
}

@test "a queue that was altered behind the lab's back is found" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  altered "server.eth1 down: queue" \
    qdisc change dev s1 root tbf rate 100mbit burst 25000 limit 75700
}

@test "interrupted, it says so and leaves nothing" {
  env --default-signal=INT "$lab" calibrate --name "$name" "$scenarios/dual-nic.json" \
    2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
  local pid=$! status=0
  sleep 2
  kill -INT "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 1 ]
  grep -q interrupted "$BATS_TEST_TMPDIR/stderr"
  [ ! -e "/run/mpip-lab/$name" ]
}

@test "a wrong command line, a scenario that is none" {
  run "$lab" calibrate a b
  [ "$status" -eq 2 ]
  run "$lab" calibrate /nonexistent.json
  [ "$status" -eq 1 ]
  [[ $output == *"/nonexistent.json: "* ]]
}

# bats test_tags=netem
@test "links of all kinds are as configured: rate, delay, jitter, loss, queue" {
  is_good --name "$name" "$scenarios/calibration.json"
  [ "$("$json" links[].down.jitter.good <"$out" | sort -u)" = true ]
  [ "$("$json" links[].up.delay_ms.configured <"$out" | tr '\n' ' ')" = "0.0 5.0 20.0 50.0 20.0 20.0 " ]
}

# A copy of dual-nic.json whose links to the client do this.
edited() { # LINK LINK
  awk -v first="$1" -v second="$2" '
    /client.eth0.*rate_mbit/ { sub(/"rate_mbit": 100/, first) }
    /client.eth1.*rate_mbit/ { sub(/"rate_mbit": 100/, second) }
    { print }' "$scenarios/dual-nic.json" >"$BATS_TEST_TMPDIR/edited.json"
  echo "$BATS_TEST_TMPDIR/edited.json"
}

# What is on its way, and what jitter holds back and lets go at once, is more than the queue.
# bats test_tags=netem
@test "a delay or a jitter far longer than the queue is no fault of the link" {
  is_good --name "$name" --short "$(edited '"rate_mbit": 100, "delay_ms": 20' \
    '"rate_mbit": 50, "delay_ms": 50, "jitter_ms": 10, "distribution": "normal"')"
  [ "$("$json" links[].up.loss_percent.configured <"$out" | sort -u)" = 0.0 ]
  is_good --name "$name" --short "$(edited '"rate_mbit": 100, "delay_ms": 100, "queue_packets": 20' \
    '"rate_mbit": 10, "queue_packets": 50, "delay_ms": 50, "jitter_ms": 10, "distribution": "normal"')"
  [ "$("$json" links[].down.queue_packets.configured <"$out" | tr '\n' ' ')" = "20.0 50.0 100.0 100.0 " ]
}

# bats test_tags=netem
@test "delay, jitter, loss and order altered behind the lab's back are found" {
  "$lab" up --name "$name" "$scenarios/calibration.json"
  local base="qdisc replace dev c1.dn1 root netem limit 100000" order="rate 8000tbit"
  # shellcheck disable=SC2086 # words
  {
    altered "client.eth1 down: delay" $base delay 8ms 1ms $order loss 1%
    altered "client.eth1 down: jitter" $base delay 5ms 2.5ms $order loss 1%
    altered "client.eth1 down: loss" $base delay 5ms 1ms $order loss 8%
    altered "client.eth1 down: jitter" $base delay 5ms $order loss 1%
    # A netem that is changed keeps its rate.
    "$lab" exec --name "$name" router tc qdisc del dev c1.dn1 root
    altered "client.eth1 down: packets overtaken" $base delay 5ms 1ms loss 1%
    "$lab" exec --name "$name" router tc $base delay 5ms 1ms $order loss 1%
  }
  is_good --name "$name" --short
}

# The bytes that have passed the first link, upwards and downwards, and when, in microseconds.
passed() {
  "$lab" counters --name "$name" >"$BATS_TEST_TMPDIR/counters"
  echo "$("$json" links[].up.bytes <"$BATS_TEST_TMPDIR/counters" | head -n 1)" \
    "$("$json" links[].down.bytes <"$BATS_TEST_TMPDIR/counters" | head -n 1)" "${EPOCHREALTIME/[.,]/}"
}

# bats test_tags=virtual-time
@test "rates that change with time, of a list and of a trace, pass the bytes that they say" {
  local away=$BATS_TEST_TMPDIR/away.json before after mbit tolerance=1 direction
  # A lab needs the trace only while its scenario is read.
  cp "$scenarios/changing-rates.json" "$away"
  cp "$scenarios/sawtooth.trace" "$BATS_TEST_TMPDIR"
  "$lab" up --name "$name" "$away"
  rm "$away" "$BATS_TEST_TMPDIR/sawtooth.trace"
  "$lab" play --name "$name" 3>&- 2>/dev/null &
  local play=$!
  # In 2 s: 1946 opportunities; 20, 5 and 60 Mbit/s for 0.5, 0.3 and 0.2 s of each second.
  for direction in "up 11.707" "down 23.5 -R"; do
    # shellcheck disable=SC2086 # words
    set -- $direction
    local reverse=(${3:+"$3"})
    "$lab" exec --name "$name" server timeout 30 iperf3 -s -1 >/dev/null 2>&1 3>&- &
    sleep 0.5
    "$lab" exec --name "$name" client timeout 20 iperf3 -c 10.0.3.2 -u -b 75M -l 1400 -t 8 "${reverse[@]}" \
      >/dev/null 2>&1 3>&- &
    sleep 1
    before=$(passed)
    sleep 6
    after=$(passed)
    wait $!
    mbit=$(awk -v d="$1" '{ i = d == "up" ? 1 : 2; print ($(i + 3) - $i) * 8 / ($6 - $3) }' \
      <<<"$before $after")
    echo "$1: $mbit Mbit/s, expected $2"
    awk -v a="$mbit" -v b="$2" -v t="$tolerance" 'BEGIN { exit !(a > b * (1 - t / 100) && a < b * (1 + t / 100)) }'
  done
  kill "$play"
  wait "$play" || true
}

# bats test_tags=virtual-time
@test "in virtual time, what was altered a little is found" {
  "$lab" up --name "$name" "$scenarios/calibration.json"
  altered "client.eth1 up: delay" qdisc replace dev c1.up2 root netem limit 100000 delay 5.2ms
  altered "client.eth0 up: rate" \
    qdisc change dev c0.up1 root tbf rate 101.5mbit burst 25000 limit 151400
  # Where nothing is lost at random, which makes a queue less certain.
  altered "client.eth1 up: queue" \
    qdisc change dev c1.up1 root tbf rate 20mbit burst 6056 limit 145344
}
