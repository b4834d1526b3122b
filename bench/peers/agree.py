#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether all contenders take the same figures from every run.

Usage: agree.py RUNS.csv PEER.txt ...   RUNS.csv of `wattle export --csv runs`, PEER.txt of PEER --runs
Prints how many figures of how many runs were compared; fails where two differ by more than 1e-6.
"""
import csv
import math
import sys

# Peers' name: wattle's column and what that is multiplied by.
WATTLE = {"rows": ("n_samples", 1), "power_mean": ("power_mean_w", 1), "power_sd": ("power_sd_w", 1),
          "power_min": ("power_min_w", 1), "power_max": ("power_max_w", 1),
          "energy": ("energy_nominal_j", 1), "gputl": ("gpu_util", 100), "mcutl": ("mem_util", 100),
          "gract": ("gr_active", 1), "smact": ("sm_active", 1), "drama": ("dram_active", 1),
          "tmptr": ("temp_mean_c", 1), "temp_max": ("temp_max_c", 1), "smclk": ("sm_clock_mean_mhz", 1)}


def wattle_runs(path):
    with open(path, encoding="utf-8") as f:
        for row in csv.DictReader(f):
            key = (row["gpu"].lower(), row["workload"], row["clock_mhz"], row["rep"])
            yield key, {name: float(row[column] or "nan") * factor
                        for name, (column, factor) in WATTLE.items()}


def peer_runs(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            gpu, app, clock, rep, *figures = line.split()
            yield (gpu, app, clock, rep), {name: float(value) for name, value in
                                           (figure.split("=") for figure in figures)}


def main():
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    ours = dict(wattle_runs(sys.argv[1]))
    compared = 0
    for path in sys.argv[2:]:
        theirs = dict(peer_runs(path))
        if set(theirs) != set(ours):
            sys.exit(f"{path}: {len(theirs)} runs, wattle has {len(ours)}; not the same ones")
        for key, figures in theirs.items():
            for name, value in figures.items():
                if not math.isclose(value, ours[key][name], rel_tol=1e-6, abs_tol=1e-9):
                    sys.exit(f"{path}: {name} of {' '.join(key)} is {value}, wattle's {ours[key][name]}")
                compared += 1
    print(f"{len(ours)} runs, {compared} figures of {len(sys.argv) - 2} peers agree")


main()
