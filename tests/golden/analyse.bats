#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle analyse`: everything from one command.

setup_file() {
    export DIR=$BATS_FILE_TMPDIR/out
    "$WATTLE" analyse "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o "$DIR" --price 0.30 \
        >"$BATS_FILE_TMPDIR/text"
    export TEXT=$BATS_FILE_TMPDIR/text
}

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

@test "plans with the default limit and without, as optimize makes them" {
    export SOURCE_DATE_EPOCH=1800000000
    "$WATTLE" optimize "$DIR/campaign.wattle" --max-slowdown 5% -q -o a.json
    "$WATTLE" optimize "$DIR/campaign.wattle" -q -o b.json
    python3 - "$DIR" <<'END'
import json, sys
load = lambda p: json.load(open(p))["plans"]
assert load("a.json") == load(sys.argv[1] + "/plan.json")
assert load("b.json") == load(sys.argv[1] + "/plan-unconstrained.json")
END
}

@test "comparison, report and deployment are there; the text says where" {
    [ -s "$DIR/compare.html" ] && [ -s "$DIR/compare.pdf" ]
    [ -s "$DIR/report/report.html" ] && [ -s "$DIR/report/report.pdf" ] && [ -s "$DIR/report/summary.md" ]
    ls "$DIR"/report/figures/*.svg "$DIR"/report/figures/*.png >/dev/null
    [ -x "$DIR/deploy/clocks.sh" ] && [ -s "$DIR/deploy/production.json" ]
    grep -q "1440 runs added" "$TEXT"
    grep -q "in money" "$TEXT"
    grep -q "$DIR/report/report.html" "$TEXT"
}

@test "again: nothing is imported twice, the files are the same" {
    cp "$DIR/plan.json" before.json
    run "$WATTLE" analyse "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o "$DIR" -q
    [ "$status" -eq 0 ]
    [[ $output == *"0 files read, 1 known already, 0 runs added"* ]]
    python3 -c 'import json, sys
assert json.load(open("before.json"))["plans"] == json.load(open(sys.argv[1]))["plans"]' "$DIR/plan.json"
}

@test "a policy's own limits are kept; --json says what was made" {
    "$WATTLE" analyse "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o p --gpu V100 \
        --workload stablediffusion --policy published-000 --json >p.json
    python3 - <<'END'
import json
d = json.load(open("p.json"))
c = d["plans"][0]["policy"]["constraints"]
assert c["max_slowdown"] == 0.1 and c["min_clock_ratio"] == 0.8, c
assert d["format"] == "wattle-analysis" and len(d["plans"]) == 1 and d["plans_deployed"] == 1
f = json.load(open("p/plan-unconstrained.json"))["plans"][0]["policy"]["constraints"]
assert "max_slowdown" not in f and "min_clock_ratio" not in f
assert d["comparison"]["changes"][0]["gpu"] == "V100"
END
}

@test "nothing to read: exit 1 and nothing half made" {
    mkdir empty
    run "$WATTLE" analyse empty -o e
    [ "$status" -eq 1 ]
    [ ! -e e/plan.json ]
    run "$WATTLE" analyse empty
    [ "$status" -eq 2 ]
}
