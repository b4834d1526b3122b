#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle validate`: a plan for the shipped runs against fresh runs that are made here.

setup_file() {
    export DIR=$BATS_FILE_TMPDIR
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o "$DIR/c.wattle"
    "$WATTLE" optimize "$DIR/c.wattle" --max-slowdown 5% --gpu V100 -q -o "$DIR/plan.json"
    CLOCK=$(python3 -c 'import json, sys
print(next(p["clock_mhz"] for p in json.load(open(sys.argv[1]))["plans"] if p["workload"] == "stablediffusion"))' "$DIR/plan.json")
    export CLOCK
}

# fresh NAME PAIRS SAVING SLOWDOWN NOISE: pairs of runs, in turns, of the baseline and the clock.
fresh() {
    python3 - "$CLOCK" "$2" "$3" "$4" "$5" >"$1.csv" <<'END'
import random, sys
clock, pairs, saving, slowdown, noise = int(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:6])
rnd = random.Random(1)
print("gpu,workload,job,seq,rep,freq_mhz,reported_time_s,proc_time_s,avg_power_w,energy_j_p_n_50ms,n_samples,first_power_w,source_file")
seq = 0
for i in range(pairs):
    for mhz in (1380, clock) if i % 2 else (clock, 1380):
        seq += 1
        chosen = mhz == clock
        t = 13.6 * (1 + slowdown * chosen) * (1 + rnd.gauss(0, noise))
        e = 1259 * (1 - saving * chosen) * (1 + rnd.gauss(0, noise))
        n = round(t / 0.051)
        print(f"V100,stablediffusion,f1,{seq},{i + 1},{mhz},{t:.2f},{n * 0.05:.2f},{e / t:.2f},{e / t * n * 0.05:.2f},{n},35.0,x/{seq}.csv")
END
    "$WATTLE" import -q "$1.csv" -o "$1.wattle"
}

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

@test "fresh runs that save what was promised confirm the plan: exit 0" {
    fresh good 15 0.187 0.039 0.006
    run "$WATTLE" validate "$DIR/plan.json" good.wattle -o confirmed.json
    [ "$status" -eq 0 ]
    [[ $output == *"stablediffusion on V100: confirmed, $CLOCK MHz against 1380 MHz"* ]]
    [[ $output == *"vit on V100: no verdict, the plan is unusable"* ]]
    [[ $output == *"paired"*"15 blocks"* ]]
    python3 - <<'END'
import json
p = {x["workload"]: x for x in json.load(open("confirmed.json"))["plans"]}
s = p["stablediffusion"]
assert s["saving"]["evidence"] == s["slowdown"]["evidence"] == "confirmed"
assert s["saving"]["lo"] < 0.187 < s["saving"]["hi"] and s["saving"]["n"] > 0
assert any("Confirmed on" in n for n in s["notes"])
END
    "$WATTLE" validate "$DIR/plan.json" good.wattle --json | grep -q '"verdict": "confirmed"'
}

@test "fresh runs that save much less refute it: exit 6" {
    fresh bad 15 0.05 0.039 0.006
    run "$WATTLE" validate "$DIR/plan.json" bad.wattle -o out.json
    [ "$status" -eq 6 ]
    [[ $output == *": refuted"* ]]
    ! grep -q '"evidence": "confirmed"' out.json
}

@test "fresh runs that are much slower refute it although they save" {
    fresh slow 15 0.187 0.12 0.006
    run "$WATTLE" validate "$DIR/plan.json" slow.wattle
    [ "$status" -eq 6 ]
}

@test "a faster run passes the slowdown limit" {
    fresh fast 15 0.187 -0.2 0.006
    run "$WATTLE" validate "$DIR/plan.json" fast.wattle
    [ "$status" -eq 0 ]
}

@test "few noisy runs decide nothing: exit 7 and how many more would" {
    fresh few 3 0.187 0.039 0.03
    run "$WATTLE" validate "$DIR/plan.json" few.wattle
    [ "$status" -eq 7 ]
    [[ $output =~ About\ [0-9]+\ more\ pairs\ of\ runs ]]
    "$WATTLE" validate "$DIR/plan.json" few.wattle --json >v.json || true
    python3 -c 'import json; v = [x for x in json.load(open("v.json"))["verdicts"] if x["verdict"]][0]
assert v["verdict"] == "undecided" and v["more_blocks"] > 0, v'
}

@test "the runs that made the plan are not fresh; runs of something else give no verdict" {
    run "$WATTLE" validate "$DIR/plan.json" "$DIR/c.wattle"
    [ "$status" -eq 2 ]
    [[ $output == *"the very runs that the plan was made from"* ]]
    fresh other 5 0.187 0.039 0.006
    sed -i 's/stablediffusion/somethingelse/' other.csv
    rm other.wattle
    "$WATTLE" import -q other.csv -o other.wattle
    run "$WATTLE" validate "$DIR/plan.json" other.wattle
    [ "$status" -eq 7 ]
    [[ $output == *"the campaign has no runs of it"* ]]
}

@test "--within: every repetition left out once" {
    run "$WATTLE" validate "$DIR/plan.json" --within "$DIR/c.wattle"
    [ "$status" -eq 0 ]
    [[ $output =~ stablediffusion\ on\ V100:\ saving\ 1[5-9]\.[0-9]\ % ]]
    [[ $output == *"vit on V100: not cross-validated"* ]]
    "$WATTLE" validate "$DIR/plan.json" --within "$DIR/c.wattle" --json >w.json
    python3 -c 'import json
s = {x["workload"]: x for x in json.load(open("w.json"))["sets"]}
f = s["stablediffusion"]["folds"]
assert [x["left_out"] for x in f] == [1, 2, 3]
assert all(1050 <= x["clock_mhz"] <= 1250 and 0.1 < x["saving"] < 0.25 for x in f), f
assert s["vit"]["folds"] is None'
    run "$WATTLE" validate "$DIR/plan.json" --within "$DIR/c.wattle" -o x.json
    [ "$status" -eq 2 ]
    run "$WATTLE" validate "$DIR/plan.json"
    [ "$status" -eq 2 ]
}
