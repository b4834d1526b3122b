#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The plain way: read a tree of DCGMI traces with Python's standard library and choose clocks.

For every run: mean power, energy by counter difference, duration = rows x 50 ms; for every gpu and
workload: the mean of the repetitions at each clock, and the clock with the least energy x time.
Usage: stdlib_reader.py TREE
"""
import os
import re
import sys
from collections import defaultdict

DIRECTORY = re.compile(r"results_([^_]+)_([^_]+)_job_\d+$")
FILE = re.compile(r"run_(\d+)_(\d+)_freq_(\d+)_profile\.csv$")


def read_run(path):
    n, power, first, last = 0, 0.0, None, None
    with open(path, encoding="ascii") as f:
        columns = None
        for line in f:
            if line.startswith("#Entity"):
                names = line.split()[1:]
                columns = len(names) - names.index("POWER")
            elif line.startswith("GPU ") and columns:
                cells = line.split()
                power += float(cells[-columns])
                last = float(cells[-columns + 2])
                if first is None:
                    first = last
                n += 1
    return n, power / n, (last - first) / 1000


def main():
    cells = defaultdict(list)
    for directory, _, files in os.walk(sys.argv[1]):
        d = DIRECTORY.search(directory)
        if not d:
            continue
        for name in files:
            f = FILE.match(name)
            if f:
                n, _, energy = read_run(os.path.join(directory, name))
                cells[d.group(1), d.group(2), int(f.group(3))].append((n * 0.05, energy))
    best = {}
    for (gpu, app, clock), runs in cells.items():
        t = sum(r[0] for r in runs) / len(runs)
        e = sum(r[1] for r in runs) / len(runs)
        if (gpu, app) not in best or e * t < best[gpu, app][0]:
            best[gpu, app] = (e * t, clock)
    for (gpu, app), (_, clock) in sorted(best.items()):
        print(gpu, app, clock)


main()
