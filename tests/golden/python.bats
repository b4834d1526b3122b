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
m.close()
m.close()
try:
    m.begin_window("late")
except WattleError as error:
    assert "closed" in error.message, error
else:
    raise AssertionError("closed")
END
}

@test "an end that cannot be leaves the window open; the end of a with block is its end" {
    cat >ends.py <<'END'
import sys, time
from wattle import Monitor, WattleError
with Monitor(devices=sys.argv[1:] or None) as m:
    m.begin_window("z")
    for wrong in (dict(work=-1), dict(work="two"), dict(unit="two words"), dict(unit="sixteen-bytes-xx"),
                  dict(unit="\udc80"), dict(requests={"a b": 1}), dict(requests={"a": None}), dict(latency_s=-1),
                  dict(latency_s=float("nan"))):
        for measure in (True, False):
            try:
                m.end_window("z", measure=measure, **wrong)
            except (WattleError, ValueError, TypeError) as error:
                assert not isinstance(error, WattleError) or error.code == 2, error
            else:
                raise AssertionError(wrong)
    time.sleep(0.3)
    r = m.end_window("z", work=2, unit="images", latency_s=0.5, settled=True)
    assert r.time >= 0.3 and r.energy > 15 and (r.work, r.unit, r.latency_s) == (2, "images", 0.5), r
    try:
        m.end_window("z")
    except ValueError:
        pass
    else:
        raise AssertionError("ended twice")
    m.begin_window("x y")
    for wrong, why in ((dict(unit="two words"), "a unit is one word"), (dict(work=-1), "work is finite"),
                       (dict(latency_s=-1), "a latency is"), (dict(requests={"a:b": 1}), "a request is one word")):
        try:
            m.end_window("x y", **wrong)
        except WattleError as error:
            assert f'window "x_y" cannot end so: {why}' in error.message, error
    m.end_window("x y", cancel=True)
    for call in lambda: m.begin_window(5), lambda: m.end_window(5), lambda: m.window(5).__enter__():
        try:
            call()
        except (TypeError, ValueError) as error:
            assert "5" in str(error), error
        else:
            raise AssertionError("a key that is no text")
    try:
        with m.window("y", unit="images") as w:
            w.work = -3
    except WattleError as error:
        assert "work" in error.message, error
    else:
        raise AssertionError("negative work of a block")
    assert w.measurement.energy is not None and w.measurement.work is None
END
    py ends.py "$A100"
    "$WATTLE" stat -i "$A100" --json -o stat.json -- "$python" -W error ends.py
    py - <<'END'
import json
from pathlib import Path
d = json.loads(Path("stat.json").read_text())
w = {x["name"]: x for x in d["windows"]}
assert (w["z"]["count"], w["z"]["work"], w["z"]["unit"]) == (1, 2, "images") and w["z"]["time_s"] >= 0.3, w
assert (w["y"]["count"], w["y"]["work"]) == (1, None), w
assert d["markers"]["bad_lines"] == d["markers"]["unmatched"] == 0 and d["latency"]["n"] == 1, d
assert d["latency"]["p50_s"] == 0.5, d["latency"]
END
}

@test "functions that run after they have returned; a child that leaves its parent's block" {
    py - "$A100" <<'END'
import asyncio, os, sys, time
from wattle import Monitor
m = Monitor(devices=sys.argv[1:], log_file="log.csv")
@m.window("step", settled=True)
async def step(n):
    await asyncio.sleep(0.2)
    return n + 1
assert asyncio.iscoroutinefunction(step) and asyncio.run(step(1)) == 2
def stream():
    yield 1
async def astream():
    yield 1
for function in (stream, astream):
    try:
        m.window("stream")(function)
    except TypeError as error:
        assert "generator" in str(error), error
    else:
        raise AssertionError(function)
def fail():
    if failing:
        raise ArithmeticError("the GPU is lost")
failing, m._wait = False, fail
try:  # what the block raised is told, not what its end did
    with m.window("both"):
        failing = True
        raise KeyError("mine")
except KeyError:
    failing = False
with m.window("parent"):
    pid = os.fork()
    status = os.waitpid(pid, 0)[1] if pid else 0
if not pid:
    os._exit(7)
assert os.waitstatus_to_exitcode(status) == 7, status
m.close()
with open("log.csv") as log:
    rows = [line.split(",") for line in log]
assert [r[1] for r in rows] == ["window_name", "step", "parent"], rows
assert float(rows[1][2]) >= 0.2 and float(rows[1][3]) > 10, rows  # not the moment in which it was called
END
}

@test "more names than the summary has rows: each window is told, the others are summed up" {
    cat >names.py <<'END'
import json, sys, time
from wattle import Monitor
told = []
with Monitor(gpu_indices=[0], cpu_indices=[]) as m:
    for i in range(262):
        with m.window(f"step {i}", measure=i >= 254, settled=i == 260, work=1, unit="images") as w:
            time.sleep(0.1 if i >= 254 else 0)
        told.append((w.measurement.time, w.measurement.energy))
with open("told.json", "w") as file:
    json.dump(told[254:], file)
END
    "$WATTLE" stat -i "$A100" --json -o stat.json -- "$python" -W error names.py
    py - <<'END'
import json
from pathlib import Path
d, told = json.loads(Path("stat.json").read_text()), json.loads(Path("told.json").read_text())
for time_s, energy in told:  # its load draws 114 W or so
    assert time_s >= 0.1 and 60 < energy / time_s < 170, told
assert len(d["windows"]) == 257 and d["windows"][255]["name"] == "step_255", len(d["windows"])
others = d["windows"][256]
assert others["name"] == "(other names)" and others["count"] == others["work"] == 6, others
assert 90 < others["energy"]["energy_j"] / others["time_s"] < 150 and others["unit"] == "images", others
m = d["markers"]
assert m["other_names"] == 6 and m["dropped"] == m["unmatched"] == 0, m
END
    "$WATTLE" stat -i "$A100" -o text -- "$python" -c '
from wattle import Monitor
with Monitor() as m:
    for i in range(257):
        with m.window(f"s{i}", measure=False): pass'
    grep -q 'note: windows of 1 name after the first 256 are together in "(other names)"' text
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
    for _ in 1 2 3 4 5; do # where others take the CPUs, a quarter of a second may not settle it
        "$WATTLE" stat -i "$A100" --json -o stat.json -- "$python" -W error job.py
        ! py -c 'import json, sys; sys.exit(not json.load(open("told.json"))["all"][0][3])' || break
    done
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
for right, meant in (range(1), [0]), ((), []), (iter([0]), [0]):
    assert Monitor(gpu_indices=right, mark_only=True).gpu_indices == meant, right
for wrong in ({"gpu_indices": 0}, {"gpu_indices": ["0"]}, {"cpu_indices": "0"}, {"devices": "virtual:a100"}, {"devices": [0]}):
    try:
        Monitor(**wrong)
    except TypeError as error:
        assert next(iter(wrong)) in str(error), error
    else:
        raise AssertionError(wrong)
try:
    Monitor(devices=[])
except ValueError as error:
    assert "no device is left" in str(error), error
try:
    Monitor(sync_execution_with="cupy", mark_only=True)
except ImportError as error:
    assert "cupy cannot be imported" in str(error), error
END
    cat >gone.py <<'END'
from wattle import Monitor
with Monitor() as m, m.window("a") as w: pass
print(w.measurement.energy)
with Monitor(settled=True) as m:  # nobody is waited for, as in a sweep
    end, flags = m._handle.end, []
    m._handle.end = lambda *args, **options: flags.append(options["flags"]) or end(*args, **options)
    m.begin_window("b")
    m.end_window("b")
    assert flags == [0], flags
END
    WATTLE_MARKERS=$PWD/gone run --separate-stderr "$python" gone.py
    [ "$status" -eq 0 ]
    [ "$output" = None ]
    [[ "$stderr" == *"gone.py:2: RuntimeWarning: nobody measures here"*"unset it"* ]]
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

@test "what was chosen is told under a listener as elsewhere, and nothing else" {
    cat >job.py <<'END'
import os, sys, time
from wattle import Monitor
def window(**options):
    with Monitor(**options) as m:
        with m.window("a", settled=True) as w:
            time.sleep(0.1)
    return w.measurement
def refused(**options):
    try:
        Monitor(log_file="never.csv", **options)
    except ValueError as error:
        assert not os.path.exists("never.csv")
        return str(error)
    raise AssertionError(options)
both, first = sys.argv[1:3]
for options in dict(gpu_indices=[0]), dict(gpu_indices=[0], cpu_indices=[]), dict(devices=[first]):
    r = window(**options)
    assert list(r.gpu_energy) == [0] and list(r.device_energy) == list(r.interval) == list(r.method) == [first], r
    assert list(r.energy_class) == [first] and r.energy == r.total_energy == r.device_energy[first], r
    assert r.energy_interval == r.interval[first] and len(r.document["devices"]) == 2, r
r = window(gpu_indices=[1, 0])
low, high = zip(*r.interval.values())
assert list(r.gpu_energy) == [0, 1] and r.energy == r.total_energy == sum(r.device_energy.values()), r
assert sum(low) < r.energy_interval[0] < r.energy < r.energy_interval[1] < sum(high), r  # errors are independent
assert abs(r.energy_interval[1] - r.document["energy"]["interval_j"][1]) < 1e-9, r
assert "GPU 7 is not measured by who listens: 0, 1 can be chosen" in refused(gpu_indices=[0, 7])
assert "CPU package 0 is not measured" in refused(cpu_indices=[0])
assert "no device is left" in refused(gpu_indices=[])
assert f'"virtual:v100" is not measured by who listens (wattle stat -i): {both}' in refused(devices=["virtual:v100"])
os.environ["CUDA_VISIBLE_DEVICES"] = "1"
r = window()  # what the program cannot see is not in its sums
assert list(r.gpu_energy) == [0] and list(r.device_energy) == [both.split(", ")[1]], r
assert r.energy == r.gpu_energy[0] and "GPU 1 is not measured by who listens: 0 can" in refused(gpu_indices=[1])
END
    "$WATTLE" stat -i "$A100" -i "virtual:a100#1" -o text -- "$python" -W error job.py "$A100, virtual:a100#1" "$A100"
    "$WATTLE" record -i "$A100" -i "virtual:a100#1" -q -o record.csv -- "$python" -W error job.py "$A100, virtual:a100#1" "$A100"
    "$WATTLE" sim start --gpu a100,v100 >/dev/null 3>&-
    CUDA_VISIBLE_DEVICES=1 py - <<'END'
import time
from wattle import Monitor
with Monitor(cpu_indices=None) as m:  # and so it is without a listener
    with m.window("a", settled=True) as w:
        time.sleep(0.1)
    r = w.measurement
assert list(r.gpu_energy) == [0] and sum(i.startswith("nvml:") for i in r.device_energy) == 1, r
END
}

@test "a log that cannot be written: at once, or a warning and no more of it" {
    py - "$A100" <<'END'
import os, resource, signal, sys, warnings
from wattle import Monitor
for path in "/proc/none/x.csv", "/dev/full", ".", "/dev/null/x.csv":
    try:
        Monitor(devices=sys.argv[1:], log_file=path)
    except OSError as error:
        assert path in str(error) or os.path.dirname(path) in str(error), error
    else:
        raise AssertionError(path)
with open("old.csv", "w") as old:
    old.write("kept")
try:
    Monitor(gpu_indices=[77], log_file="old.csv")
except ValueError:
    assert os.path.getsize("old.csv") == 4
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Monitor(devices=sys.argv[1:], log_file="cut.csv") as m:
    assert os.path.getsize("cut.csv") > 0  # the head is there from the begin
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize("cut.csv"), -1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            m.begin_window("a")
            r = m.end_window("a")
            assert r.energy is not None, r  # the measurement is not lost with its line
    assert len(caught) == 1 and 'log "cut.csv" ends here, without window "a"' in str(caught[0].message), caught
    assert caught[0].filename == "<stdin>", caught[0]
END
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
