# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of sweeps over GPUs of a machine room have in common (load sweep_world): the ids of its GPUs, and a
# program that works on them.

# gpu_ids: those of the room, by NVML, a line each.
gpu_ids() {
    "$WATTLE" devices --json | python3 -c '
import json, sys
for d in json.load(sys.stdin)["devices"]:
    if d["id"].startswith("nvml:") and d["kind"] == "gpu": print(d["id"])'
}

# make_gpu_program: gpu.py WATTLE GPU..., which works on these GPUs, by their numbers, and marks a unit of work every
# 20 ms. Each start of it is a line of the file "starts".
make_gpu_program() {
    cat >gpu.py <<'END'
import os, socket, subprocess, sys, time
print(os.getpid(), file=open("starts", "a"))
for gpu in sys.argv[2:]:
    subprocess.run([sys.argv[1], "sim", "load", "vgg19", "-i", gpu, "--pid", str(os.getpid())], check=True,
                   stdout=subprocess.DEVNULL)
wattle = socket.socket(socket.AF_UNIX)
wattle.connect(os.environ["WATTLE_MARKERS"])
wattle.sendall(b"ready\n")
while True:
    wattle.sendall(b"begin b\n")
    time.sleep(0.02)
    wattle.sendall(b"end b work=1\n")
END
}

# room GPU FIELD: what the room knows of it.
room() {
    "$WATTLE" sim list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["gpus"][int(sys.argv[1])][sys.argv[2]])' "$@"
}
