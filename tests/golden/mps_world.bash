# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of sweeps over MPS shares have in common (load mps_world): a stand-in for NVIDIA's program
# in $PATH, a client, a spec, and what is left of it all.

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR
    # Sockets lie below it: their paths must be short.
    WATTLE_RUN_DIR=$(mktemp -d /tmp/wattle-mps-XXXXXX)
    export PATH=$BATS_TEST_DIRNAME/mps:$PATH
    export FAKE_MPS=$BATS_TEST_TMPDIR/mode CUDA_MPS_PIPE_DIRECTORY=
    [ -r /proc/stat ] || skip "no /proc/stat"
    [ ! -e /tmp/nvidia-mps ] || skip "an MPS daemon of this machine"
    cat >client.py <<'END_OF_CLIENT'
import os, signal, socket, sys, time
if "--stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
mps = socket.socket(socket.AF_UNIX)
share = 100.0
if os.environ.get("CUDA_MPS_PIPE_DIRECTORY"):
    mps.connect(os.environ["CUDA_MPS_PIPE_DIRECTORY"] + "/control")
    mps.sendall(f"client {os.getpid()} {os.environ['CUDA_MPS_ACTIVE_THREAD_PERCENTAGE']}\n".encode())
    share, server = mps.recv(64).decode().split()
    share = float(share)
    if "--gpu" in sys.argv: # the server is on the GPU as well as its client
        import subprocess
        load = [os.environ["WATTLE"], "sim", "load", "vgg19", "--mps"]
        subprocess.run([*load, "--pid", server, "--rate", "0.01"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*load, "--pid", str(os.getpid())], check=True, stdout=subprocess.DEVNULL)
with open("granted", "a") as f:
    f.write(f"{share:g} {os.environ.get('CUDA_MPS_PIPE_DIRECTORY') or 'none'}\n")
wattle = socket.socket(socket.AF_UNIX)
wattle.connect(os.environ["WATTLE_MARKERS"])
wattle.sendall(b"ready\n")
try:
    while True:
        wattle.sendall(b"begin b\n")
        time.sleep(0.01)
        wattle.sendall(b"end b work=%g unit=items\n" % share)
except OSError:
    time.sleep(300 if "--stubborn" in sys.argv else 0)
END_OF_CLIENT
    cat >spec.yaml <<'END_OF_SPEC'
name: shares
devices: estimate:cpu
workloads:
  - name: client
    command: [python3, client.py]
    unit: items
points: {shares: [25%, 50%]}
baseline: {share: 50%}
budget: 3
protocol: {blocks_min: 2, blocks_max: 2, settle: 50ms, warm_up: 50ms, warm_up_max: 100ms, window_min: 200ms,
  window_max: 300ms, thermal_band: no, idle: no, attempts: 2}
END_OF_SPEC
}

# Everything that this test started: by the folder that only it has, read from each environment.
ours() {
    local p
    for p in /proc/[0-9]*; do
        if tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -q "^CUDA_MPS_PIPE_DIRECTORY=\($WATTLE_RUN_DIR\|$BATS_TEST_TMPDIR\)/"; then
            echo "${p#/proc/}"
        fi
    done 2>/dev/null
}

teardown() {
    for p in $(ours); do kill -9 "$p" 2>/dev/null || true; done
    "$WATTLE" sim stop >/dev/null 2>&1 || true
    rm -rf "$WATTLE_RUN_DIR"
}

# wait_for COMMAND...: until it succeeds, ten seconds at most.
wait_for() {
    for _ in $(seq 200); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

# gone PID: it has ended; whoever should take notice of that need not have.
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

no_files() { [ -z "$(find "$WATTLE_RUN_DIR/mps" "$WATTLE_STATE_DIR/mps" -mindepth 1 2>/dev/null)" ]; }

nothing_left() { [ -z "$(ours)" ] && no_files; }

# in_window: the sweep's command runs as a client.
in_window() { [ -s granted ]; }
