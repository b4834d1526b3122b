#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle export: tables for others, and back.

bats_require_minimum_version 1.5.0

setup_file() {
    "$WATTLE" import "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" \
        -o "$BATS_FILE_TMPDIR/c.wattle" >/dev/null
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

@test "runs: out and in again are the same runs, judged the same" {
    "$WATTLE" export c.wattle --csv runs -o runs.csv
    [ "$(wc -l <runs.csv)" -eq 1441 ]
    rm -f again.wattle
    "$WATTLE" import runs.csv -o again.wattle >/dev/null
    "$WATTLE" export again.wattle --csv runs -o again.csv
    cmp runs.csv again.csv
}

@test "measurements: the published columns, then ours" {
    "$WATTLE" export c.wattle --csv measurements >m.csv 2>said
    head -n 1 m.csv >head
    published=frequency,execution_time,num_samples,avg_power,std_power,min_power,max_power,energy
    published+=,avg_gputl,std_gputl,avg_mcutl,std_mcutl,avg_drama,std_drama,avg_gract,std_gract
    published+=,avg_smact,std_smact,avg_temp,max_temp,avg_smclk,avg_mmclk,gpu,application,run
    published+=,job_id,result_dir,edp,ed2p
    grep -q "^$published,rate_per_s,num_runs,num_rejected,execution_time_lo" head
}

@test "measurements: figures agree with show, and with themselves" {
    "$WATTLE" export c.wattle --csv measurements -o m.csv -q
    "$WATTLE" show c.wattle --json >j.json
    python3 - <<'EOF'
import csv, json
rows = {(r["gpu"], r["application"], int(r["frequency"])): r for r in csv.DictReader(open("m.csv"))}
n = 0
for s in json.load(open("j.json"))["sets"]:
    for m in s["measurements"]:
        key = (s["gpu"], s["workload"], m["clock_mhz"])
        if m["n_runs"] == 0:
            assert key not in rows
            continue
        r = rows[key]
        t, e, p = (float(r[k]) for k in ("execution_time", "energy", "avg_power"))
        assert abs(t / m["time_s"]["value"] - 1) < 1e-9
        assert abs(e / m["energy_j"]["value"] - 1) < 1e-9
        assert abs(p * t / e - 1) < 1e-12
        assert abs(float(r["edp"]) / (e * t) - 1) < 1e-12
        assert abs(float(r["ed2p"]) / (e * t * t) - 1) < 1e-12
        assert float(r["execution_time_lo"]) <= t <= float(r["execution_time_hi"])
        assert int(r["num_runs"]) == m["n_runs"] and int(r["num_rejected"]) == m["n_rejected"]
        n += 1
assert n == len(rows) > 400, n
EOF
}

@test "measurements are read back with their times and energies" {
    "$WATTLE" export c.wattle --csv measurements -o m.csv -q
    rm -f m.wattle
    "$WATTLE" import m.csv -o m.wattle >/dev/null
    "$WATTLE" show m.wattle --json --runs >back.json
    python3 - <<'EOF'
import csv, json
rows = {(r["gpu"], r["application"], int(r["frequency"])): r for r in csv.DictReader(open("m.csv"))}
runs = json.load(open("back.json"))["runs"]
assert len(runs) == len(rows)
for run in runs:
    r = rows[run["gpu"], run["workload"], run["clock_mhz"]]
    assert abs(run["metrics"]["time_s"] / float(r["execution_time"]) - 1) < 1e-9
    assert abs(run["metrics"]["energy_j"] / float(r["energy"]) - 1) < 1e-9
EOF
}

@test "activities are in percent, as published, and come back as they were" {
    mkdir -p results_a100_llama_job_7
    for rep in 1 2 3; do
        awk -v rep=$rep 'BEGIN {
            print "#Entity   POWER     TOTEC        GPUTL  SMACT  DRAMA  TMPTR"
            print "ID        W         mJ                               C"
            for (i = 1; i <= 200; i++)
                printf "GPU 0     140.%d   %.0f   80   0.5%d0   0.250   5%d\n", rep, 140 * 50 * i, i % 2, rep
        }' >results_a100_llama_job_7/run_${rep}_0${rep}_freq_1410_profile.csv
    done
    rm -f a.wattle b.wattle
    "$WATTLE" import results_a100_llama_job_7 -o a.wattle >/dev/null
    "$WATTLE" export a.wattle --csv measurements -o a.csv
    python3 - <<'EOF'
import csv
r, = csv.DictReader(open("a.csv"))
assert abs(float(r["avg_gputl"]) - 80) < 1e-9
assert abs(float(r["avg_smact"]) - 50.5) < 1e-9
assert abs(float(r["avg_drama"]) - 25) < 1e-9
assert abs(float(r["avg_temp"]) - 52) < 1e-9
assert abs(float(r["max_power"]) - 140.2) < 1e-9
assert r["job_id"] == "7" and r["result_dir"] == "results_a100_llama_job_7"
assert r["num_runs"] == "3"
EOF
    "$WATTLE" import a.csv -o b.wattle >/dev/null
    "$WATTLE" show b.wattle --json --runs >b.json
    python3 - <<'EOF'
import json
run, = json.load(open("b.json"))["runs"]
m = run["metrics"]
assert abs(m["gpu_util"] - 0.8) < 1e-12 and abs(m["sm_active"] - 0.505) < 1e-12, m
assert abs(m["dram_active"] - 0.25) < 1e-12 and run["job"] == "7"
EOF
}

@test "plans: one row a plan, signed percentages, empty where there is no figure" {
    python3 - <<'EOF'
import json
est = lambda v, lo, hi: {"value": v, "lo": lo, "hi": hi, "n": 9, "evidence": "in-sample"}
json.dump({"format": "wattle-plan", "version": 1, "plans": [
    {"gpu": "A100", "workload": "a, \"b\"", "status": "ok", "objective": "edp", "clock_mhz": 1140,
     "tied_clocks_mhz": [1125, 1140], "baseline": {"kind": "max", "clock_mhz": 1410},
     "saving": est(0.215, 0.19, 0.24), "slowdown": est(-0.01, -0.02, 0.003),
     "time_s": est(9.9, 9.8, 10), "energy_j": est(785, 780, 790), "power_w": est(79.29, 79, 80),
     "n_runs": 170, "n_rejected": 13, "rejected": {"cold_start": 13}, "pareto": [], "notes": []},
    {"gpu": "V100", "workload": "vit", "status": "unusable", "objective": "edp", "clock_mhz": None,
     "tied_clocks_mhz": [], "baseline": {"kind": "max", "clock_mhz": 1380}, "saving": None,
     "slowdown": None, "n_runs": 171, "n_rejected": 6, "rejected": {"outlier": 6}, "pareto": [],
     "notes": ["times rise with the clock"]}]}, open("plan.json", "w"))
EOF
    run --separate-stderr "$WATTLE" export plan.json --csv plans
    echo "$stderr"
    [ "$status" -eq 0 ]
    printf '%s\n' "$output" >plans.csv
    python3 - <<'EOF'
import csv
ok, no = csv.DictReader(open("plans.csv"))
assert ok["application"] == 'a, "b"' and ok["frequency"] == "1140"
assert ok["tied_frequencies"] == "1125 1140"
assert abs(float(ok["energy_savings_percent"]) - 21.5) < 1e-9
assert abs(float(ok["time_penalty_percent"]) + 1) < 1e-9  # faster is negative
assert no["status"] == "unusable" and no["frequency"] == "" and no["energy_savings_percent"] == ""
assert no["num_rejected"] == "6"
EOF
}

@test "plans of a campaign are those of wattle optimize" {
    "$WATTLE" export c.wattle --csv plans --gpu v100 -q >plans.csv
    "$WATTLE" optimize c.wattle --gpu v100 --json >plans.json || [ $? -eq 7 ]
    python3 - <<'EOF'
import csv, json
rows = list(csv.DictReader(open("plans.csv")))
plans = json.load(open("plans.json"))["plans"]
assert len(rows) == len(plans) == 4
for r, p in zip(rows, plans):
    assert (r["gpu"], r["application"], r["status"]) == (p["gpu"], p["workload"], p["status"])
    assert r["frequency"] == ("" if p["clock_mhz"] is None else str(p["clock_mhz"]))
    if p["saving"] and p["saving"]["value"] is not None:
        assert abs(float(r["energy_savings_percent"]) - 100 * p["saving"]["value"]) < 1e-9
assert any(r["status"] == "ok" for r in rows)
EOF
}

@test "a file is written in one step or not at all" {
    echo old >old.csv
    "$WATTLE" export c.wattle -o old.csv
    [ "$(wc -l <old.csv)" -eq 1441 ]
    echo old >old.csv
    run bash -c "trap '' XFSZ; ulimit -f 20; exec '$WATTLE' export c.wattle -o old.csv"
    [ "$status" -eq 1 ]
    [ "$(cat old.csv)" = old ]
    [ "$(ls old.csv* | wc -l)" -eq 1 ]
    run "$WATTLE" export c.wattle -o nowhere/x.csv
    [ "$status" -eq 1 ]
    run bash -c "'$WATTLE' export c.wattle >/dev/full"
    [ "$status" -eq 1 ]
    [[ $output == *"cannot write to standard output"* ]]
}

@test "the documentation has the headers as they are" {
    doc=$WATTLE_SOURCE/docs/campaign.md
    header=$("$WATTLE" export c.wattle --csv measurements -q | head -n 1)
    grep -qxF "    ${header%%,rate_per_s,*}" "$doc"
    grep -qxF "    rate_per_s,${header#*,rate_per_s,}" "$doc"
    echo '{"format": "wattle-plan", "version": 1, "plans": []}' >none.json
    grep -qxF "    $("$WATTLE" export none.json --csv plans)" "$doc"
    for table in $(sqlite3 c.wattle "select name from sqlite_master where type='table'"); do
        grep -q "^| \`$table\` |" "$doc"
    done
}

@test "--json describes the written table" {
    "$WATTLE" export c.wattle --csv runs --gpu v100 -o v.csv --json >j.json
    [ "$(python3 -c 'import json; print(json.load(open("j.json")))')" = "{'file': 'v.csv', 'table': 'runs', 'rows': 708}" ]
    run "$WATTLE" export c.wattle --json
    [ "$status" -eq 2 ]
    run "$WATTLE" export c.wattle --csv run
    [ "$status" -eq 2 ]
}

@test "a GPU or workload that is not there is named, with what there is, by every command" {
    for command in "export c.wattle" "export c.wattle --csv measurements" "export c.wattle --csv plans" \
        "optimize c.wattle" "fit c.wattle -o m.json" "report c.wattle -o r --figures none"; do
        # shellcheck disable=SC2086 # a command and its arguments
        run "$WATTLE" $command --gpu T4
        [ "$status" -eq 1 ]
        [[ $output == *'no runs of gpu "T4" and workload "any"'* ]]
        [[ $output == *'the campaign has: A100/llama'* ]]
        [ ! -e r ] && [ ! -e m.json ]
    done
}
