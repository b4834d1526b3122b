# SPDX-License-Identifier: Apache-2.0
"""Tables of bench/run about measuring itself: what sampling costs, what it does to a program that
computes, and what a marker costs. Eight virtual A100 of a machine room are read through the drop-in
libnvidia-ml.so.1, as any NVML client reads them."""
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys

DEVICES = 8
GOAL_SHARE = 1.0  # percent of one core, DEVICES at 100 Hz
GOAL_MARKER = "microseconds"
BEGINS = "## Sampling"


def quiet(*command, env=None):
    """Output of a command that must work."""
    done = subprocess.run([str(c) for c in command], env=env, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def room(program, work):
    """A machine room of its own; gives the environment of its clients."""
    env = dict(os.environ, WATTLE_RUN_DIR=str(work / "run"), WATTLE_STATE_DIR=str(work / "state"))
    env.pop("WATTLE_MARKERS", None)
    quiet(program, "sim", "start", "--gpu", ",".join(["a100"] * DEVICES), "-q", env=env)
    try:
        library = re.search(r"LD_LIBRARY_PATH='?([^':\n]+)", quiet(program, "sim", "env", env=env))
        yield dict(env, LD_LIBRARY_PATH=library.group(1)) if library else env
    finally:
        quiet(program, "sim", "stop", "-q", env=env)


# ---- measuring ----

def costs(build, work, python, loop, rounds, seconds):
    """[(name, what it reads, [result of each round])], in turns."""
    program = build / "bench" / "bench-telemetry"
    if rounds < 1 or not program.exists():
        return []
    file = work / "samples.csv"
    contenders = [
        ("`wattle stat`", "every 10 ms", [program, 10, seconds]),
        ("`wattle record` as CSV", "every 10 ms", [program, 10, seconds, file]),
        ("`wattle stat`", "at the sensors' own rate", [program, 0, seconds]),
        ("Python, ctypes (as pynvml)", "every 10 ms", [python, loop, 10, seconds])]
    found = [(name, what, []) for name, what, _ in contenders]
    with room(build / "wattle", work) as env:
        for _ in range(rounds):
            for (_, _, command), (name, what, results) in zip(contenders, found):
                file.unlink(missing_ok=True)
                results.append(json.loads(quiet(*command, env=env)))
                print(f"sampling: {name} {what}: {100 * results[-1]['cpu_share']:.2f} %", file=sys.stderr)
    return found


SLOW = "nvmlDeviceGetFieldValues"


def effects(build, work, pairs, block_ms):
    """[(what is read, where, result)]"""
    program = build / "bench" / "bench-effect"
    if pairs < 1 or not program.exists() or (os.cpu_count() or 1) < 2:
        return []
    found = []
    with room(build / "wattle", work) as env:
        for slow in (False, True):
            if slow:
                quiet(build / "wattle", "sim", "fault", "--call", SLOW, "--delay", "1ms", "-q", env=env)
            for interval, what in ((10, "every 10 ms"), (0, "at the sensors' own rate")):
                if slow:
                    what += ", each reading takes 1 ms"
                for line in quiet(program, interval, pairs, block_ms, env=env).splitlines():
                    found.append((what, json.loads(line)))
                    print(f"effect: {what}: {100 * found[-1][1]['slowdown']:.2f} %", file=sys.stderr)
    return found


def markers(build, rounds, windows=10000):
    """[(way, median, 5 %, 95 %)] in ns of a window, and n."""
    found = []
    for name, what in (("bench-markers", "lines of the protocol, C"), ("bench-windows", "C API")):
        program = build / "bench" / name
        if rounds < 1 or not program.exists():
            continue
        text = quiet(program, rounds, windows)
        found += [(what, *row) for row in re.findall(r"^(\S.*?)  +(-?\d+)  +(-?\d+)  +(-?\d+)$", text, re.MULTILINE)]
    return found


# ---- writing ----

def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def middle(results, key, digits=0):
    values = [r[key] for r in results if key in r]
    return f"{statistics.median(values):.{digits}f}" if values else "–"


def costs_table(found, seconds):
    if not found:
        return []
    lines = ["", BEGINS, "",
             f"{DEVICES} virtual A100 of a machine room, read through the drop-in `libnvidia-ml.so.1`: CPU time, "
             f"user and system, of all threads of the process over {seconds} s, after 2 s to find the "
             "sensors' periods. `wattle` adds up energy with intervals, reads temperatures, clocks, "
             "utilisation and processes twice a second, and listens to markers; the Python loop reads "
             "energy and power and keeps them in a list. All took turns.", "",
             "| | | % of one core | n | readings/s, each GPU | wake-ups/s | us a reading | allocations | goal, % |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for i, (name, what, results) in enumerate(found):
        lines.append(
            f"| {name} | {what} | {spread([100 * r['cpu_share'] for r in results])} | {len(results)} | "
            f"{middle(results, 'readings_per_s')} | {middle(results, 'wakeups_per_s')} | "
            f"{middle(results, 'us_per_reading', 1)} | {middle(results, 'allocations')} | "
            f"{f'{GOAL_SHARE:g}, no allocation' if i == 0 else f'{GOAL_SHARE:g}' if i == 1 else ''} |")
    return lines


def effects_table(found, pairs, block_ms):
    if not found:
        return []
    lines = ["", "## What sampling does to a program beside it", "",
             "A loop over a matrix of 1 MiB on one CPU, while another process samples as `wattle stat` does, "
             "and while that is stopped: how much more of its own CPU time the loop takes (shared caches), medians "
             f"of pairs of blocks of {block_ms} ms in random order, with 95 % intervals by order statistics. "
             "On the same CPU it also waits for the CPU time that sampling takes, the next column. Other "
             "programs on the machine count in neither, but theirs are the caches, too: where the load is high, a "
             "percent either way says little. On a real GPU a reading also holds a lock of "
             "the driver, which a program that starts work on the GPU may want: the last column is the "
             "share of time in which a reading is under way, and bounds how often it waits. Untested on "
             "hardware.", "",
             "| read | sampling runs on | more CPU time, % (95 %) | n | CPU time of sampling, % | readings/s, each GPU | "
             "reading, % of time |",
             "|---|---|---:|---:|---:|---:|---:|"]
    for what, r in found:
        lines.append(
            f"| {what} | {'the same CPU' if r['where'] == 'same CPU' else 'another CPU'} | "
            f"{100 * r['slowdown']:.2f} ({100 * r['lo']:.2f} to {100 * r['hi']:.2f}) | {r['n']} | "
            f"{100 * r['cpu_share']:.2f} | "
            f"{r['readings_per_s']:.0f} | {100 * r['reading_share']:.2f} |")
    return lines


def markers_table(found, rounds):
    if not found:
        return []
    lines = ["", "## Markers", "",
             "What a window (begin and end) costs the program that marks it, ns; of the C API with readings of "
             f"the clock. {rounds} rounds of 10000 windows, all ways in turns.", "",
             "| | | median | 5 % | 95 % | n | goal |", "|---|---|---:|---:|---:|---:|---|"]
    return lines + [f"| {what} | {way} | {median} | {low} | {high} | {rounds} | {GOAL_MARKER} |"
                    for what, way, median, low, high in found]


class Tables:
    """All three, measured when made."""

    def __init__(self, build, work, python, peers, options):
        self.options = options
        self.costs = costs(build, work, python, peers / "nvml_loop.py", options.sampling, options.sampling_seconds)
        self.effects = effects(build, work, options.pairs, options.block_ms)
        self.markers = markers(build, options.sampling and 30)

    def lines(self):
        o = self.options
        return (costs_table(self.costs, o.sampling_seconds) + effects_table(self.effects, o.pairs, o.block_ms) +
                markers_table(self.markers, 30))

    @staticmethod
    def add_arguments(parser):
        parser.add_argument("--sampling", type=int, default=5, help="rounds of sampling; 0: not measured")
        parser.add_argument("--sampling-seconds", type=int, default=5, help="of each")
        parser.add_argument("--pairs", type=int, default=20,
                            help="blocks with and without sampling, 6 at least; 0: not measured")
        parser.add_argument("--block-ms", type=int, default=300, help="of such a block")
