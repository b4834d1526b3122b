#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle sim calibration`: the shipped parameters on the shipped sweeps, and on the published grids where they are.

bats_require_minimum_version 1.5.0

setup_file() {
    export D=$BATS_FILE_TMPDIR SHARED=$WATTLE_SOURCE/../shared/data
    "$WATTLE" sim calibration >"$D/text"
    "$WATTLE" sim calibration --json >"$D/json"
}

# json FILE PYTHON-EXPRESSION over d
json() {
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

@test "text and JSON hold the same figures" {
    python3 - "$D/text" "$D/json" <<'END'
import json, sys
text, document = open(sys.argv[1]).read().splitlines(), json.load(open(sys.argv[2]))
show = lambda e, k: "-" if not e else f"{100 * e[k]:.1f}"
n = 0
for f in document["fits"]:
    if not f["stored"]["power_rows"]:
        continue
    rows = [l.split() for l in text if l.split()[:3] == [f["board"], f["workload"], f"{f['memory_clock_mhz']:.0f}"]]
    assert len(rows) == 1, f
    e = f["evaluated"] or {"throughput": None, "power": None}
    left = f["stored"]["random_fifths"] or {"throughput": None, "power": None}
    assert rows[0][4:8] == [show(e["throughput"], "median"), show(e["throughput"], "p90"), show(e["power"], "median"),
                            show(e["power"], "p90")], (rows, e)
    assert rows[0][8:10] == [show(left["throughput"], "median"), show(left["power"], "median")], (rows, left)
    n += 1
assert n >= 29, n
END
}

@test "Stable Diffusion on V100 and A100 is met within the spread of its runs, left-out clocks included" {
    python3 - "$D/json" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
median = lambda x: sorted(x)[len(x) // 2]
for board in ("v100", "a100"):
    f, = (f for f in d["fits"] if f["board"] == board and f["workload"] == "stable-diffusion")
    for quantity, stored, spread in (("time_s", "throughput", "throughput_spread"), ("power_w", "power", "power_spread")):
        spread = f["evaluated"][spread]
        assert 0.005 < spread < 0.02
        assert f["evaluated"][stored]["n"] > 110 and f["evaluated"][stored]["median"] < spread
        assert 0.001 < f["stored"]["every_second_clock"][stored]["median"] < spread
        assert 0.001 < f["stored"]["blocks_of_clocks"][stored]["median"] < spread
        clocks = [c[quantity] for c in f["clocks"]]
        assert len(clocks) in (59, 61)
        assert median([abs(c["error"]) for c in clocks]) < spread
        assert sum(c["within"] for c in clocks) >= 0.87 * len(clocks)
        for c in f["clocks"]:  # two runs at most: twice the deviation of their mean
            e = c[quantity]
            assert e["within"] == (abs(e["error"]) <= 2 * e["spread"] / c["runs"] ** 0.5), c
            assert e["spread"] >= spread
            # a clock beyond it is not beyond it by much, unless its runs were disturbed
            assert e["within"] or abs(e["error"]) < 0.035 or e["spread"] > 0.02, c
END
}

@test "every clock of a sweep is shown beside its spread, none hidden" {
    "$WATTLE" sim calibration --clocks stable-diffusion >"$D/clocks"
    python3 - "$D/clocks" "$D/json" <<'END'
import json, sys
text, d = open(sys.argv[1]).read(), json.load(open(sys.argv[2]))
for board in ("v100", "a100"):
    part = text[text.index(f"stable-diffusion on {board}"):].split("\n\n")[0]
    f, = (f for f in d["fits"] if f["board"] == board and f["workload"] == "stable-diffusion")
    rows = {l.split()[0]: l.split() for l in part.splitlines() if l.split()[0].isdigit()}
    assert len(rows) == len(f["clocks"])
    named = part[part.index("outside:"):].replace("\n", " ")
    for c in f["clocks"]:
        row = rows[f"{c['sm_clock_mhz']:.0f}"]
        assert row[4] == f"{100 * c['time_s']['error']:+.1f}" and row[8] == f"{100 * c['power_w']['error']:+.1f}", row
        assert ("time" in " ".join(row[10:])) == (not c["time_s"]["within"])
        assert (f"{c['sm_clock_mhz']:.0f} MHz (" in named) == (not (c["time_s"]["within"] and c["power_w"]["within"]))
END
    run -1 "$WATTLE" sim calibration --clocks resnet50
    [[ $output == *"there are sweeps of stable-diffusion, whisper and llama"* ]]
}

@test "left-out errors of the anchor grids are stored: throughput under 5 %, power under 4 %" {
    json "$D/json" "[(f['board'], f['workload'], f['memory_clock_mhz'], f['stored']['random_fifths']) for f in d['fits']
                     if not f['assumed'] and f['stored']['by_share']]" >"$D/stored"
    python3 - "$D/stored" <<'END'
import sys
rows = eval(open(sys.argv[1]).read())
assert len(rows) == 20, len(rows)
for board, workload, mem, e in rows:
    assert 0.01 < e["throughput"]["median"] < 0.05, (board, workload, mem, e)
    assert 0.01 < e["power"]["median"] < 0.04, (board, workload, mem, e)
END
}

@test "with the published grids the shipped parameters do what their fit said" {
    [ -d "$SHARED/partition" ] || skip "no ../shared/data/partition"
    "$WATTLE" sim calibration --data "$SHARED" --json >"$D/all"
    python3 - "$D/all" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
grids = [f for f in d["fits"] if f["stored"]["by_share"]]
assert len(grids) == 21, len(grids)
for f in grids:
    e, s = f["evaluated"], f["stored"]
    assert e["power"]["n"] == s["power_rows"], f
    assert e["power"]["median"] < 0.04, f
    if s["throughput_rows"]:
        assert e["throughput"]["n"] == s["throughput_rows"], f
        assert e["throughput"]["median"] < 0.05, f
        # in sample is not much better than out of it: few parameters
        assert e["throughput"]["median"] > 0.6 * s["random_fifths"]["throughput"]["median"], f
print(d["out_of_memory"])
assert d["out_of_memory"] == {"measured": 15, "virtual_too": 14, "virtual_only": 0}
END
}

@test "what is wrong is said" {
    run -1 "$WATTLE" sim calibration --data "$D/nowhere"
    [[ $output == *nowhere/partition* ]]
    run -2 "$WATTLE" sim calibrate
    [[ $output == *"did you mean \`wattle sim calibration\`?"* ]]
    run -2 "$WATTLE" sim calibration more
}
