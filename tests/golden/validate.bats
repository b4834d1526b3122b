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
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"paired"*"15 blocks"* ]]
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

# old_runs FILE [COUNT]: the rows of V100 Stable Diffusion that the plan was made from.
old_runs() {
    grep -E '^(gpu|V100,stablediffusion),' "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" |
        head -n $((${2:-100000} + 1)) >"$1"
}

@test "the plan's own runs among fresh ones are known again, left out and named" {
    fresh good 15 0.187 0.039 0.006
    "$WATTLE" validate "$DIR/plan.json" good.wattle --json >alone.json
    # The very file; rows of it in another file; rows and fresh ones in one file.
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" good.csv -o file.wattle >/dev/null
    old_runs old.csv
    "$WATTLE" import -q old.csv good.csv -o rows.wattle >/dev/null
    { cat old.csv; tail -n +2 good.csv; } >grown.csv
    "$WATTLE" import -q grown.csv -o grown.wattle >/dev/null
    "$WATTLE" export "$DIR/c.wattle" --csv runs --gpu V100 --workload stablediffusion >export.csv
    "$WATTLE" import -q export.csv good.csv -o exported.wattle >/dev/null
    for c in file rows grown exported; do
        run "$WATTLE" validate "$DIR/plan.json" $c.wattle
        [ "$status" -eq 0 ]
        [[ $output == *"stablediffusion on V100: confirmed"*"left out  177 runs that the plan was made from"* ]]
        "$WATTLE" validate "$DIR/plan.json" $c.wattle --json >with.json
        python3 - <<'END'
import json
a, b = ([x for x in json.load(open(f))["verdicts"] if x["workload"] == "stablediffusion"][0] for f in ("alone.json", "with.json"))
assert (a.pop("n_known"), b.pop("n_known")) == (0, 177)
assert a == b, (a, b)
END
    done
}

@test "when nothing fresh remains, that is said" {
    old_runs old.csv 60
    "$WATTLE" import -q old.csv -o old.wattle >/dev/null
    run "$WATTLE" validate "$DIR/plan.json" old.wattle
    [ "$status" -eq 2 ]
    [[ $output == *"the very runs that the plan was made from"* ]]
    # Something fresh, but of another workload.
    fresh other 5 0.187 0.039 0.006
    sed -i 's/stablediffusion/somethingelse/' other.csv
    "$WATTLE" import -q old.csv other.csv -o both.wattle >/dev/null
    run "$WATTLE" validate "$DIR/plan.json" both.wattle
    [ "$status" -eq 7 ]
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"stablediffusion on V100: no verdict, nothing fresh remains: 60 runs of it in the campaign, and the plan was made from them"* ]]
}

@test "a plan of one board is not judged by another of the same short name" {
    fresh good 15 0.187 0.039 0.006
    "$WATTLE" export good.wattle --csv runs |
        awk -F, -v OFS=, 'NR > 1 { $4 = "Tesla V100-SXM2-16GB" } { print }' >sxm.csv
    "$WATTLE" import -q sxm.csv -o sxm.wattle >/dev/null
    sed 's/"board": null/"board": "V100-PCIE-32GB"/' "$DIR/plan.json" >pcie.json
    run "$WATTLE" validate pcie.json sxm.wattle
    [ "$status" -eq 7 ]
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"no verdict, the plan is of a V100-PCIE-32GB, the campaign's runs of a V100-SXM2-16GB"* ]]
    sed 's/"board": null/"board": "V100-SXM2-16GB"/' "$DIR/plan.json" >sxm.json
    run "$WATTLE" validate sxm.json sxm.wattle
    [ "$status" -eq 0 ]
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

@test "a campaign where a plan is expected, and the reverse, are named as such" {
    cd "$BATS_TEST_TMPDIR"
    printf 'gpu,workload,clock_mhz,time_s,energy_j\nA100,w,1410,20,5000\n' >t.csv
    "$WATTLE" import t.csv -o c.wattle >/dev/null
    printf '{"format": "wattle-plan", "version": 1, "plans": []}\n' >plan.json
    for command in "validate c.wattle plan.json" "deploy c.wattle -o d" "compare plan.json c.wattle" \
        "predict c.wattle --probe c.wattle"; do
        # shellcheck disable=SC2086 # a command and its arguments
        run "$WATTLE" $command
        [ "$status" -eq 1 ]
        [[ $output == *'"c.wattle" is a campaign, where a JSON document is expected'* ]]
    done
    run "$WATTLE" optimize plan.json
    [ "$status" -eq 1 ]
    [[ $output == *'a plan or a predictor is no campaign'* ]]
}

@test "what the fresh runs save in a year" {
    cd "$BATS_TEST_TMPDIR"
    "$WATTLE_BUILD/tests/make-runs" 1 1 >all.csv
    # shellcheck disable=SC2046
    "$WATTLE_BUILD/tests/make-runs" 1 1 0 0 $(printf '1380 1200 %.0s' 1 2 3 4 5 6) >fresh.csv
    for name in all fresh; do "$WATTLE" import -q $name.csv -o $name.wattle >/dev/null; done
    "$WATTLE" optimize all.wattle --replicates 100 -o plan.json >/dev/null
    run "$WATTLE" validate plan.json fresh.wattle --price 0.3 --runs-per-year 1e6
    [ "$status" -eq 0 ]
    # The saving of the fresh runs, not the plan's, of the plan's baseline.
    echo "$output" | python3 -c '
import json, re, sys
text = sys.stdin.read()
saving = float(re.search(r"saving +([0-9.]+) % ", text).group(1)) / 100
kwh, money = map(float, re.search(r"a year +saves ([0-9.]+) kWh .*, ([0-9.]+) in money", text).groups())
plan = json.load(open("plan.json"))["plans"][0]
assert abs(saving - plan["saving"]["value"]) > 0.001
assert abs(kwh / (saving * plan["baseline"]["energy_j"]["value"] * 1e6 / 3.6e6) - 1) < 3e-3, kwh
assert abs(money / (0.3 * kwh) - 1) < 1e-3, money'
}

@test "--within says why it judges nothing" {
    cd "$BATS_TEST_TMPDIR"
    "$WATTLE_BUILD/tests/make-runs" 1 1 >one.csv
    "$WATTLE_BUILD/tests/make-runs" 1 1 2 >other.csv
    for name in one other; do "$WATTLE" import -q $name.csv -o $name.wattle >/dev/null; done
    "$WATTLE" optimize one.wattle --baseline rep:1 -o rep.json >/dev/null
    run "$WATTLE" validate rep.json --within one.wattle
    [ "$status" -eq 7 ]
    [[ $output == *"gemm on V100: not cross-validated, the published method uses one repetition only"* ]]
    "$WATTLE" optimize one.wattle --replicates 100 -o plan.json >/dev/null
    run "$WATTLE" validate plan.json --within other.wattle
    [ "$status" -eq 7 ]
    [[ $output == *"gemm on V100: not cross-validated, the campaign has no runs of it"* ]]
}
