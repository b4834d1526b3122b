# SPDX-License-Identifier: Apache-2.0
"""What the Python peers share: which files of a tree are runs, and which clock is chosen from them.

A run is a file DIR/results_<gpu>_<app>_job_<id>/run_<seq>_<rep>_freq_<MHz>_profile.csv. Its time is
its number of rows x 50 ms, its energy mean power x time; a clock has the mean time and the mean
energy of its repetitions; the clock with the least product of both is chosen.
"""
import argparse
import os
import re
import sys
from collections import defaultdict

DIRECTORY = re.compile(r"results_([^_]+)_([^_]+)_job_\d+$")
FILE = re.compile(r"run_\d+_(\d+)_freq_(\d+)_profile\.csv$")
PERIOD_S = 0.05

# What every run is reduced to. `lean` peers stop after the energy.
LEAN = ["rows", "power_mean", "energy"]
MEANS = ["GPUTL", "MCUTL", "GRACT", "SMACT", "DRAMA", "TMPTR", "SMCLK"]


def runs(tree):
    """(gpu, app, clock, rep, path) of every run."""
    for directory, _, files in os.walk(tree):
        d = DIRECTORY.search(directory)
        for name in files if d else []:
            f = FILE.match(name)
            if f:
                yield d.group(1), d.group(2), int(f.group(2)), int(f.group(1)), os.path.join(directory, name)


def choose(measured):
    """measured: ((gpu, app, clock, rep), values) -> the lines to print."""
    cells = defaultdict(list)
    for (gpu, app, clock, _), v in measured:
        cells[gpu, app, clock].append((v["rows"] * PERIOD_S, v["energy"]))
    best = {}
    for (gpu, app, clock), reps in sorted(cells.items()):
        product = sum(t for t, _ in reps) / len(reps) * sum(e for _, e in reps) / len(reps)
        if (gpu, app) not in best or product < best[gpu, app][0]:
            best[gpu, app] = (product, clock)
    return [f"{gpu} {app} {clock}" for (gpu, app), (_, clock) in sorted(best.items())]


def main(read_run):
    """read_run(path) -> dict. With --runs every run is printed instead of the choice."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tree")
    parser.add_argument("--runs", action="store_true", help="print every run instead of the choice")
    options = parser.parse_args()
    measured = [(key, read_run(path)) for *key, path in runs(options.tree)]
    if not options.runs:
        print("\n".join(choose(measured)))
        return
    for key, values in sorted(measured):
        print(*key, *(f"{name}={values[name]:.9g}" for name in values))
