#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle mps` over a stand-in for NVIDIA's nvidia-cuda-mps-control (tests/golden/mps).

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR
    WATTLE_RUN_DIR=$(mktemp -d /tmp/wattle-mps-XXXXXX)
    export PATH=$BATS_TEST_DIRNAME/mps:$PATH FAKE_MPS=$BATS_TEST_TMPDIR/mode CUDA_MPS_PIPE_DIRECTORY=
    [ ! -e /tmp/nvidia-mps ] || skip "an MPS daemon of this machine"
}

teardown() {
    local p
    for p in /proc/[0-9]*; do
        if tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -q "^CUDA_MPS_PIPE_DIRECTORY=\($WATTLE_RUN_DIR\|$BATS_TEST_TMPDIR\)/"; then
            kill -9 "${p#/proc/}" 2>/dev/null || true
        fi
    done 2>/dev/null
    rm -rf "$WATTLE_RUN_DIR"
}

# flat TEXT: without the line breaks that the page needs.
flat() { tr '\n' ' ' <<<"$1" | tr -s ' '; }

# gone PID: it has ended; whoever should take notice of that need not have.
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

field() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

# client PIPE_DIRECTORY: one that stays; its number in $client.
client() {
    CUDA_MPS_PIPE_DIRECTORY=$1 python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["CUDA_MPS_PIPE_DIRECTORY"] + "/control")
s.sendall(b"client %d 100\n" % os.getpid())
open("granted", "w").write(s.recv(64).decode())
time.sleep(300)' 3>&- &
    client=$!
    for _ in $(seq 200); do
        [ ! -s granted ] || return 0
        sleep 0.05
    done
    return 1
}

@test "without MPS it says so, and how to get it" {
    PATH=${PATH#*:} run -0 "$WATTLE" mps status
    [[ $output == *"there is no MPS here: nvidia-cuda-mps-control is not in \$PATH"* ]]
    PATH=${PATH#*:} run -3 "$WATTLE" mps start
    [[ $output == *"WATTLE_MPS_CONTROL names it"* ]]
    [ "$(PATH=${PATH#*:} "$WATTLE" mps status --json | field 'd["program"], d["daemons"]')" = "None []" ]
    WATTLE_MPS_CONTROL=$BATS_TEST_DIRNAME/mps/nvidia-cuda-mps-control PATH=${PATH#*:} run -0 "$WATTLE" mps status
    [[ $output == *"no MPS daemon runs"* ]]
    run -2 "$WATTLE" mps
    [[ $output == *"wattle mps needs a verb"* ]]
    run -0 "$WATTLE" mps stop
    [[ $output == *"no MPS daemon of \`wattle mps start\` runs"* ]]
    run -0 "$WATTLE" mps clean
    [[ $output == *"nothing was left of MPS"* ]]
}

@test "start, look, stop" {
    run -0 "$WATTLE" mps start --share 40% 3>&-
    [[ $output == *"export CUDA_MPS_PIPE_DIRECTORY='$WATTLE_RUN_DIR/mps/"*"/pipe'"* ]]
    pipe=$(echo "$WATTLE_RUN_DIR"/mps/*/pipe)
    run -1 "$WATTLE" mps start
    [[ $output == *"an MPS daemon is in $pipe already"*"wattle mps stop"* ]]
    run -0 "$WATTLE" mps status
    [[ $output == *"$pipe"*"whose     standing"*"wattle mps start"*"share     40 % of a GPU"*"servers   none"* ]]
    client "$pipe"
    [ "$(cut -d" " -f1 granted)" = 40 ]
    run -0 "$WATTLE" mps status
    echo "$output"
    [[ $output == *"active"*"40.0"*"$client"* ]]
    [ "$("$WATTLE" mps status --json | field '[(x["life"], x["answers"], x["default_share"], [(s["status"], s["share"], [c["pid"] for c in s["clients"]]) for s in x["servers"]]) for x in d["daemons"]]')" = \
        "[('standing', True, 0.4, [('active', 0.4, [$client])])]" ]
    run -0 "$WATTLE" mps clean
    [[ $output == *"nothing was left of MPS"* ]]
    run -1 "$WATTLE" mps stop --wait 100ms
    [[ $output == *"process $client is still a client"* ]]
    kill "$client"
    wait "$client" || true
    run -0 "$WATTLE" mps stop --dry-run
    [[ $output == *"would be ended"* ]]
    run -0 "$WATTLE" mps stop
    [[ $output == *"(standing) is gone"* ]]
    [ -z "$(find "$WATTLE_RUN_DIR/mps" "$WATTLE_STATE_DIR/mps" -mindepth 1)" ]
}

@test "a daemon of somebody else is shown, and never ended" {
    mkdir theirs
    export CUDA_MPS_PIPE_DIRECTORY=$PWD/theirs
    nvidia-cuda-mps-control -d 3>&-
    run -0 "$WATTLE" mps status
    [[ $output == *"$PWD/theirs"*"somebody else's"* ]]
    run -1 "$WATTLE" mps start
    [[ $output == *"an MPS daemon is in $PWD/theirs already"* ]]
    "$WATTLE" mps stop --force
    "$WATTLE" mps clean --force
    [ "$(echo get_default_active_thread_percentage | nvidia-cuda-mps-control)" = 100.0 ]
    echo quit | nvidia-cuda-mps-control
}

@test "a standing daemon that dies leaves servers: doctor tells, clean ends exactly them" {
    "$WATTLE" mps start 3>&- >/dev/null
    pipe=$(echo "$WATTLE_RUN_DIR"/mps/*/pipe)
    echo "start_server -uid $(id -u)" | CUDA_MPS_PIPE_DIRECTORY=$pipe nvidia-cuda-mps-control
    server=$(echo get_server_list | CUDA_MPS_PIPE_DIRECTORY=$pipe nvidia-cuda-mps-control)
    [ -e "/proc/$server" ]
    run "$WATTLE" doctor
    [[ $(flat "$output") == *"an MPS daemon runs in $pipe (ours), 1 server, 0 clients"* ]]
    kill -9 "$(cat "$pipe/nvidia-cuda-mps-control.pid")"
    run "$WATTLE" doctor
    [ "$status" -eq 1 ]
    [[ $(flat "$output") == *"left 1 process of MPS in"*"wattle mps clean"* ]]
    # A record that cannot be read, or that names a folder that is not its own, ends nothing.
    mkdir keep
    record=$(echo "$WATTLE_STATE_DIR"/mps/*.json)
    sed "s|\"dir\": \"[^\"]*\"|\"dir\": \"$PWD/keep\"|" "$record" >"$WATTLE_STATE_DIR/mps/forged.json"
    echo '{' >"$WATTLE_STATE_DIR/mps/torn.json"
    run -0 "$WATTLE" mps status
    [[ $output == *"forged.json cannot be read"*"torn.json cannot be read"* ]]
    run -0 "$WATTLE" mps clean --json
    [ "$(field 'len(d["ended"])' <<<"$output")" = 1 ]
    gone "$server"
    [ -d keep ]
    [ ! -e "$pipe" ]
}

@test "a daemon that hangs is said to" {
    "$WATTLE" mps start 3>&- >/dev/null
    pipe=$(echo "$WATTLE_RUN_DIR"/mps/*/pipe)
    echo hang >mode
    run -0 "$WATTLE" mps status
    [[ $output == *"answers   no: MPS did not answer \"get_server_list\" in time"* ]]
    run -0 "$WATTLE" mps stop --wait 100ms
    [ ! -e "$pipe" ]
}
