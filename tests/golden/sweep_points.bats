#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Operating points from spec to verdict: sweep, optimize, fresh runs of the choice and its baseline alone, validate,
# apply. On the virtual GPU, in simulated time.

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    export WATTLE_STATE_DIR=$BATS_FILE_TMPDIR/state WATTLE_RUN_DIR=$BATS_FILE_TMPDIR/run
    cat >limits.yaml <<'END'
name: limits
devices: "virtual:a100,seed=7"
workloads: [{name: vgg19, virtual: vgg19}]
points: {batches: [8, 64], limits: [200, 250]}
protocol: {idle: no, samples: no}
END
    cat >shares.yaml <<'END'
name: shares
devices: "virtual:a100,seed=7"
workloads: [{name: llm, virtual: llm}]
points: {batches: [8, 64], shares: [50%, 100%]}
protocol: {idle: no, samples: no}
END
    "$WATTLE" sweep limits.yaml -q -o limits.wattle >/dev/null
    "$WATTLE" optimize limits.wattle --objective energy -o limits.json -q >/dev/null
    "$WATTLE" sweep shares.yaml -q -o shares.wattle >/dev/null
    "$WATTLE" optimize shares.wattle --objective energy --baseline-at "batch 8" -o shares.json -q >/dev/null
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
}

# settings PLAN: the chosen point and the baseline, in words of their own.
settings() {
    python3 - "$1" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["plans"] == [], "no clocks, no plans of clocks"
(c,) = d["operating_points"]
assert c["status"] == "ok" and c["chosen"] != c["baseline"], (c["status"], c["chosen"], c["baseline"])
assert len(c["made_from"]["runs"].split()) >= 15
END
}

@test "limit and batch: the fresh sweep runs two points, and the verdict is on them" {
    settings limits.json
    rm -f fresh.wattle
    run -0 "$WATTLE" sweep limits.yaml --plan limits.json --dry-run
    [[ $output == *"limits-validation"* && $output == *"2 of each workload; the reference is batch 8, 250 W"* ]]
    "$WATTLE" sweep limits.yaml --plan limits.json -o fresh.wattle -q
    run -0 "$WATTLE" validate limits.json fresh.wattle
    [[ $output == *"vgg19 on A100, best operating point: confirmed, batch "*" against batch "* ]]
    "$WATTLE" validate limits.json fresh.wattle --json -o confirmed.json --save point >verdict.json
    python3 - <<'END'
import json, sqlite3
plan = json.load(open("limits.json"))["operating_points"][0]
chosen, base = plan["points"][plan["chosen"]], plan["points"][plan["baseline"]]
d = json.load(open("verdict.json"))
(v,) = d["verdicts"]
assert d["verdict"] == v["verdict"] == "confirmed" and v["clock_mhz"] is None
assert v["configuration"] == chosen["configuration"] and v["baseline_configuration"] == base["configuration"]
assert "interleaved" in v["method"] and v["n_candidate"] >= 5 and v["n_baseline"] >= 5 and v["n_known"] == 0, v
assert v["saving"]["planned"] == plan["saving"]
points = set(sqlite3.connect("fresh.wattle").execute("select batch, limit_w from run"))
at = lambda p: (p["configuration"]["batch"], p["configuration"]["limit_w"])
assert points == {at(chosen), at(base)}, points
c = json.load(open("confirmed.json"))["operating_points"][0]
assert c["saving"] == v["saving"]["fresh"] and c["saving"]["evidence"] == "confirmed"
assert any("Confirmed on" in n for n in c["notes"])
END
    "$WATTLE" report fresh.wattle -o page -q >/dev/null
    grep -q "best operating point" page/report.html
    run -0 "$WATTLE" show fresh.wattle
    [[ $output == *point* ]]
}

@test "batch and share: confirmed as well" {
    settings shares.json
    rm -f fresh.wattle
    "$WATTLE" sweep shares.yaml --plan shares.json -o fresh.wattle -q
    run -0 "$WATTLE" validate shares.json fresh.wattle
    [[ $output == *"best operating point: confirmed"*"share"* ]]
}

@test "the runs that chose do not confirm, and a choice that promises too much is refuted" {
    run -2 "$WATTLE" validate limits.json limits.wattle
    [[ $output == *"the very runs"* ]]
    rm -f fresh.wattle both.wattle
    "$WATTLE" sweep limits.yaml --plan limits.json -o fresh.wattle -q
    # Both campaigns in one: what the plan was made from is known again and left out.
    "$WATTLE" export limits.wattle --csv runs -q -o a.csv
    "$WATTLE" export fresh.wattle --csv runs -q -o b.csv
    "$WATTLE" import -q a.csv b.csv -o both.wattle >/dev/null
    run -0 "$WATTLE" validate limits.json both.wattle --json
    python3 -c '
import json, sys
(v,) = json.loads(sys.argv[1])["verdicts"]
assert v["verdict"] == "confirmed" and v["n_known"] >= 15, v' "$output"
    python3 - <<'END'
import json
d = json.load(open("limits.json"))
s = d["operating_points"][0]["saving"]
for k in ("value", "lo", "hi"):
    s[k] += 0.1
json.dump(d, open("boast.json", "w"))
END
    run -6 "$WATTLE" validate boast.json fresh.wattle
    [[ $output == *"best operating point: refuted"* ]]
}

@test "points that the spec does not have are said" {
    sed -e 's/limits: .*/limits: [160, 240]}/' -e '/^baseline/d' limits.yaml >other.yaml
    run -2 "$WATTLE" sweep other.yaml --plan limits.json --dry-run
    [[ $output == *"is not among the points of the spec"*  ]]
}

@test "apply sets the limit, says what is left, and puts back; all by hand is status 3" {
    run -0 "$WATTLE" apply limits.json -i virtual:a100,seed=7 --for 10ms
    [[ $output == *"power limit"*" W -> "*" W, read back"* && $output == *"by hand: the workload has to be started with batch "* ]]
    [[ $output == *"put back"* ]]
    run -0 "$WATTLE" apply limits.json -i virtual:a100,seed=7 --dry-run --json
    python3 -c '
import json, sys
d = json.loads(sys.argv[1])
plan = json.load(open("limits.json"))["operating_points"][0]
at = plan["points"][plan["chosen"]]["configuration"]
(m,) = d["moves"]
assert m["knob"] == "power_limit_w" and m["to"] == at["limit_w"] and d["clock_mhz"] is None, d
assert d["by_hand"] == "batch %g" % at["batch"], d' "$output"
    run -3 "$WATTLE" apply shares.json -i virtual:a100,seed=7 --for 10ms
    [[ $output == *"there is nothing to set here"*"start the workload with batch "* ]]
    [ ! -e "$WATTLE_STATE_DIR/leases" ] || [ -z "$(ls "$WATTLE_STATE_DIR/leases")" ] || run -0 "$WATTLE" status
    run -2 "$WATTLE" apply limits.json -i virtual:v100 --dry-run
    [[ $output == *"the plan was made on"* ]]
}
