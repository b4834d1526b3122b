#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leases over a virtual machine room, killed at every system call.

`wattle apply`, `cap` and `restore` run under a tracer that kills the command, its guardian, or both at the
n-th system-call stop; then comes the next start (`wattle restore`). What is left is read by another process:
the power limits through the drop-in NVML, as any client reads them; the clock locks, which NVML does not
report, from the room itself. Either a standing lease was kept, and all of it holds, or everything is as it
was before.

LEASE_KILL_STRIDE: kill at every so many stops (1: all of them, hours; `./dev campaign`); the default keeps the run
short: tests/unit/lease/test_recovery.c does all of them over scripted boards.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

wattle, killer = os.environ["WATTLE"], os.environ["KILL_AT"]
stride = int(os.environ.get("LEASE_KILL_STRIDE", "211"))
work = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
os.environ["WATTLE_STATE_DIR"] = work.name + "/state"
os.environ["WATTLE_RUN_DIR"] = work.name + "/run"
os.chdir(work.name)


def run(*args, check=True):
    done = subprocess.run([wattle, *args], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"wattle {' '.join(args)}: {done.returncode}: {done.stderr}")
    return done.stdout


READER = """
import ctypes, sys
nvml = ctypes.CDLL(sys.argv[1] + "/libnvidia-ml.so.1")
assert nvml.nvmlInit_v2() == 0
out = []
for i in range(2):
    device, limit = ctypes.c_void_p(), ctypes.c_uint()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(i, ctypes.byref(device)) == 0
    assert nvml.nvmlDeviceGetPowerManagementLimit(device, ctypes.byref(limit)) == 0
    out.append(limit.value / 1000)
print(*out)
"""


def state():
    """Limits through the drop-in, by another process; locks from the room."""
    library = re.search(r"LD_LIBRARY_PATH='([^']*)'", run("sim", "env")).group(1)
    limits = subprocess.run([sys.executable, "-c", READER, library], capture_output=True, text=True,
                            check=True).stdout.split()
    locks = [gpu["sm_clock_lock"] for gpu in json.loads(run("sim", "list", "--json"))["gpus"]]
    return [float(w) for w in limits], locks


def leases():
    return json.loads(run("status", "--json"))["leases"]


def kill(who, n, *args):
    done = subprocess.run([killer, who, str(n), wattle, *args], capture_output=True, text=True)
    if done.returncode == 77:
        print("1..0 # SKIP nothing may be traced here")
        sys.exit(0)
    stops, killed = done.stdout.split()[-2:]
    return int(stops), killed == "1"


def campaign(title, who, before, command, fine):
    """before() makes the scene, the command is killed, fine() says whether what is left is as it should be."""
    n = changed = 0
    stop = 1
    while True:
        run("restore", "--all", "-q")
        before()
        _, killed = kill(who, stop, *command)
        run("restore", "-q")
        seen = state()
        if not fine(seen, leases()):
            changed += 1
            print(f"# {title}, stop {stop}: {seen}, {leases()}")
        if not killed:
            break
        n += 1
        stop += stride
    print(f"# {title}: {changed} left changed of {n}", flush=True)
    return n >= 3 and changed == 0


def nothing():
    pass


PRIOR = ([250.0, 250.0], [None, None])


def put_back(seen, held):
    return seen == PRIOR and held == []


def cap_kept_or_undone(seen, held):
    return put_back(seen, held) or (seen == ([200.0, 200.0], [None, None]) and len(held) == 1
                                    and held[0]["state"] == "held" and held[0]["excess_w"] == 0)


def cap_before_or_after(seen, held):
    """A change of a cap: the old split, the new one, or one between them under the old budget."""
    return len(held) == 1 and sum(seen[0]) <= 400 and all(150 <= w <= 200 for w in seen[0]) \
        and [k["wanted"] for k in held[0]["knobs"]] == seen[0]


def main():
    run("sim", "start", "--gpu", "v100,a100", "-q")
    try:
        run("import", "-q", os.environ["WATTLE_SOURCE"] + "/data/frequency/runs_v100_a100.csv", "-o", "s.wattle")
        run("optimize", "s.wattle", "--gpu", "V100", "--workload", "stablediffusion", "-q", "-o", "plan.json")
        assert state() == PRIOR, state()
        cap = ["cap", "400W", "-i", "0", "-i", "1"]
        loan = ["apply", "plan.json", "--for", "1ms"]
        results = []
        for who in ["first", "all", "descendants"]:
            results.append(campaign(f"loan of a clock, {who} killed", who, nothing, loan, put_back))
            results.append(campaign(f"cap, {who} killed", who, nothing, cap, cap_kept_or_undone))
        results.append(campaign("change of a cap, all killed", "all", lambda: run(*cap),
                                ["cap", "300W", "-i", "0", "-i", "1"], cap_before_or_after))
        campaign_end = lambda seen, held: put_back(seen, held) or cap_before_or_after(seen, held) or (
            len(held) == 1 and all(150 <= w <= 250 for w in seen[0]))
        results.append(campaign("end of a cap, all killed", "all", lambda: run(*cap),
                                ["restore", "--all"], campaign_end))
        run("restore", "--all", "-q")
        results.append(put_back(state(), leases()))
        print(f"1..{len(results)}")
        for i, fine in enumerate(results):
            print("ok" if fine else "not ok", i + 1)
    finally:
        run("sim", "stop", check=False)


main()
