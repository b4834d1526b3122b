#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The least that plain Python can do: of every row only the power, and no more than the choice needs.

Usage: stdlib_lean.py TREE [--runs]
"""
import tree


def read_run(path):
    n, power, column = 0, 0.0, None
    with open(path, encoding="ascii") as f:
        for line in f:
            if line.startswith("#Entity"):
                names = line.split()
                column = names.index("POWER") - len(names)
            elif line.startswith("GPU ") and column:
                power += float(line.split()[column])
                n += 1
    mean = power / n
    return {"rows": n, "power_mean": mean, "energy": mean * n * tree.PERIOD_S}


tree.main(read_run)
