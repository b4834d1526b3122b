#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same aggregation as stdlib_reader.py, with pandas reading each trace.

Usage: pandas_reader.py TREE
"""
import os
import re
import sys

import pandas as pd

DIRECTORY = re.compile(r"results_([^_]+)_([^_]+)_job_\d+$")
FILE = re.compile(r"run_(\d+)_(\d+)_freq_(\d+)_profile\.csv$")


def read_run(path):
    with open(path, encoding="ascii") as f:
        names = f.readline().split()[1:]
        f.readline()
        width = len(f.readline().split()) - (len(names) - names.index("POWER"))
    columns = [f"c{i}" for i in range(width)] + names[names.index("POWER"):]
    table = pd.read_csv(path, sep=r"\s+", names=columns, header=None, comment="#", na_values=["N/A"],
                        usecols=["c0", "POWER", "TOTEC"], engine="c")
    table = table[table["c0"] == "GPU"].astype({"POWER": float, "TOTEC": float})
    return len(table), table["POWER"].mean(), (table["TOTEC"].iloc[-1] - table["TOTEC"].iloc[0]) / 1000


def main():
    rows = []
    for directory, _, files in os.walk(sys.argv[1]):
        d = DIRECTORY.search(directory)
        if not d:
            continue
        for name in files:
            f = FILE.match(name)
            if f:
                n, _, energy = read_run(os.path.join(directory, name))
                rows.append((d.group(1), d.group(2), int(f.group(3)), n * 0.05, energy))
    runs = pd.DataFrame(rows, columns=["gpu", "app", "clock", "t", "e"])
    cells = runs.groupby(["gpu", "app", "clock"], as_index=False).mean()
    cells["edp"] = cells["t"] * cells["e"]
    best = cells.loc[cells.groupby(["gpu", "app"])["edp"].idxmin()]
    for row in best.itertuples():
        print(row.gpu, row.app, row.clock)


main()
