#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two routes to one plan. The 1440 shipped runs come as a table of means; bench/make-tree writes a trace
# tree that such runs would have left (25 columns, a consistent energy counter, noise by seed). Import of
# the tree and import of the table must lead to the same plans.
#
# What may differ: a table has the reported time to 1 us, a trace without timestamps has a sampling period
# that is estimated from its counter, so the time of a run is known to about half a percent. Hence:
#   - status, baseline and legal clocks: the same;
#   - chosen clock: the same, or in the other's tied set, or within one bin of 15 MHz (the limit on slowdown
#     falls between two clocks: measured 0 or 1 bin);
#   - saving and slowdown at one and the same clock, for every clock: within 0.5 and 0.7 points
#     (measured at most 0.33 and 0.54 over three seeds); at the two chosen clocks: within the same, and what
#     lies between the two clocks on the table's own curve (one bin is 0.8 points there);
#   - runs used: within 1 % (measured 0 or 1 run of 170: an outlier on the edge).

setup_file() {
    export MAKE_TREE=$WATTLE_BUILD/bench/make-tree
    export RUNS=$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv
    cd "$BATS_FILE_TMPDIR"
    "$WATTLE" import -q "$RUNS" -o runs.wattle >/dev/null
    "$WATTLE" optimize runs.wattle --objective edp --max-slowdown 5% -q -o runs.json >/dev/null
}

teardown() { rm -rf "$BATS_TEST_TMPDIR"; }

# same_plans SEED
same_plans() {
    cd "$BATS_TEST_TMPDIR"
    "$MAKE_TREE" tree --from "$RUNS" --seed "$1" >/dev/null
    "$WATTLE" import -q tree -o tree.wattle >/dev/null
    rm -rf tree
    "$WATTLE" optimize tree.wattle --objective edp --max-slowdown 5% -q -o tree.json >/dev/null
    python3 - "$BATS_FILE_TMPDIR/runs.json" tree.json <<'END'
import json, sys
table, tree = ({(p["gpu"], p["workload"]): p for p in json.load(open(f))["plans"]} for f in sys.argv[1:])
assert set(table) == set(tree) and len(tree) == 8, (set(table), set(tree))
ok = 0
for key, a in table.items():
    b = tree[key]
    assert a["status"] == b["status"], (key, a["status"], b["status"])
    assert a["n_runs"] + a["n_rejected"] == b["n_runs"] + b["n_rejected"], key
    assert abs(a["n_runs"] - b["n_runs"]) <= 0.01 * a["n_runs"], (key, a["n_runs"], b["n_runs"])
    assert a["baseline"]["clock_mhz"] == b["baseline"]["clock_mhz"], key
    if a["status"] != "ok":
        assert a["clock_mhz"] is None and b["clock_mhz"] is None, key
        continue
    ok += 1
    x, y = a["clock_mhz"], b["clock_mhz"]
    assert abs(x - y) <= 15 or x in b["tied_clocks_mhz"] and y in a["tied_clocks_mhz"], (key, x, y)
    curve = [{c["clock_mhz"]: c for c in p["curve"]} for p in (a, b)]
    assert set(curve[0]) == set(curve[1]) and len(curve[0]) >= 59, key
    for name, most in (("saving", 0.005), ("slowdown", 0.007)):
        apart = abs(curve[0][x][name] - curve[0][y][name])
        assert abs(a[name]["value"] - b[name]["value"]) <= most + apart, (key, name, a[name], b[name])
        worst = max(abs(curve[0][f][name] - curve[1][f][name]) for f in curve[0])
        assert worst <= most, (key, name, worst)
assert ok == 2, ok
END
}

@test "a trace tree of the shipped runs gives the plans of the runs table, seed 1" { same_plans 1; }
@test "a trace tree of the shipped runs gives the plans of the runs table, seed 2" { same_plans 2; }
@test "a trace tree of the shipped runs gives the plans of the runs table, seed 3" { same_plans 3; }
