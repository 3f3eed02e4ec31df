#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The lab, with real namespaces and real traffic:
#
#     client.eth0 --- 100 Mbit/s --- c0 router s0 --- 100 Mbit/s --- server.eth0
#     client.eth1 --- 100 Mbit/s --- c1        s1 --- 100 Mbit/s --- server.eth1
#
# Labs of these tests are called lt<pid>..., and are the test's own (LAB_OWNER), so that they meet
# neither each other nor anybody else's.

bats_require_minimum_version 1.5.0

setup() {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  lab=$PWD/${BUILD:-build}/lab/lab
  scenarios=$PWD/lab/scenarios
  name=lt$$
  export LAB_OWNER=$$
  started=()
}

teardown() {
  local pid one
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for one in /run/mpip-lab/"$name"*; do
    [ -d "$one" ] && "$lab" down --name "${one##*/}" 2>/dev/null
  done
  return 0
}

# Runs in a host or router of the lab `$name`.
in_lab() { "$lab" exec --name "$name" "$@"; }

# Everything that a lab of ours could have left; nothing is what is wanted.
leftovers() {
  find /run/netns /run/mpip-lab -maxdepth 1 -name "$name*" 2>/dev/null || true
  grep "/$name" /proc/self/mountinfo || true
  ip -o link | grep -E ': (eth1|[cs][01](\.[a-z0-9]+)?)@' || true
}

# An iperf3 server in the lab on port $1, for one test.
serve() {
  "$lab" exec --name "$name" server iperf3 -s -1 -p "$1" >/dev/null 2>&1 3>&- &
  started+=($!)
  local i
  for ((i = 0; i < 1000; i++)); do
    in_lab server ss -Hltn "sport = :$1" | grep -q . && return
    sleep 0.05
  done
  echo "iperf3 did not start" >&2
  return 1
}

# goodput PORT ARGUMENTS...: what the receiver of one iperf3 run got, in Mbit/s.
goodput() {
  local port=$1
  shift
  serve "$port"
  in_lab client iperf3 -p "$port" -f m "$@" |
    awk '/receiver/ { for (i = 2; i <= NF; i++) if ($i == "Mbits/sec") print $(i - 1) }'
}

at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }

# A scenario with many hosts, so that building it takes a while.
big_scenario() {
  local i hosts="" ports="" links="" comma=""
  for ((i = 0; i < 100; i++)); do
    hosts+="$comma{\"name\":\"h$i\",\"nics\":[{\"name\":\"eth0\",\"address\":\"10.1.$i.2/24\"}]}"
    ports+="$comma{\"name\":\"p$i\",\"address\":\"10.1.$i.1/24\"}"
    links+="$comma{\"ends\":[\"h$i.eth0\",\"router.p$i\"],\"rate_mbit\":10}"
    comma=,
  done
  echo "{\"hosts\":[$hosts],\"routers\":[{\"name\":\"router\",\"ports\":[$ports]}],\"links\":[$links]}"
}

@test "help, and a wrong command line" {
  run "$lab" --help
  [ "$status" -eq 0 ]
  [[ $output == *"lab up [--name NAME] SCENARIO"* ]]
  run "$lab" frobnicate
  [ "$status" -eq 2 ]
  run "$lab" up
  [ "$status" -eq 2 ]
  run -2 "$lab" status --frobnicate
  [[ $output == "lab: --frobnicate: unknown option; see lab --help" ]]
  run -2 "$lab" status --name
  [[ $output == "lab: --name: expected a value; see lab --help" ]]
}

@test "the scenarios of the repository are good, and can be drawn" {
  local file
  for file in "$scenarios"/*.json; do
    "$lab" check "$file"
    "$lab" draw "$file" | grep -qE "client\.[a-z0-9]+ [0-9./]+ --- .*\| "
  done
}

@test "a bad scenario gets one line, and nothing is built" {
  local file=$BATS_TEST_TMPDIR/bad.json good=$scenarios/dual-nic.json
  local -A bad=(
    ['s/^{/[/']="line "
    ['s/"rate_mbit": 100/"rate_mb": 100/']="links[0].rate_mb: unknown key, expected "
    ['s/"rate_mbit": 100/"rate_mbit": -100/']="links[0].rate_mbit: expected a number "
    ['s/"client.eth0"/"client.eth7"/']="links[0].ends[0]: expected HOST.NIC or ROUTER.PORT"
    ['s/"router.c0"/"nowhere.c0"/']="links[0].ends[1]: expected HOST.NIC or ROUTER.PORT"
    ['s/10.0.1.2/10.0.3.2/']="hosts[1].nics[0].address: expected an address of its own"
    ['/client.eth0/d']="hosts[0].nics[0]: expected a link"
    ['s/"eth0"/"eth0 up"/']="hosts[0].nics[0].name: expected a name"
  )
  local change
  for change in "${!bad[@]}"; do
    sed "$change" "$good" >"$file"
    run "$lab" up --name "$name" "$file"
    echo "$change: $output"
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == "lab: $file: ${bad[$change]}"* ]]
    [ -z "$(leftovers)" ]
  done
  run "$lab" up --name "$name" "$BATS_TEST_TMPDIR/none.json"
  [ "$status" -eq 1 ]
  [[ $output == *"none.json"*"No such file"* ]]
}

@test "up, status, exec, down" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  [ "$(leftovers | grep -c "^/run/netns/$name-")" -eq 3 ]

  run "$lab" status --name "$name"
  [ "$status" -eq 0 ]
  [[ $output == *"client.eth0  router.c0    100 Mbit/s, queue 100"* ]]
  [[ $output == *"client  eth1  10.0.2.2/24  02:6d:70:00:01:02"* ]]
  "$lab" status --name "$name" --json | grep -q '"state": "up"'

  # Every pair of addresses is a path; its packets go by the NIC of its source address.
  local from to
  for from in 10.0.1.2 10.0.2.2; do
    for to in 10.0.3.2 10.0.4.2; do in_lab client ping -q -c 2 -i 0.01 -W 1 -I "$from" "$to"; done
  done
  "$lab" counters --name "$name" | grep -A 3 '"name": "c1"' | grep -q '"rx_packets": 4'

  run in_lab client sh -c 'exit 7'
  [ "$status" -eq 7 ]
  status=0
  in_lab client no-such-command || status=$?
  [ "$status" -eq 127 ]
  run in_lab nobody true
  [ "$status" -eq 1 ]
  [[ $output == *"has no host or router nobody, it has client, server, router"* ]]
  [ "$(in_lab client ls /sys/class/net | sort | tr '\n' ' ')" = "eth0 eth1 lo " ]
  [ "$(in_lab client cat /proc/sys/net/ipv4/tcp_no_metrics_save)" = 1 ]

  "$lab" down --name "$name"
  [ -z "$(leftovers)" ]
  run "$lab" down --name "$name"
  [ "$status" -eq 1 ]
  [[ $output == "lab: there is no lab $name, "* ]]
}

@test "a second up says so and changes nothing" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  local before
  before=$(stat -Lc %i /run/netns/"$name"-*; cat /run/mpip-lab/"$name"/*)
  run "$lab" up --name "$name" "$scenarios/dual-nic-unshaped.json"
  [ "$status" -eq 1 ]
  [[ $output == "lab: lab $name is up already"* ]]
  [ "$before" = "$(stat -Lc %i /run/netns/"$name"-*; cat /run/mpip-lab/"$name"/*)" ]
  in_lab client ping -q -c 1 -W 1 10.0.4.2
}

@test "two labs side by side, with the same addresses" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  "$lab" up --name "$name-b" "$scenarios/dual-nic.json"
  in_lab client ping -q -c 3 -i 0.01 -W 1 10.0.3.2
  "$lab" exec --name "$name-b" client ping -q -c 5 -i 0.01 -W 1 10.0.3.2
  "$lab" counters --name "$name" | grep -A 5 '"name": "s0"' | grep -q '"tx_packets": 3'
  "$lab" counters --name "$name-b" | grep -A 5 '"name": "s0"' | grep -q '"tx_packets": 5'

  run "$lab" exec client true
  [ "$status" -eq 1 ]
  [[ $output == *"say which, as in lab exec --name $name"* ]]

  "$lab" down --name "$name"
  "$lab" exec --name "$name-b" client ping -q -c 1 -W 1 10.0.4.2
}

@test "a namespace of somebody else is left alone" {
  ip netns add "$name-server"
  local id
  id=$(stat -Lc %i /run/netns/"$name-server")
  run "$lab" up --name "$name" "$scenarios/dual-nic.json"
  local after
  after=$(stat -Lc %i /run/netns/"$name-server")
  ip netns delete "$name-server"
  [ "$status" -eq 1 ]
  [[ $output == *"$name-server is there already"* ]]
  [ "$id" = "$after" ]
  [ -z "$(leftovers)" ]
}

@test "no packet is larger than the MTU, unless the scenario says so" {
  local host
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  for host in client router server; do
    [ "$(in_lab "$host" ip -d link show type veth | grep -c 'gso_max_segs 1 ')" -eq \
      "$(in_lab "$host" ip -o link show type veth | wc -l)" ]
    in_lab "$host" ip -o link show type veth | awk -F"[ @]" '{ print $2 }' |
      while read -r nic; do in_lab "$host" ethtool -k "$nic"; done >"$BATS_TEST_TMPDIR/features"
    grep -q "generic-segmentation-offload: off" "$BATS_TEST_TMPDIR/features"
    ! grep -E "(-segmentation.*|receive-offload|gro.*|gso.*): on" "$BATS_TEST_TMPDIR/features" || false
  done
  "$lab" up --name "$name-b" "$scenarios/dual-nic-unshaped.json"
  "$lab" exec --name "$name-b" client ethtool -k eth0 | grep -q 'generic-segmentation-offload: on'
  "$lab" exec --name "$name-b" client ip -d link show eth0 | grep -q 'gso_max_segs 65535'
}

@test "killed at any moment, lab down removes what there is" {
  local i killed=0
  for ((i = 0; i < 24; i++)); do
    "$lab" up --name "$name" "$scenarios/dual-nic.json" >/dev/null 2>&1 3>&- &
    sleep "0.00$((i % 10))"
    kill -9 $! 2>/dev/null && killed=$((killed + 1))
    wait $! || true
    if [ -d "/run/mpip-lab/$name" ]; then
      [ -e "/run/mpip-lab/$name/up.json" ] ||
        "$lab" status --name "$name" | grep -q "half built"
      "$lab" down --name "$name" >/dev/null
    fi
    [ -z "$(leftovers)" ]
  done
  [ "$killed" -gt 0 ]
}

@test "a lab whose scenario is damaged: one line names the remedy, down removes what is marked as its" {
  local damage where
  for damage in 'truncate -s 0' 'rm -f' 'truncate -s 100'; do
    "$lab" up --name "$name" "$scenarios/dual-nic.json"
    "$lab" up --name "$name-b" "$scenarios/dual-nic.json" # whose namespaces are named NAME-*, too
    ip netns add "$name-other"
    $damage "/run/mpip-lab/$name/scenario.json"
    for where in status counters "exec client true" play; do
      # shellcheck disable=SC2086 # words
      set -- $where
      run "$lab" "$1" --name "$name" "${@:2}"
      echo "$where: $output"
      [ "$status" -eq 1 ]
      [ "${#lines[@]}" -eq 1 ]
      [[ $output == "lab: lab $name: its scenario cannot be read any more ("*"); to take it down: lab down --name $name" ]]
    done
    # Others are shown all the same.
    run "$lab" status
    [ "$status" -eq 1 ]
    [[ $output == *"lab $name-b: up since"* ]]
    "$lab" status --json 2>/dev/null | grep -q '"state": "damaged"'

    run "$lab" down --name "$name"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "lab: the scenario could not be read (/run/mpip-lab/$name/scenario.json: "*"); taken down by name: "* ]]
    [ "$(find /run/netns -name "$name-*" -printf '%f\n' | sort | tr '\n' ' ')" = \
      "$name-b-client $name-b-router $name-b-server $name-other " ]
    [ ! -e "/run/mpip-lab/$name" ]
    ip netns exec "$name-b-client" ping -q -c 1 -W 1 10.0.3.2
    ip netns delete "$name-other"
    "$lab" down --name "$name-b"
  done
  [ -z "$(leftovers)" ]
}

@test "somebody else's file in a lab's directory stays, and is named" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  echo note >"/run/mpip-lab/$name/note"
  run "$lab" down --name "$name"
  [ "$status" -eq 1 ]
  [[ $output == "lab: /run/mpip-lab/$name/note is not the lab's, so it stays; remove it first" ]]
  rm "/run/mpip-lab/$name/note"
  "$lab" down --name "$name"
  [ -z "$(leftovers)" ]
}

# alone CMD...: in a network namespace and a /run of its own, where there are no other labs.
alone() { unshare --mount --net sh -c 'mount -t tmpfs none /run; exec "$@"' sh "$@"; }

@test "labs that are another process's are not chosen, not taken down, and swept when it has ended" {
  cat >"$BATS_TEST_TMPDIR/others.sh" <<'OTHERS'
lab=$1 scenario=$2
unset LAB_OWNER
say() { echo "$*:"; "$@" 2>&1; echo "= $?"; }
sleep 300 & owner=$!
LAB_OWNER=$owner "$lab" up --name theirs "$scenario"
say "$lab" down
say "$lab" exec client true
say "$lab" exec --name theirs client true
say "$lab" down --name theirs
"$lab" up --name mine "$scenario"
say "$lab" exec client true
say "$lab" sweep
"$lab" up --name mine-too "$scenario"
say "$lab" exec client true
say "$lab" down --make
LAB_OWNER=$$ "$lab" up --name ours "$scenario"
kill $owner; wait $owner 2>/dev/null
say "$lab" status
say "$lab" sweep
"$lab" down --name mine; "$lab" down --name mine-too
say "$lab" down
LAB_OWNER=99999999 say "$lab" up "$scenario"
LAB_OWNER=me say "$lab" up "$scenario"
find /run/netns /run/mpip-lab 2>/dev/null
OTHERS
  alone bash "$BATS_TEST_TMPDIR/others.sh" "$lab" "$scenarios/dual-nic.json" | sed "s|^$lab|lab|" >"$BATS_TEST_TMPDIR/said"
  sed -i -E 's/process [0-9]+/process P/g; s/up since .*, from/up since T, from/' "$BATS_TEST_TMPDIR/said"
  cat "$BATS_TEST_TMPDIR/said"
  said() { grep -qFx -- "$1" "$BATS_TEST_TMPDIR/said" || { echo "not said: $1"; return 1; }; }
  local foreign="lab: there is no lab of your own, and others are not chosen unasked: theirs (of process P, for sleep)"
  [ "$(grep -cFx "$foreign" "$BATS_TEST_TMPDIR/said")" -eq 2 ]
  said "lab: lab theirs is in use by process P, for sleep, and is taken down when that ends"
  said "no lab was left behind"
  said "lab: there are 2 labs, mine and mine-too: say which, as in lab exec --name mine"
  said "lab: there are 2 labs, mine and mine-too: say which, as in make lab-down NAME=mine"
  said "lab theirs: left behind by process P, for sleep, which has ended; to take it down: lab down --name theirs"
  grep -q "lab ours: up since T, from .*, by process P, for bash" "$BATS_TEST_TMPDIR/said"
  said "lab theirs is down, it was left behind"
  said "lab ours is down"
  said "lab: there is no process P that the lab could be for"
  said "lab: LAB_OWNER=me: expected the number of a process"
  [ "$(sed -n '/^= /p' "$BATS_TEST_TMPDIR/said" | tr -d '\n')" = "= 1= 1= 0= 1= 0= 0= 1= 1= 0= 0= 0= 1= 1" ]
  [ "$(grep -c '^/run' "$BATS_TEST_TMPDIR/said")" -eq 0 ]
}

@test "a lab is another process's also when its owner's number has been given out again" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  "$lab" up --name "$name-b" "$scenarios/dual-nic.json"
  # The number is ours, but whoever had it when the lab was built was started at another time.
  sed -i 's/"started": /&1/' "/run/mpip-lab/$name-b/owner.json"
  "$lab" status --name "$name-b" | grep -q "left behind by process $$"
  "$lab" sweep | grep -qFx "lab $name-b is down, it was left behind"
  [ -d "/run/mpip-lab/$name" ]
  [ ! -e "/run/mpip-lab/$name-b" ]
}

@test "half built: up refuses, down works" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  rm "/run/mpip-lab/$name/up.json"
  run "$lab" up --name "$name" "$scenarios/dual-nic.json"
  [ "$status" -eq 1 ]
  [[ $output == *"was left half built"*"lab down --name $name"* ]]
  "$lab" down --name "$name"
  [ -z "$(leftovers)" ]
}

@test "Ctrl-C during up takes down what was built" {
  big_scenario >"$BATS_TEST_TMPDIR/big.json"
  # An interactive shell's Ctrl-C; a shell starts what is in its background with SIGINT ignored.
  env --default-signal=INT "$lab" up --name "$name" "$BATS_TEST_TMPDIR/big.json" \
    2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
  local pid=$! i
  for ((i = 0; i < 500; i++)); do
    [ -e "/run/netns/$name-h20" ] && break
    sleep 0.005
  done
  kill -INT "$pid"
  local status=0
  wait "$pid" || status=$?
  [ "$status" -eq 1 ]
  grep -q "interrupted" "$BATS_TEST_TMPDIR/stderr"
  [ -z "$(leftovers)" ]
}

@test "down ends what runs in the lab and says so, and nothing else" {
  local polite stubborn outside status=0
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  sleep 60 3>&- &
  outside=$!
  started+=("$outside")
  "$lab" exec --name "$name" router sleep 61 3>&- &
  polite=$!
  "$lab" exec --name "$name" client bash -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done' \
    >"$BATS_TEST_TMPDIR/ready" 3>&- &
  stubborn=$!
  started+=("$polite" "$stubborn")
  until [ -s "$BATS_TEST_TMPDIR/ready" ] && [ "$(cat "/proc/$polite/comm")" = sleep ]; do sleep 0.05; done
  # From within the lab: neither itself nor who has called it.
  run "$lab" exec --name "$name" server sh -c '"$0" down --name "$1"; echo "goes on"' "$lab" "$name"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"ending what still runs in router: $polite (sleep)"* ]]
  [[ $output == *"ending what still runs in client: $stubborn (bash)"* ]]
  [[ $output != *"killing what did not end in router"* ]]
  [[ $output == *"killing what did not end in client: $stubborn (bash)"* ]]
  [[ $output == *"still running in server, now without a network: "*"(sh)"* && $output == *"goes on"* ]]
  [[ $output != *"still running in client"* && $output != *"still running in router"* ]]
  [ -z "$(leftovers)" ]
  wait "$polite" || status=$?
  [ "$status" -eq 143 ]
  wait "$stubborn" || status=$?
  [ "$status" -eq 137 ]
  kill -0 "$outside"
}

@test "a link's cable is pulled and plugged in: no carrier, and all routes as before" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  routes() {
    local host
    for host in client router; do in_lab "$host" ip route show table all | sed 's/ linkdown//'; done
  }
  local before
  before=$(routes)
  "$lab" link --name "$name" client.eth1 down
  in_lab client ip -o link show eth1 | grep -q NO-CARRIER
  in_lab router ip -o link show c1 | grep -q NO-CARRIER
  run ! in_lab client ping -q -c 1 -W 0.3 -I 10.0.2.2 10.0.3.2
  in_lab client ping -q -c 1 -W 1 -I 10.0.1.2 10.0.3.2
  diff <(echo "$before") <(routes)
  "$lab" link --name "$name" router.c1 up
  in_lab client ping -q -c 1 -W 1 -I 10.0.2.2 10.0.3.2
  diff <(echo "$before") <(routes)

  run "$lab" link --name "$name" client.eth7 down
  [ "$status" -eq 1 ]
  [[ $output == 'lab: link client.eth7: expected HOST.NIC or ROUTER.PORT, "client" has no such NIC' ]]
  run "$lab" link --name "$name" client.eth1 of
  [ "$status" -eq 1 ]
  [[ $output == "lab: link client.eth1 of: expected down or up" ]]
}

@test "a full disk: status 1 and one line, whatever is printed" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  local file=$scenarios/dual-nic.json command
  for command in "--help" "check $file" "draw $file" "print $file" "ground $file" \
    "status --name $name" "status --name $name --json" "counters --name $name"; do
    # shellcheck disable=SC2086 # words
    run -1 bash -c '"$@" >/dev/full 2> >(grep -v "^lab: ground " >&2)' - "$lab" $command
    echo "$command: $output"
    [[ $output == "lab: standard output cannot be written: No space left on device" ]]
  done
  run -1 bash -c '"$@" >/dev/full' - "$lab" up --name "$name-b" "$file"
  [[ $output == "lab: standard output cannot be written: No space left on device" ]]
}

@test "nothing else on the machine is touched" {
  # In a network namespace and a /run of its own, where nobody else changes anything; the
  # interfaces there have the names that the lab uses.
  cat >"$BATS_TEST_TMPDIR/look.sh" <<'LOOK'
set -eu
mount -t tmpfs none /run
ip link add eth0 type veth peer name c0
ip address add 10.0.1.2/24 dev eth0
ip link set eth0 up
snapshot() {
  ip -o link | sed 's/ state [A-Z]*//'; ip route show table all; ip rule; ip neighbour; ip netns
  tc qdisc; cat /proc/net/dev | cut -d: -f1; find /run; sed 's/^[0-9]* //' /proc/self/mountinfo
  sysctl net.ipv4.ip_forward net.ipv4.conf.all.rp_filter net.ipv4.tcp_no_metrics_save
}
snapshot >"$2/before"
"$1" up "$3"
"$1" status >/dev/null
"$1" exec client ping -q -c 1 -W 1 10.0.4.2
[ "$(snapshot | grep -c dual-nic-)" -gt 3 ]
"$1" down
snapshot >"$2/after"
LOOK
  unshare --mount --net sh "$BATS_TEST_TMPDIR/look.sh" "$lab" "$BATS_TEST_TMPDIR" \
    "$scenarios/dual-nic.json"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "delay: netem makes it, or a kernel without it says so" {
  run "$lab" up --name "$name" "$scenarios/dual-nic-5ms.json"
  echo "$output"
  if [ "$status" -ne 0 ]; then
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == "lab: $scenarios/dual-nic-5ms.json: links[0].up.delay_ms: expected a kernel with sch_netem"* ]]
    [[ $output == *"Run it on another kernel"* ]]
    [ -z "$(leftovers)" ]
  else
    in_lab client ping -q -c 20 -i 0.02 -W 1 10.0.3.2 | tee "$BATS_TEST_TMPDIR/ping"
    # rtt min/avg/max/mdev = 5.1/...
    at_least "$(awk -F'[ /]' '/^rtt/ { print $7 }' "$BATS_TEST_TMPDIR/ping")" 5
    [ -z "${VIRTUAL_TIME:-}" ] || at_least 5.5 "$(awk -F'[ /]' '/^rtt/ { print $7 }' "$BATS_TEST_TMPDIR/ping")"
  fi
}

# The queue that overflows is the rate's, never the delay's.
# bats test_tags=netem
@test "delay: as many packets can be on their way as a machine sends meanwhile" {
  sed 's/"delay_ms": 5/"delay_ms": 1000, "jitter_ms": 500/' "$scenarios/dual-nic-5ms.json" >"$BATS_TEST_TMPDIR/1s.json"
  "$lab" up --name "$name" "$BATS_TEST_TMPDIR/1s.json"
  in_lab router tc qdisc show | tee "$BATS_TEST_TMPDIR/qdiscs"
  [ "$(grep -c netem "$BATS_TEST_TMPDIR/qdiscs")" -eq 2 ]
  [ "$(grep -c 'netem.* limit 3000000 ' "$BATS_TEST_TMPDIR/qdiscs")" -eq 2 ]
}

# 100 Mbit/s of frames are 95.6 of TCP's. In real time a machine whose CPUs are taken away misses the rate,
# so that it is measured in virtual time; above the rate no link is on any machine.
rate_reached() {
  local mbit
  mbit=$(goodput 5001 -c 10.0.3.2 -C cubic -t 2 "$@")
  echo "$mbit Mbit/s"
  at_least 98 "$mbit"
  at_least "$mbit" 90
}

# bats test_tags=virtual-time
@test "TCP fills a link of 100 Mbit/s, upwards" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  rate_reached
}

# bats test_tags=virtual-time
@test "TCP fills a link of 100 Mbit/s, downwards" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  rate_reached -R
}

@test "a link does not reorder" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  goodput 5001 -c 10.0.3.2 -C cubic -t 3 >/dev/null
  run in_lab client nstat -z TcpExtTCPSACKReorder TcpExtTCPTSReorder
  [ "$(awk '/Reorder/ { n += $2 } END { print n + 0 }' <<<"$output")" -eq 0 ]
}

# passed and dropped: what has gone up the client's first link, in bytes, and what has not, in packets.
first_link() {
  "$lab" counters --name "$name" >"$BATS_TEST_TMPDIR/counters"
  passed=$(awk '/"bytes"/ { gsub(/,/, ""); print $2; exit }' "$BATS_TEST_TMPDIR/counters")
  dropped=$(awk '/"drops"/ { gsub(/,/, ""); print $2; exit }' "$BATS_TEST_TMPDIR/counters")
  echo "passed $passed bytes, dropped $dropped packets"
}

@test "one NIC cannot send more than its rate, to both of the server's NICs together" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  local began ended
  began=$(date +%s%N)
  goodput 5001 -c 10.0.3.2 -B 10.0.1.2 -C cubic -t 3 >"$BATS_TEST_TMPDIR/one" 3>&- &
  local first=$!
  goodput 5002 -c 10.0.4.2 -B 10.0.1.2 -C cubic -t 3 >"$BATS_TEST_TMPDIR/two"
  wait "$first"
  ended=$(date +%s%N)
  local sum
  sum=$(cat "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two" | awk '{ n += $1 } END { print n }')
  echo "together $sum Mbit/s"
  at_least "$sum" 10
  # Their times do not quite overlap: what may have passed is known for all of it together.
  first_link
  at_least "$(((ended - began) / 80 + 30000))" "$passed"
}

@test "one NIC cannot send more than its rate, even if it does not slow down" {
  "$lab" up --name "$name" "$scenarios/dual-nic.json"
  local mbit began ended
  began=$(date +%s%N)
  mbit=$(goodput 5001 -c 10.0.3.2 -u -b 300M -t 2)
  ended=$(date +%s%N)
  echo "$mbit Mbit/s of UDP"
  first_link
  # What is too much is lost in the router; it does not hold up the sender.
  [ "$dropped" -gt 0 ]
  # 100 Mbit/s of all that time, and the bucket.
  at_least "$(((ended - began) / 80 + 30000))" "$passed"
}

@test "make lab-up, lab-status, lab-exec, lab-down" {
  local make=(make --no-print-directory "BUILD=${BUILD:-build}" "NAME=$name")
  "${make[@]}" lab-up SCENARIO=dual-nic-unshaped
  "${make[@]}" lab-status | grep -q "lab $name: up since .*dual-nic-unshaped.json, with super-packets"
  "${make[@]}" lab-exec HOST=server CMD="echo 'a  b' \"\$(hostname)\" >/dev/null; ip -o link show eth1" |
    grep -q "eth1"
  "${make[@]}" lab-down
  [ -z "$(leftovers)" ]
}

@test "make lab-*: SCENARIO names the lab for all of them, errors say make's words" {
  local make=(env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory "BUILD=${BUILD:-build}" DEPS=) scenario word
  mkdir "$BATS_TEST_TMPDIR/my labs"
  scenario="$BATS_TEST_TMPDIR/my labs/$name.json"
  cp "$scenarios/dual-nic.json" "$scenario"
  "${make[@]}" lab-up SCENARIO="$scenario"
  "$lab" up --name "$name-b" "$scenarios/dual-nic.json"
  "${make[@]}" lab-status SCENARIO="$scenario" | grep -q "^lab $name: up"
  "${make[@]}" lab-exec SCENARIO="$scenario" HOST=server CMD='ip -o addr show eth0' | grep -q 10.0.3.2
  run "${make[@]}" lab-up SCENARIO="$scenario"
  [[ ${lines[0]} == "lab: lab $name is up already; to take it down: make lab-down NAME=$name" ]]
  run "${make[@]}" lab-exec CMD=true
  [[ ${lines[0]} == "lab: there are "*" labs, "*"$name and $name-b"*": say which, as in make lab-exec NAME="* ]]
  run -2 "${make[@]}" lab-exec NAME="$name-b"
  [[ ${lines[0]} == "CMD=: expected a command, such as CMD='ping -c 3 10.0.3.2'" ]]
  run ! "${make[@]}" lab-up SCENARIO=no-such
  [[ ${lines[0]} == "SCENARIO=no-such: expected a file or one of: calibration "*" dual-nic "* ]]
  for word in NAME=no-such SCENARIO=no-such SCENARIO=no/no-such.json; do
    run "${make[@]}" lab-down $word
    [[ ${lines[0]} == "lab: there is no lab no-such, there is "*"$name"* ]]
  done
  "${make[@]}" lab-down SCENARIO="$scenario"
  [ ! -e "/run/mpip-lab/$name" ]
  [ -d "/run/mpip-lab/$name-b" ]
  "${make[@]}" lab-down NAME="$name-b"
  [ -z "$(leftovers)" ]
}
