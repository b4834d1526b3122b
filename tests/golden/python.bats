#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Python module (docs/python.md) with the system's Python, every warning an error.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$WATTLE_RUN_DIR"
    export PYTHONPATH=$WATTLE_SOURCE/bindings/python:$BATS_TEST_TMPDIR PYTHONDONTWRITEBYTECODE=1
    export WATTLE_LIBRARY=$WATTLE_BUILD/libwattle.so.0
    python=/usr/bin/python3
    [ -x $python ] || python=python3
    A100=virtual:a100,load=resnet50/64
}

teardown() { "$WATTLE" sim stop >/dev/null 2>&1 || true; }

py() { "$python" -W error "$@"; }

@test "a process that measures itself: Zeus' shape, and what it has not" {
    py - "$A100" <<'END'
import sys, time
from wattle import Measurement, Monitor, WattleError, version
assert version() == "0.1.0"
name = sys.argv[1]
m = Monitor(devices=[name])
m.begin_window("an epoch")
time.sleep(0.4)
r = m.end_window("an epoch", work=64, unit="images", settled=True)
assert isinstance(r, Measurement) and abs(r.time - 0.4) < 0.1, r
assert list(r.gpu_energy) == [0] and r.cpu_energy is None and r.dram_energy is None and r.soc_energy is None
assert r.total_energy == r.gpu_energy[0] == r.energy == r.device_energy[name]
low, high = r.interval[name]
assert low < r.energy < high and r.energy_interval == (low, high)
assert 90 < r.energy / r.time < 150, r  # its load draws 114 W or so
assert r.method == {name: "counter_edges"} and r.energy_class == {name: "A"}
assert r.settled and r.work == 64 and r.unit == "images" and r.document["name"] == "an_epoch"

m.begin_window("short")  # at once: no waiting, and a figure all the same
before = time.monotonic()
r = m.end_window("short")
assert time.monotonic() - before < 0.05 and r.gpu_energy[0] >= 0 and r.interval[name][1] > 0

for wrong in (lambda: m.end_window("never"), lambda: (m.begin_window("x"), m.begin_window("x"))):
    try:
        wrong()
    except ValueError as error:
        assert "Measurement window" in str(error), error
    else:
        raise AssertionError("no ValueError")
m.begin_window("x", restart=True)
time.sleep(0.02)
cancelled = m.end_window("x", cancel=True)
assert cancelled.gpu_energy == {} and cancelled.energy is None and cancelled.time > 0
try:
    m.begin_window("z"); m.end_window("z", work=-1)
except WattleError as error:
    assert error.code == 2 and "work is finite" in error.message, error
else:
    raise AssertionError("negative work")
m.close()
m.close()
try:
    m.begin_window("late")
except WattleError:
    pass
else:
    raise AssertionError("closed")
END
}

@test "with blocks, exceptions in them, decorators, threads" {
    py - "$A100" <<'END'
import sys, threading, time
from wattle import Monitor
with Monitor(devices=[sys.argv[1]]) as m:
    with m.window("outer") as outer:
        with m.window("inner", unit="tokens") as inner:
            time.sleep(0.05)
            inner.work = 7
    assert inner.measurement.work == 7 and inner.measurement.unit == "tokens"
    assert inner.measurement.time < outer.measurement.time
    try:
        with m.window("bad", work=3, unit="images") as bad:
            raise KeyError("mine")
    except KeyError as error:
        assert error.args == ("mine",)
    assert bad.measurement.energy is not None and bad.measurement.work is None

    @m.window("step", measure=False)
    def step(n):
        "Doc."
        return n if n == 0 else step(n - 1)  # nests in itself
    assert step(3) == 0 and step.__name__ == "step" and step.__doc__ == "Doc."

    marks = m.window("marks", measure=False)
    with marks:
        try:
            with marks:
                pass
        except RuntimeError as error:
            assert "is open" in str(error)
        else:
            raise AssertionError("the same window twice")
    assert marks.measurement.energy is None and marks.measurement.time >= 0

    results, failures = [], []
    def work(k):
        try:
            for i in range(20):
                with m.window("batch") as w:  # one name in all threads
                    time.sleep(0.001 * k)
                results.append((k, w.measurement.time))
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=work, args=(k,)) for k in (1, 5, 25)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures and len(results) == 60, failures
    for k in (1, 5, 25):  # each thread ended its own windows: none is shorter than its sleep
        assert min(t for j, t in results if j == k) >= 0.001 * k, (k, results)

    done = threading.Event()  # a call that waits lets other threads run
    def tick():
        global ticks
        ticks = 0
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)
    t = threading.Thread(target=tick)
    t.start()
    m.begin_window("waiting"); m.end_window("waiting", settled=True)
    done.set(); t.join()
    assert ticks >= 5, ticks
END
}

@test "under wattle stat: that command measures, and its windows are those that were returned" {
    cat >job.py <<'END'
import json, threading, time
from wattle import Monitor
m = Monitor(gpu_indices=None)
m.ready()
out = {"step": [], "all": [], "thread": []}
m.begin_window("all")
for i in range(5):
    with m.window("step", work=8, unit="images", requests={"a": 3, "b": 5}, settled=i % 2 == 0) as w:
        time.sleep(0.05)
    out["step"].append(w.measurement)
def other():
    with m.window("step") as w:
        time.sleep(0.05)
        with m.window("step", measure=False):
            pass
    out["thread"].append(w.measurement)
t = threading.Thread(target=other)
with m.window("step") as w:
    t.start(); time.sleep(0.02)
out["step"].append(w.measurement)
t.join()
m.begin_window("dropped"); m.end_window("dropped", cancel=True, work=1000)
out["all"].append(m.end_window("all", settled=True))
m.close()
json.dump({k: [(x.time, x.energy, x.energy_interval, x.settled, list(x.device_energy)) for x in v] for k, v in out.items()}, open("told.json", "w"))
END
    "$WATTLE" stat -i "$A100" --json -o stat.json -- "$python" -W error job.py
    py - <<'END'
import json
stat, told = json.load(open("stat.json")), json.load(open("told.json"))
w = {x["name"]: x for x in stat["windows"]}
m = stat["markers"]
assert m["bad_lines"] == m["unmatched"] == m["late"] == m["dropped"] == 0, m
assert w["all"]["count"] == 1 and w["step"]["count"] == 8 and w["dropped"]["count"] == 0, w
assert w["step"]["work"] == 40 and w["step"]["unit"] == "images" and w["dropped"]["work"] is None
(time_s, energy, interval, settled, devices), = told["all"]
e = w["all"]["energy"]
assert settled and abs(time_s - w["all"]["time_s"]) < 1e-6
assert abs(energy - e["energy_j"]) < 1e-6 * energy, (energy, e)  # the sum that stat prints is what was returned
assert devices == ["virtual:a100,load=resnet50/64"]
times = sum(x[0] for x in told["step"] + told["thread"])
assert 0 <= w["step"]["time_s"] - times < 0.02, (times, w["step"])  # and the one that only marked
for t, joules, (low, high), _, _ in told["step"] + told["thread"]:
    assert low <= joules <= high
total = sum(x[1] for x in told["step"] + told["thread"])
spread = sum(x[2][1] - x[2][0] for x in told["step"] + told["thread"])
assert abs(total - w["step"]["energy"]["energy_j"]) < spread, (total, spread, w["step"])
END
}

@test "without a listener or devices to measure: marks that cost nothing, and a clear error" {
    py - <<'END'
from wattle import Monitor, WattleError
with Monitor(mark_only=True) as m:
    m.ready()
    m.begin_window("a")
    r = m.end_window("a")
    assert r.time > 0 and r.gpu_energy == {} and r.energy is None and r.total_energy == 0
try:
    Monitor(devices=["virtual:no-such-board"])
except WattleError as error:
    assert "no-such-board" in str(error), error
else:
    raise AssertionError("opened")
for wrong in ({"devices": ["x"], "gpu_indices": [0]}, {"gpu_indices": [77]}, {"sync_execution_with": "tensorflow"}):
    try:
        Monitor(**wrong)
    except ValueError:
        pass
    else:
        raise AssertionError(wrong)
try:
    Monitor(sync_execution_with="cupy", mark_only=True)
except ImportError as error:
    assert "cupy cannot be imported" in str(error), error
END
    WATTLE_MARKERS=$PWD/gone run --separate-stderr py -c '
from wattle import Monitor
with Monitor() as m, m.window("a") as w: pass
print(w.measurement.energy)'
    [ "$status" -eq 0 ] && [ "$output" = None ]
    WATTLE_LIBRARY=$PWD/nowhere.so run ! py -c 'import wattle'
    [[ "$output" == *"LibraryNotFound"*"nowhere.so"*"set WATTLE_LIBRARY"* ]]
    unset WATTLE_LIBRARY
    LD_LIBRARY_PATH=$WATTLE_BUILD py -c 'import wattle' # the build tree, or the linker's path
}

@test "frameworks are waited for before a window begins and ends" {
    cat >torch.py <<'END'
class cuda:
    log = []
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    synchronize = staticmethod(log.append)
END
    cat >jax.py <<'END'
log = []
class _Array:
    def block_until_ready(self): log.append("waited")
def devices(): return ["gpu0"]
def device_put(x, device): return _Array()
END
    py - <<'END'
import jax, torch
from wattle import Monitor
m = Monitor(sync_execution_with="torch", mark_only=True)
m.begin_window("a")
assert torch.cuda.log == [0, 1]
m.end_window("a")
assert torch.cuda.log == [0, 1] * 2
m.begin_window("a", sync_execution=False)
m.end_window("a", sync_execution=False)
assert torch.cuda.log == [0, 1] * 2
with Monitor(sync_execution_with="jax", mark_only=True).window("b"):
    assert jax.log == ["waited"]
assert jax.log == ["waited"] * 2
calls = []
with Monitor(sync_execution_with=lambda: calls.append(1), mark_only=True).window("c"):
    pass
assert calls == [1, 1]
END
}

@test "children: each has its own, alone and under wattle stat" {
    cat >fork.py <<'END'
import multiprocessing, os, sys, time
from wattle import Monitor
def child(m, queue):
    try:
        m.end_window("parent")
    except ValueError:
        pass
    else:
        raise AssertionError("a child has its parent's window")
    with m.window("child", work=1) as w:
        time.sleep(0.2)
    m.close()
    queue.put((os.getpid(), w.measurement.energy))
if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    m = Monitor(devices=sys.argv[1:] or None, log_file=None if not sys.argv[1:] else "windows.csv")
    queue = fork.SimpleQueue()
    m.begin_window("parent")
    children = [fork.Process(target=child, args=(m, queue)) for _ in range(2)]
    [c.start() for c in children]
    [c.join() for c in children]
    assert [c.exitcode for c in children] == [0, 0], children
    got = dict(queue.get() for _ in children)
    assert len(got) == 2 and os.getpid() not in got and all(e > 5 for e in got.values()), got
    assert m.end_window("parent").energy > 10
    m.close()
END
    timeout 60 "$python" -W error fork.py "$A100"
    [ "$(wc -l <windows.csv)" -eq 2 ] # the children write no log
    timeout 60 "$WATTLE" stat -i "$A100" --json -o stat.json -- "$python" -W error fork.py
    py - <<'END'
import json
d = json.load(open("stat.json"))
w = {x["name"]: x for x in d["windows"]}
assert w["child"]["count"] == 2 and w["child"]["work"] == 2 and w["child"]["cut"] == 0, w
assert w["parent"]["count"] == 1 and w["parent"]["cut"] == 0, w
assert d["markers"]["programs"] == 3, d["markers"]
END
}

@test "the log is Zeus' table, and wattle import reads it back" {
    "$WATTLE" sim start --gpu a100,v100 >/dev/null 3>&-
    py - <<'END'
import csv, json, time
from wattle import Monitor
m = Monitor(gpu_indices=[1, 0], cpu_indices=[], log_file="logs/windows.csv")
windows = []
for key in ("warm, up", "step", "step"):
    m.begin_window(key)
    time.sleep(0.15)
    windows.append(m.end_window(key, settled=True))
m.begin_window("dropped"); m.end_window("dropped", cancel=True)
m.close()
rows = list(csv.DictReader(open("logs/windows.csv")))
assert list(rows[0]) == ["start_time", "window_name", "elapsed_time", "gpu0_energy", "gpu1_energy"], rows[0]
assert [r["window_name"] for r in rows] == ["warm, up", "step", "step"]
for row, w in zip(rows, windows):
    assert sorted(w.gpu_energy) == [0, 1] and w.cpu_energy is None
    assert abs(float(row["gpu1_energy"]) - w.gpu_energy[1]) < 1e-9 and float(row["elapsed_time"]) == w.time
    assert abs(float(row["start_time"]) - time.time()) < 60
json.dump([w.gpu_energy[1] for w in windows], open("energies.json", "w"))
END
    "$WATTLE" import -q logs/windows.csv -o zeus.wattle >/dev/null
    "$WATTLE" export -q zeus.wattle --csv runs -o runs.csv >/dev/null
    py - <<'END'
import csv, json
rows = [r for r in csv.DictReader(open("runs.csv"))]
energies = sorted(json.load(open("energies.json")))
assert len(rows) == 6 and {r["workload"] for r in rows} == {"warm, up", "step"}, rows
read = sorted(float(r["energy_j"]) for r in rows)
for e in energies:
    assert min(abs(e - x) for x in read) < 1e-6, (e, read)
END
}

@test "the machine room: indices, CUDA_VISIBLE_DEVICES" {
    "$WATTLE" sim start --gpu a100,v100 >/dev/null 3>&-
    "$WATTLE" sim load resnet50 -i 1 >/dev/null
    py - <<'END'
import os, time
from wattle import Monitor
def energies(**options):
    with Monitor(cpu_indices=[], **options) as m:
        with m.window("a", settled=True) as w:
            time.sleep(0.2)
    return w.measurement.gpu_energy
both = energies()
assert sorted(both) == [0, 1] and both[1] > both[0], both
assert list(energies(gpu_indices=[1])) == [1]
os.environ["CUDA_VISIBLE_DEVICES"] = "1"
only = energies(gpu_indices=[0])  # as a framework sees it: the V100
assert list(only) == [0] and abs(only[0] / both[1] - 1) < 0.3, (only, both)
os.environ["CUDA_VISIBLE_DEVICES"] = "1,7,0"
assert list(energies()) == [0]
for visible in ("0,1", "1,0"):  # the others are not opened, and number it all the same
    os.environ["CUDA_VISIBLE_DEVICES"] = visible
    assert list(energies(gpu_indices=[1])) == [1], visible
END
    cat >job.py <<'END'
import os, sys, time
from wattle import Monitor
os.environ["CUDA_VISIBLE_DEVICES"] = "0,1"
with Monitor(gpu_indices=[1]) as m, m.window("a", settled=True) as w:
    time.sleep(0.2)
assert list(w.measurement.gpu_energy) == [1], w.measurement
END
    "$WATTLE" stat -i 0 -i 1 -o text -- "$python" -W error job.py
    "$WATTLE" stat -i 1 -o text -- "$python" -W error job.py # the listener measures that one alone
}

@test "what has one number is added up; what has no energy keeps its number" {
    py - <<'END'
from wattle import Monitor
def device(kind, id, joules, index=None):
    e = joules and {"energy_j": joules, "interval_j": [joules, joules], "method": "counter_edges", "class": "A"}
    return {"kind": kind, "id": id, "index": index, "energy": e}
def measured(*devices, **options):
    m = Monitor(mark_only=True, **options)
    return m._measurement(dict(time_s=1, devices=devices, energy=None, settled=True, work=None, unit=None))
dies = [device("cpu", "rapl:0.0", 3.0), device("cpu", "rapl:0.1", 4.0), device("cpu", "rapl:1.0", 5.0),
        device("dram", "rapl:0.0/dram", 1.0), device("dram", "rapl:0.1/dram", 2.0)]
r = measured(*dies)
assert r.cpu_energy == {0: 7, 1: 5} and r.dram_energy == {0: 3}, r
assert measured(*dies, cpu_indices=[1]).cpu_energy == {1: 5}
dies[1]["energy"] = None  # half a package is no package
assert measured(*dies).cpu_energy == {1: 5}
gpus = [device("gpu", "nvml:GPU-a", None, 0), device("gpu", "nvml:GPU-b", 9.0, 1)]
assert measured(*gpus).gpu_energy == {1: 9}
import os
os.environ["CUDA_VISIBLE_DEVICES"] = "0,1"
assert measured(*gpus).gpu_energy == {1: 9}
os.environ["CUDA_VISIBLE_DEVICES"] = "1,0"
assert measured(*gpus).gpu_energy == {0: 9}
END
}

@test "every key has its own window; one whose waiting fails is dropped" {
    cat >keys.py <<'END'
import sys, time
from wattle import Monitor
long = "x" * 63
keys = ["step 1", "step_1", long + "a", long + "b", "step\t1"]
def fail():
    if failing:
        raise ArithmeticError
failing = False
m = Monitor(sync_execution_with=fail, devices=sys.argv[1:] or None)
def stamped(call, key):
    before = time.monotonic()
    result = call(key)
    return before, time.monotonic(), result
begun = {}
for key in keys:
    begun[key] = stamped(m.begin_window, key)
    time.sleep(0.05)
for key in keys:  # each lasts from its own begin to its own end
    before, after, result = stamped(m.end_window, key)
    assert before - begun[key][1] <= result.document["time_s"] <= after - begun[key][0], (key, result)
m.begin_window("broken")
time.sleep(0.05)
failing = True
try:
    m.end_window("broken", work=7, unit="images")
except ArithmeticError:
    failing = False
else:
    raise AssertionError
for _ in range(2):  # the first's window is not in the way of the next
    before = time.monotonic()
    m.begin_window("broken")
    r = m.end_window("broken")
    assert r.document["time_s"] <= time.monotonic() - before, r
m.close()
END
    py keys.py "$A100"
    "$WATTLE" stat -i "$A100" --json -o stat.json -- "$python" -W error keys.py
    py - <<'END'
import json
d = json.load(open("stat.json"))
w = {x["name"]: x["count"] for x in d["windows"]}
x = "x" * 63
assert w == {"step_1": 1, "step_1~2": 1, "step_1~3": 1, x: 1, x[:61] + "~2": 1, "broken": 2}, w
assert d["markers"]["unmatched"] == 0 and all(x["cut"] == 0 for x in d["windows"]), d
END
}

@test "pip installs it without an index, and it is found beside the prefix" {
    "$python" -m pip --version >/dev/null 2>&1 || skip "no pip here"
    cp -r "$WATTLE_SOURCE/bindings/python" source
    "$python" -m pip install -q --no-index --no-deps --target site ./source 2>log || { cat log >&2; return 1; }
    [ -f site/wattle/py.typed ] && [ -f site/wattle-0.1.0.dist-info/RECORD ]
    PYTHONPATH=site py -c 'import wattle; assert wattle.__file__.endswith("site/wattle/__init__.py"); print(wattle.version())'
    mkdir -p prefix/lib/python3/dist-packages prefix/lib/x86_64-linux-gnu
    cp -r site/wattle prefix/lib/python3/dist-packages
    cp "$WATTLE_BUILD/libwattle.so.0" prefix/lib/x86_64-linux-gnu/
    WATTLE_LIBRARY='' PYTHONPATH=prefix/lib/python3/dist-packages py -c 'import wattle; print(wattle.version())'
}
