#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle fit` and `wattle predict`: on the shipped runs, and on simulated campaigns with activity.

bats_require_minimum_version 1.5.0

setup_file() {
    export D=$BATS_FILE_TMPDIR
    export MAKE_RUNS=$WATTLE_BUILD/tests/make-runs
    "$MAKE_RUNS" 3 8 >"$D/runs.csv"
    "$WATTLE" import -q "$D/runs.csv" -o "$D/sim.wattle" >/dev/null
    "$WATTLE" fit "$D/sim.wattle" -o "$D/sim.json" >"$D/sim.txt"
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o "$D/real.wattle" >/dev/null
    "$WATTLE" fit "$D/real.wattle" -o "$D/real.json" >"$D/real.txt"
    # one run each at three clocks of a workload (stream) that is not among the eight
    "$MAKE_RUNS" 1 1 11 1 1410 1065 705 >"$D/probe.csv"
    "$MAKE_RUNS" 1 1 11 4 1635 1230 810 >"$D/unseen.csv"
}

# json FILE PYTHON-EXPRESSION over d
json() {
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

@test "fit on the shipped runs learns from four sets and says why not from the others" {
    grep -q '^Learned from 4 sets of runs (no activity' "$D/real.txt"
    grep -q '^  stablediffusion on V100: ' "$D/real.txt"
    grep -q '^  stablediffusion on A100: ' "$D/real.txt"
    grep -A9 '^Passed over' "$D/real.txt" | grep -q '^  vit on A100: '
    grep -A9 '^Passed over' "$D/real.txt" | grep -q '^  vit on V100: '
    grep -A9 '^Passed over' "$D/real.txt" | grep -q '^  whisper on V100: '
}

@test "fit prints held-out errors of every method in both splits, and does not flatter itself" {
    for method in model-plain max 0.75-max gpu-median; do
        [ "$(grep -c "^  workload  $method " "$D/real.txt")" -ge 1 ]
        [ "$(grep -c "^  gpu       $method " "$D/real.txt")" -ge 1 ]
    done
    # four noisy sets are too few to beat a rule of thumb, and the output says so
    grep -q 'workload left out, model-plain with 3 probes: .* NOT better than' "$D/real.txt"
}

@test "the model file carries its errors, what it learned from, and the campaign's fingerprint" {
    [ "$(json "$D/real.json" "d['format'], d['version']")" = "('wattle-predictor', 1)" ]
    [ "$(json "$D/real.json" "len(d['trained'])")" -eq 4 ]
    [ "$(json "$D/real.json" "len(d['fingerprint'])")" -eq 64 ]
    [ "$(json "$D/real.json" "d['objective'], d['max_slowdown']")" = "('edp', 0.05)" ]
    [ "$(json "$D/real.json" "sorted({h['left_out'] for h in d['heldout']})")" = "['gpu', 'workload']" ]
    [ "$(json "$D/real.json" "all(h['n'] == 4 for h in d['heldout'])")" = True ]
}

@test "fit --json is the same document without the matrices, with what was passed over" {
    "$WATTLE" fit "$D/real.wattle" -o "$D/again.json" --json >"$D/fit.json"
    [ "$(json "$D/fit.json" "len(d['skipped'])")" -eq 4 ]
    [ "$(json "$D/fit.json" "'populations' in d")" = False ]
    python3 - "$D/fit.json" "$D/real.json" <<'PY'
import json, sys
a, b = (json.load(open(p)) for p in sys.argv[1:])
for x, y in zip(a["heldout"], b["heldout"]):
    assert x["method"] == y["method"] and abs(x["loss"]["mean"] - y["loss"]["mean"]) < 1e-9
PY
}

@test "fit keeps the predictor in the campaign when told to, and only then" {
    cp "$D/sim.wattle" "$D/c.wattle"
    before=$(sha256sum <"$D/c.wattle")
    "$WATTLE" fit "$D/c.wattle" -o "$D/m.json" >/dev/null
    [ "$before" = "$(sha256sum <"$D/c.wattle")" ]
    "$WATTLE" fit "$D/c.wattle" --save all >/dev/null
    [ "$before" != "$(sha256sum <"$D/c.wattle")" ]
    "$WATTLE" show "$D/c.wattle" --document predictor/all >"$D/kept.json"
    "$WATTLE" predict "$D/kept.json" --probe "$D/probe.csv" --json >"$D/by-kept.json"
    "$WATTLE" predict "$D/m.json" --probe "$D/probe.csv" --json >"$D/by-file.json"
    diff <(grep -v '"created"' "$D/by-kept.json") <(grep -v '"created"' "$D/by-file.json")
    "$WATTLE" show "$D/c.wattle" | grep -q '^  predictor  all .* these runs  24 sets, held-out errors for edp, 5 % slower'
}

@test "on simulated campaigns three probes lose less than every rule of thumb, in both splits" {
    python3 - "$D/sim.json" <<'PY'
import json, sys
rows = json.load(open(sys.argv[1]))["heldout"]
for split in ("workload", "gpu"):
    mine = [r for r in rows if r["left_out"] == split]
    model = [r["loss"]["mean"] for r in mine if r["method"] == "model" and r["n_probes"] == 3][0]
    rules = [r["loss"]["mean"] for r in mine if r["n_probes"] == 0]
    assert len(rules) == 3 and model < 0.5 * min(rules), (split, model, rules)
PY
}

@test "predict: an unseen workload from three runs, near its true curve" {
    "$WATTLE" predict "$D/sim.json" --probe "$D/probe.csv" --max-slowdown 5% --json >"$D/p.json"
    python3 - "$D/p.json" <<'PY'
import json, sys
(plan,) = json.load(open(sys.argv[1]))["plans"]
assert plan["gpu"] == "A100" and plan["workload"] == "stream" and plan["status"] == "ok"
# the truth of this simulated campaign: optimum 870 MHz, there 28.2 % saved, 1.2 % slower
assert 810 <= plan["clock_mhz"] <= 930, plan["clock_mhz"]
assert abs(plan["saving"]["value"] - 0.282) < 0.02
assert plan["saving"]["lo"] < 0.282 < plan["saving"]["hi"]
assert plan["saving"]["evidence"] == "predicted"
assert plan["slowdown"]["hi"] <= 0.05 + 1e-9
assert plan["baseline"]["clock_mhz"] == 1410
assert any("not measured" in n for n in plan["notes"])
PY
}

@test "predict: the table has every legal clock that was learned from, the choice, and the note" {
    run --separate-stderr "$WATTLE" predict "$D/sim.json" --probe "$D/probe.csv" --max-slowdown 5%
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "stream on A100: ok, "*" MHz instead of 1410 MHz, saving "* ]]
    [[ $output == *"held-out error of time "* ]]
    [ "$(grep -c '^ *[0-9]\{3,4\} ' <<<"$output")" -eq 61 ] # 510 to 1410 by 15
    [ "$(grep -c '<- choice' <<<"$output")" -eq 1 ]
    [[ $output == *"Predicted, not measured"* ]]
    ! grep -q -- '-0\.0' <<<"$output"
}

@test "predict on a card that the model has not seen needs its clocks, then answers" {
    run "$WATTLE" predict "$D/sim.json" --probe "$D/unseen.csv"
    [ "$status" -eq 2 ]
    [[ $output == *"the legal clocks of \"X4\" are not known"*"--clocks"* ]]
    run "$WATTLE" predict "$D/sim.json" --probe "$D/unseen.csv" --clocks 510-1635:15 --max-slowdown 5%
    [ "$status" -eq 0 ]
    [[ $output == "stream on X4: ok, "*"card not seen"* ]]
}

@test "predict -o writes a plan file that reads as one" {
    "$WATTLE" predict "$D/sim.json" --probe "$D/probe.csv" -o "$D/plan.json" >/dev/null
    [ "$(json "$D/plan.json" "d['format'], len(d['plans'])")" = "('wattle-plan', 1)" ]
}

@test "predict from a campaign, at given clocks only" {
    run "$WATTLE" predict "$D/real.json" --probe "$D/real.wattle" --gpu A100 \
        --workload stablediffusion --at 1395,1050,705 --max-slowdown 5%
    [ "$status" -eq 0 ]
    [[ $output == "stablediffusion on A100: ok, "*"9 runs of the probe"* ]]
    run "$WATTLE" predict "$D/real.json" --probe "$D/real.wattle" --gpu A100 --workload vit
    [ "$status" -eq 0 ]
    [[ $output == "vit on A100: unusable"* ]]
    run "$WATTLE" predict "$D/real.json" --probe "$D/real.wattle" --gpu H100
    [ "$status" -eq 1 ]
    [[ $output == *"has no run of any workload on H100"* ]]
}

@test "predict exits 5 when no clock meets the limits, and says what would" {
    run "$WATTLE" predict "$D/sim.json" --probe "$D/probe.csv" --min-saving 60%
    [ "$status" -eq 5 ]
    [[ $output == "stream on A100: infeasible: saving at least 60 %; --min-saving "*" makes "*" feasible"* ]]
}

@test "the published model by its name: its figures, its missing intervals" {
    run "$WATTLE" predict --model fgcs-v100 --fp 0.3 --dram 0.2 --time 10s --max-slowdown 10%
    [ "$status" -eq 0 ]
    [[ $output == *"by fgcs-v100"* ]]
    # at 1380 MHz it returns 14.61 s for the 10 s that it was given
    grep -q '^ *1380  14.61  121.8 ' <<<"$output"
    [[ $output == *"states no uncertainty"* ]]
    run "$WATTLE" predict --model fgcs-v100 --fp 0.3
    [ "$status" -eq 2 ]
    [[ $output == *"needs --fp, --dram and --time, or --probe"* ]]
}

@test "wrong uses and damaged models are refused" {
    run "$WATTLE" fit "$D/sim.wattle"
    [ "$status" -eq 2 ]
    run "$WATTLE" predict
    [ "$status" -eq 2 ]
    [[ $output == *"wattle fit CAMPAIGN"* ]]
    run "$WATTLE" predict "$D/sim.json"
    [ "$status" -eq 2 ]
    run "$WATTLE" predict "$D/sim.json" --probe "$D/probe.csv" --fp 0.3
    [ "$status" -eq 2 ]
    sed '0,/"n": 24/s//"n": 25/' "$D/sim.json" >"$D/bad.json"
    ! cmp -s "$D/sim.json" "$D/bad.json"
    run "$WATTLE" predict "$D/bad.json" --probe "$D/probe.csv"
    [ "$status" -eq 1 ]
    [[ $output == *"is damaged: its checksum does not fit"* ]]
    sed 's/"version": 1,/"version": 2,/' "$D/sim.json" >"$D/new.json"
    run "$WATTLE" predict "$D/new.json" --probe "$D/probe.csv"
    [ "$status" -eq 1 ]
    [[ $output == *"version 2"*"wattle fit"* ]]
}

@test "too few sets: exit 7 with what is missing" {
    "$MAKE_RUNS" 1 1 >"$D/one.csv"
    "$WATTLE" import -q "$D/one.csv" -o "$D/one.wattle" >/dev/null
    run "$WATTLE" fit "$D/one.wattle" -o "$D/one.json"
    [ "$status" -eq 7 ]
    [[ $output == *"1 of 1 sets of runs are usable"* ]]
    [ ! -e "$D/one.json" ]
}

@test "too little to learn from, too little to leave out, nowhere to read a probe" {
    cd "$BATS_TEST_TMPDIR"
    "$WATTLE_BUILD/tests/make-runs" 1 1 >one.csv
    "$WATTLE_BUILD/tests/make-runs" 1 2 >two.csv
    for name in one two; do "$WATTLE" import -q $name.csv -o $name.wattle >/dev/null; done
    run "$WATTLE" fit one.wattle -o m.json
    [ "$status" -eq 7 ]
    [[ $output == *"1 of 1 sets of runs are usable, a model across workloads needs 2"* ]]
    [[ $output == *"import sweeps of more workloads or cards"* ]]
    [ ! -e m.json ]
    run "$WATTLE" fit two.wattle -o m.json
    [ "$status" -eq 0 ]
    [[ $output == *"No held-out error can be stated: leaving one workload or one GPU out leaves fewer than two sets."* ]]
    python3 -c 'import json; assert json.load(open("m.json"))["heldout"] == []'
    "$WATTLE_BUILD/tests/make-runs" 1 1 2 0 1380 1035 690 >probe.csv
    TMPDIR=/nonexistent run "$WATTLE" predict m.json --probe probe.csv
    [ "$status" -eq 1 ]
    [[ $output == *'cannot make "/nonexistent/wattle-'*": No such file or directory"* ]]
    TMPDIR=$(printf '/x%.0s' $(seq 2500)) run "$WATTLE" predict m.json --probe probe.csv
    [ "$status" -eq 1 ]
    [[ $output == *"TMPDIR is too long"* ]]
    run "$WATTLE" predict m.json --probe probe.csv -o plan.json
    [ "$status" -eq 0 ] || [ "$status" -eq 7 ]
    [ -s plan.json ]
}
