#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle sweep` over shares of a GPU by MPS where something does not end, does not answer, dies, or is not
# there: over the stand-in of tests/golden/mps, in real time.

load mps_world
bats_require_minimum_version 1.5.0

@test "kill -9, and a command that does not end on SIGTERM: it is ours, and ends" {
    # The kernel ends the leader of its group with the sweep, but not what that has started.
    sed -i 's/\[python3, client.py\]/[sh, -c, "python3 client.py --stubborn; :"]/' spec.yaml
    "$WATTLE" sweep spec.yaml -q 3>&- &
    local sweep=$!
    wait_for in_window
    kill -9 "$sweep"
    wait "$sweep" || true
    [ "$(ours | wc -l)" -ge 3 ] # daemon, server, and the command
    run "$WATTLE" mps clean
    echo "# $output" | sed "2,\$s|^|# |"
    [ "$status" -eq 0 ]
    [[ $output == *"(dangling) is gone"* ]]
    nothing_left
}

@test "a client that is not ours stays, and so does the daemon, which is said" {
    "$WATTLE" sweep spec.yaml -q 3>&- 2>message &
    local sweep=$! pipe guest
    wait_for in_window
    pipe=$(echo "$WATTLE_RUN_DIR"/mps/*/pipe)
    CUDA_MPS_PIPE_DIRECTORY=$pipe python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["CUDA_MPS_PIPE_DIRECTORY"] + "/control")
s.sendall(b"client %d 100\n" % os.getpid())
s.recv(64)
open("guest", "w").close()
time.sleep(300)' 3>&- &
    guest=$!
    wait_for [ -e guest ]
    wait "$sweep" && return 1
    cat message
    grep -q "process $guest is still a client of MPS server" message
    [ -e "/proc/$guest" ]
    run "$WATTLE" mps clean --wait 100ms
    echo "# $output" | sed "2,\$s|^|# |"
    [ "$status" -eq 1 ]
    [[ $output == *"process $guest is still a client"*"--force"* ]]
    [ -e "/proc/$guest" ]
    "$WATTLE" mps clean --force
    [ -e "/proc/$guest" ] # it is not ours to end
    kill -9 "$guest"
    wait "$guest" || true
    nothing_left
}

@test "a daemon that hangs is given up in time, and ended by its record" {
    "$WATTLE" sweep spec.yaml -q 3>&- 2>message &
    local sweep=$!
    wait_for in_window
    echo hang >mode
    wait "$sweep" && return 1
    cat message
    grep -q "MPS did not answer" message
    rm mode
    nothing_left
}

@test "a daemon that dies is started anew, and its server does not stay" {
    "$WATTLE" sweep spec.yaml 3>&- >out 2>&1 &
    local sweep=$!
    wait_for in_window
    kill -9 "$(cat "$WATTLE_RUN_DIR"/mps/*/pipe/nvidia-cuda-mps-control.pid)"
    wait "$sweep"
    cat out
    grep -q "shares: 3 runs" out
    nothing_left
}

@test "servers that do not end when they are asked to are ended" {
    echo deaf >mode
    sed -i 's/25%, 50%/50%/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    echo "# $output" | sed "2,\$s|^|# |"
    [ "$status" -eq 0 ]
    nothing_left
}

@test "no MPS, a daemon that does not start, a server that does not come: said, and nothing stays" {
    PATH=${PATH#*:} run -3 "$WATTLE" sweep spec.yaml
    [[ $output == *"there is no MPS here"*"WATTLE_MPS_CONTROL"* ]]
    PATH=${PATH#*:} run -3 "$WATTLE" sweep spec.yaml --dry-run
    echo no-start >mode
    run -1 "$WATTLE" sweep spec.yaml
    [[ $output == *'MPS answers "-d" with: Failed to initialize the log directory'* ]]
    nothing_left
    echo fault >mode
    run -1 "$WATTLE" sweep spec.yaml
    [[ $output == *"has a fault"* ]]
    nothing_left
    # Without MPS where the command sees to its share itself.
    rm mode
    sed -i -e 's/unit: items/unit: items\n    mps: no/' -e 's/client.py\]/client.py, "{share}"]/' spec.yaml
    PATH=${PATH#*:} run -0 "$WATTLE" sweep spec.yaml -o own.wattle
    [ "$(sort -u granted)" = "100 none" ]
}
