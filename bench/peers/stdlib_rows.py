#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The usual way with Python's standard library: every row becomes a dict of all its columns, the
rows of a run a list, and every statistic a pass over that list. This is how the published framework
works through such a tree, and these are the figures that it takes from a run.

Usage: stdlib_rows.py TREE [--runs]
"""
import math

import tree


def number(cell):
    try:
        return float(cell)
    except ValueError:
        return None  # N/A


def read_rows(path):
    rows, names = [], []
    with open(path, encoding="ascii") as f:
        for line in f:
            cells = line.split()
            if line.startswith("#Entity"):
                names = cells[cells.index("POWER"):]
            elif line.startswith("GPU ") and names:
                rows.append({name: number(cell) for name, cell in zip(names, cells[-len(names):])})
    return rows


def mean(values):
    return sum(values) / len(values) if values else math.nan


def read_run(path):
    rows = read_rows(path)
    power = [row["POWER"] for row in rows if row["POWER"] is not None]
    m = mean(power)
    result = {"rows": len(rows), "power_mean": m, "energy": m * len(rows) * tree.PERIOD_S,
              "power_sd": math.sqrt(sum((p - m) ** 2 for p in power) / (len(power) - 1)),
              "power_min": min(power), "power_max": max(power)}
    for name in tree.MEANS:
        result[name.lower()] = mean([row[name] for row in rows if row[name] is not None])
    result["temp_max"] = max(row["TMPTR"] for row in rows if row["TMPTR"] is not None)
    return result


tree.main(read_run)
