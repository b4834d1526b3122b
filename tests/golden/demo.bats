#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The whole loop on the shipped data, as the README's first command runs it.

@test "demo leaves a campaign, a report and deployment files behind; a second run too" {
    cd "$BATS_TEST_TMPDIR"
    run "$WATTLE" demo -o out
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ $output == *"wattle import"* && $output == *"wattle deploy"* ]]
    for f in demo.wattle plan.json plan-unconstrained.json report/report.html report/report.pdf \
        report/summary.md deploy/production.json; do
        [ -s "out/$f" ] || { echo "no $f" >&2; return 1; }
    done
    [ "$(find out/report/figures -name '*.svg' | wc -l)" -ge 5 ]
    python3 - <<'EOF'
import json
plans = {(p["gpu"], p["workload"]): p for p in json.load(open("out/plan.json"))["plans"]}
for gpu, low, high, least, most in (("V100", 1095, 1155, 0.165, 0.20), ("A100", 1125, 1200, 0.19, 0.25)):
    p = plans[gpu, "stablediffusion"]
    assert p["status"] == "ok", p["status"]
    assert low <= p["clock_mhz"] <= high, p["clock_mhz"]
    assert least <= p["saving"]["value"] <= most, p["saving"]
    assert p["saving"]["lo"] <= p["saving"]["value"] <= p["saving"]["hi"]
    assert p["slowdown"]["hi"] <= 0.05 + 1e-12, p["slowdown"]
    assert plans[gpu, "vit"]["status"] == "unusable"
    assert plans[gpu, "whisper"]["status"] in ("unusable", "undecided")
    llama = plans[gpu, "llama"]
    assert llama["status"] == "undecided" or (
        llama["status"] == "ok" and llama["saving"]["hi"] - llama["saving"]["lo"] >= 0.08), llama
EOF
    run "$WATTLE" demo -o out
    [ "$status" -eq 0 ]
}

@test "demo says where it looked when the shipped data are gone" {
    WATTLE_DATA_DIR=/nonexistent run "$WATTLE" demo -o "$BATS_TEST_TMPDIR/x"
    [ "$status" -eq 1 ]
    [[ $output == *"WATTLE_DATA_DIR"* ]]
}

@test "raw traces beside the table do not change the published figures" {
    cd "$BATS_TEST_TMPDIR"
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" \
        "$WATTLE_SOURCE/data/frequency/raw" -o c.wattle
    for expected in "1 91.647 8.110" "2 61.952 31.377" "3 51.330 28.484"; do
        set -- $expected
        run "$WATTLE" optimize c.wattle --baseline "rep:$1"
        [[ $output == *"within repetition $1: mean energy saving $2 % +- $3 % (population SD, 8 sets)"* ]]
    done
}
