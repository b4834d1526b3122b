#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle sweep` over shares of a GPU by MPS, over a stand-in for NVIDIA's nvidia-cuda-mps-control
# (tests/golden/mps). In real time: seconds.

load mps_world
bats_require_minimum_version 1.5.0

@test "each share is a server of its own, throughput follows it, and nothing is left" {
    run "$WATTLE" sweep spec.yaml
    echo "# $output" | sed "2,\$s|^|# |"
    [ "$status" -eq 0 ]
    [[ $output == *"shares: 3 runs"* ]]
    nothing_left
    # What the daemon granted: the share of each point, no other.
    [ "$(cut -d' ' -f1 granted | sort -u | tr '\n' ' ')" = "25 50 " ]
    python3 - <<'END_OF_CHECK'
import sqlite3
rows = sqlite3.connect("shares.wattle").execute("select share, work_units / time_s from run").fetchall()
assert len(rows) == 3 and {r[0] for r in rows} == {0.25, 0.5}, rows
for share, rate in rows:
    assert 0.2 * 100 * 100 * share < rate <= 100 * 100 * share, rows  # 10 ms each, more on a busy machine
END_OF_CHECK
}

@test "a point without a share runs without MPS, and its server is gone meanwhile" {
    sed -i 's/^points: .*/list: [{share: 25%}, {batch: 2}]/; s/^baseline: .*/baseline: {batch: 2}/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    echo "# $output" | sed "2,\$s|^|# |"
    [ "$status" -eq 0 ]
    [ "$(cut -d' ' -f1 granted | sort -u | tr '\n' ' ')" = "100 25 " ]
    grep -q "^100 none$" granted
    run ! grep -q "^25 none" granted
    nothing_left
}

@test "the server on the GPU is no stranger there; the GPU alone is the daemon's" {
    "$WATTLE" sim start --gpu a100,v100 3>&- >/dev/null
    id=$("$WATTLE" devices --json | python3 -c '
import json, sys
print(next(d["id"] for d in json.load(sys.stdin)["devices"] if d["id"].startswith("nvml:")))')
    sed -i -e "s/^devices: .*/devices: \"$id\"/" -e 's/client.py\]/client.py, --gpu]/' -e 's/window_min: 200ms/window_min: 1s/' \
        -e 's/window_max: 300ms/window_max: 1s/' spec.yaml
    "$WATTLE" sweep spec.yaml 3>&- >out 2>&1 &
    local sweep=$!
    wait_for in_window
    tr '\0' '\n' <"/proc/$(cat "$WATTLE_RUN_DIR"/mps/*/pipe/nvidia-cuda-mps-control.pid)/environ" >environment
    wait "$sweep"
    sed 's/^/# /' out
    grep -q "shares: 3 runs" out
    run ! grep -q disturbed out
    grep -qx "CUDA_VISIBLE_DEVICES=${id#nvml:}" environment
    nothing_left
}

@test "a daemon that was there is used as it is, and stays" {
    mkdir theirs log
    CUDA_MPS_PIPE_DIRECTORY=$PWD/theirs CUDA_MPS_LOG_DIRECTORY=$PWD/log nvidia-cuda-mps-control -d 3>&-
    export CUDA_MPS_PIPE_DIRECTORY=$PWD/theirs
    echo "set_default_active_thread_percentage 40" | nvidia-cuda-mps-control
    run "$WATTLE" sweep spec.yaml --dry-run
    [[ $output == *"shares    by MPS: a control daemon in $PWD/theirs, which was there"* ]]
    sed -i 's/25%, 50%/20%, 40%/; s/share: 50%/share: 40%/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    echo "# $output" | sed "2,\$s|^|# |"
    [ "$status" -eq 0 ]
    [ "$(sort -u granted)" = "20 $PWD/theirs
40 $PWD/theirs" ]
    no_files
    [ "$(echo get_default_active_thread_percentage | nvidia-cuda-mps-control)" = 40.0 ]
    [ -n "$(echo get_server_list | nvidia-cuda-mps-control)" ] # its server is not ended, either
    # The server that was started for us took the daemon's 40 %: more is not to be had there.
    sed -i 's/20%, 40%/20%, 60%/; s/share: 40%/share: 20%/; s/^name: .*/name: more/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    echo "# $output" | sed "2,\$s|^|# |"
    [[ $output == *"share 60 %: infeasible: MPS in $PWD/theirs allows 40 % of the GPU, not 60 %"* ]]
    echo quit | nvidia-cuda-mps-control
}

@test "a server of another user in that folder: refused, and untouched" {
    mkdir theirs
    sleep 300 3>&- &
    local other=$! mine
    mine=$(id -u)
    if [ "$mine" -eq 0 ]; then
        kill "$other"
        setpriv --reuid=65534 --clear-groups sleep 300 3>&- &
        other=$!
        is_theirs() { [ "$(stat -c %u "/proc/$other")" = 65534 ]; }
        wait_for is_theirs || skip "no process of another user"
    else
        kill "$other"
        other=1
    fi
    CUDA_MPS_PIPE_DIRECTORY=$PWD/theirs nvidia-cuda-mps-control -d 3>&-
    export CUDA_MPS_PIPE_DIRECTORY=$PWD/theirs
    echo "foreign=$other" >mode
    run "$WATTLE" sweep spec.yaml
    echo "# $output" | sed "2,\$s|^|# |"
    [ "$status" -ne 0 ]
    [[ $output == *"MPS in $PWD/theirs serves user "*"(server $other)"* ]]
    [ -e "/proc/$other" ]
    rm mode
    echo quit | nvidia-cuda-mps-control
    [ "$other" = 1 ] || kill "$other"
}

@test "a signal ends the sweep with everything of MPS, and the next start goes on" {
    "$WATTLE" sweep spec.yaml -q 3>&- &
    local sweep=$!
    wait_for in_window
    kill -TERM "$sweep" # a shell has what it starts in the background ignore SIGINT
    wait "$sweep" || true
    nothing_left
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"shares: 3 runs"* ]]
    nothing_left
}

@test "kill -9 amid a window: what was left is found, and exactly that is ended by the next start" {
    "$WATTLE" sweep spec.yaml -q 3>&- &
    local sweep=$! before
    wait_for in_window
    kill -9 "$sweep"
    wait "$sweep" || true
    before=$(ours)
    [ -n "$before" ]
    run "$WATTLE" mps status
    echo "# $output" | sed "2,\$s|^|# |"
    [[ $output == *"dangling"*"\`wattle mps clean\`"* ]]
    # Of the same name, in a folder of its own, of nobody's record: untouched.
    mkdir bystander
    CUDA_MPS_PIPE_DIRECTORY=$PWD/bystander nvidia-cuda-mps-control -d 3>&-
    echo "start_server -uid $(id -u)" | CUDA_MPS_PIPE_DIRECTORY=$PWD/bystander nvidia-cuda-mps-control
    run "$WATTLE" sweep spec.yaml
    echo "# $output" | sed "2,\$s|^|# |"
    [ "$status" -eq 0 ]
    [[ $output == *"1 MPS daemon of a command that was killed was ended"* ]]
    [[ $output == *"shares: 3 runs"* ]]
    for p in $before; do gone "$p"; done
    [ -n "$(echo get_server_list | CUDA_MPS_PIPE_DIRECTORY=$PWD/bystander nvidia-cuda-mps-control)" ]
    echo quit | CUDA_MPS_PIPE_DIRECTORY=$PWD/bystander nvidia-cuda-mps-control
    nothing_left
}
