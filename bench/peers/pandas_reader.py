#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The figures of stdlib_rows.py, with pandas reading and reducing each trace.

Usage: pandas_reader.py TREE [--runs]
"""
import pandas as pd

import tree


def read_run(path):
    with open(path, encoding="ascii") as f:
        header = f.readline().split()
        f.readline()
        names = header[header.index("POWER"):]
        width = len(f.readline().split()) - len(names)
    front = [f"c{i}" for i in range(width)]  # "GPU 0", the index and the words of the board's name
    table = pd.read_csv(path, sep=r"\s+", names=front + names, header=None, comment="#",
                        na_values=["N/A"], usecols=["c0", "POWER"] + tree.MEANS, engine="c")
    table = table[table["c0"] == "GPU"].drop(columns="c0").astype(float)
    power = table["POWER"]
    result = {"rows": len(table), "power_mean": power.mean(),
              "energy": power.mean() * len(table) * tree.PERIOD_S, "power_sd": power.std(),
              "power_min": power.min(), "power_max": power.max()}
    means = table[tree.MEANS].mean()
    for name in tree.MEANS:
        result[name.lower()] = means[name]
    result["temp_max"] = table["TMPTR"].max()
    return result


tree.main(read_run)
