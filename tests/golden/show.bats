#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle show: text that fits its page, and JSON that adds up.

bats_require_minimum_version 1.5.0

setup_file() {
    "$WATTLE" import "$WATTLE_SOURCE/data/frequency" -o "$BATS_FILE_TMPDIR/c.wattle" -q >/dev/null 2>&1
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

@test "text: 100 columns at most, every set, its rejected runs with cause and reason" {
    "$WATTLE" show c.wattle >text
    [ "$(wc -L <text)" -le 100 ]
    for set in "A100  llama" "A100  stablediffusion" "A100  vit" "A100  whisper" \
        "V100  llama" "V100  stablediffusion" "V100  vit" "V100  whisper"; do
        grep -q "^  $set " text
    done
    # 59 and 61 clocks, three repetitions.
    grep -Eq '^  V100  stablediffusion +59 +510-1380 +177 ' text
    grep -Eq '^  A100  stablediffusion +61 +510-1410 +183 ' text
    grep -q 'rejected, cold_start: warming up: files, model or caches were still cold (1410 MHz rep 1' text
    grep -q 'rejected, contaminated: .*two traces are mixed' text
    grep -q 'times sit on steps of' text
    grep -q 'clocks were run in one order only' text
}

@test "--runs and --sources stay on the page and list everything" {
    "$WATTLE" show c.wattle --runs --sources >text
    [ "$(wc -L <text)" -le 100 ]
    "$WATTLE" show c.wattle --json >j.json
    runs=$(json j.json 'sum(s["n_runs"] for s in d["sets"])')
    listed=$(grep -Ec '  (used|[a-z]+_[a-z_]+|failed|truncated|throttled|contaminated|outlier)( |$)' text)
    [ "$listed" -ge "$runs" ]
    [ "$(grep -c '\.gz  [0-9a-f]\{8\}  ' text)" -eq "$(ls "$WATTLE_SOURCE"/data/frequency/raw/*.gz | wc -l)" ]
}

@test "json: counts add up" {
    "$WATTLE" show c.wattle --json --runs --sources >j.json
    [ "$(json j.json 'all(s["n_used"] + s["n_rejected"] == s["n_runs"] for s in d["sets"])')" = True ]
    [ "$(json j.json 'all(sum(s["rejected"].values()) == s["n_rejected"] for s in d["sets"])')" = True ]
    [ "$(json j.json 'all(sum(m["n_runs"] for m in s["measurements"]) == s["n_used"] for s in d["sets"])')" = True ]
    [ "$(json j.json 'len(d["runs"]) == sum(s["n_runs"] for s in d["sets"])')" = True ]
    [ "$(json j.json 'sum(r["used"] for r in d["runs"]) == sum(s["n_used"] for s in d["sets"])')" = True ]
    [ "$(json j.json 'all(bool(r["causes"]) != r["used"] for r in d["runs"])')" = True ]
    [ "$(json j.json 'all(r["reason"] for r in d["runs"] if not r["used"])')" = True ]
    [ "$(json j.json 'd["n_sources"] == len(d["sources"])')" = True ]
    [ "$(json j.json 'all(len(s["sha256"]) == 64 for s in d["sources"])')" = True ]
    [ "$(json j.json 'len(d["fingerprint"])')" = 64 ]
}

@test "json: the warm level of the shipped Stable Diffusion runs" {
    "$WATTLE" show c.wattle --json --gpu a100 --workload "Stable Diffusion" >j.json
    [ "$(json j.json 'len(d["sets"]), d["sets"][0]["workload"]')" = "(1, 'stablediffusion')" ]
    # 10.5 s warm near the highest clock, against 377 s of the cold first run.
    [ "$(json j.json 'all(10.0 < m["time_s"]["value"] < 11.2 for m in d["sets"][0]["measurements"] if m["clock_mhz"] >= 1300 and m["n_runs"])')" = True ]
    [ "$(json j.json 'd["sets"][0]["rejected"]["cold_start"] >= 1')" = True ]
    [ "$(json j.json 'd["sets"][0]["quality"]["usable"]')" = True ]
}

@test "the sources keep their hash, reader, rows and missing cells" {
    "$WATTLE" show c.wattle --json --sources >j.json
    f=GH100-baseline-StableDiffusion-1785-0__66d5611__a0fae634.gz
    sum=$(sha256sum <"$WATTLE_SOURCE/data/frequency/raw/$f" | cut -d' ' -f1)
    [ "$(json j.json "[(s['sha256'], s['reader'], s['rows']) for s in d['sources'] if s['path'].endswith('$f')]")" = "[('$sum', 'dcgmi', 1285)]" ]
    [ "$(json j.json "[round(s['cells_missing'] / s['cells'], 2) for s in d['sources'] if s['path'].endswith('$f')]")" = "[0.45]" ]
}

@test "a set of too few clocks is called that, as optimize will say" {
    printf 'gpu,workload,clock_mhz,rep,time_s,energy_j\nA100,one,1410,1,10,1400\n' >few.csv
    for clock in 1410 1200 990; do
        for rep in 1 2 3; do
            echo "A100,three,$clock,$rep,$((14100 / clock)).$rep,1400" >>few.csv
        done
    done
    "$WATTLE" import few.csv -o few.wattle -q >/dev/null
    "$WATTLE" show few.wattle >text
    grep -Eq '^  A100  one +1 +1410 +1 +1 .* too few$' text
    grep -Eq '^  A100  three +3 .* too few$' text
    grep -q 'too few to choose from: 1 run at 1 clock; a curve needs 4 clocks' text
    grep -q 'too few to choose from: 9 runs at 3 clocks; a curve needs 4 clocks' text
    "$WATTLE" show few.wattle --json >j.json
    [ "$(json j.json '[s["grade"] for s in d["sets"]]')" = "['too few', 'too few']" ]
    run "$WATTLE" optimize few.wattle
    [ "$status" -eq 7 ]
    [[ $output == *"one on A100: unusable"*"runs at 1 clock carry no curve, 4 are needed"* ]]
    [[ $output == *"three on A100: unusable"*"runs at 3 clocks carry no curve, 4 are needed"* ]]
}

@test "times without power are data about time, never failed measurements" {
    "$WATTLE" show c.wattle --json --runs >j.json
    [ "$(json j.json 'sum(s["n_timed"] for s in d["sets"]), len(d["timed_runs"])')" = "(33, 33)" ]
    [ "$(json j.json '[s["rejected"].get("no_data", 0) for s in d["sets"]].count(0) == len(d["sets"])')" = True ]
    [ "$(json j.json '[(s["n_runs"], s["n_timed"], s["grade"]) for s in d["sets"] if (s["gpu"], s["workload"]) == ("H100", "lstm")]')" = "[(1, 9, 'too few')]" ]
    "$WATTLE" import "$WATTLE_SOURCE/data/frequency/perf_times.csv" -o t.wattle -q >/dev/null
    "$WATTLE" show t.wattle --runs >text
    [ "$(grep -Ec '^  [AHV]100 .* times only$' text)" -eq 4 ]
    [ "$(grep -c 'times only$' text)" -eq 37 ] # and each run
    grep -q '15 runs with times only, from tables without power: kept aside, not judged' text
    run ! grep -q rejected text
    run "$WATTLE" optimize t.wattle
    [ "$status" -eq 7 ]
    [[ $output == *"lstm on H100: unusable"*"no run has power or energy: 9 with times only"* ]]
    [ "$("$WATTLE" export t.wattle --csv runs | grep -c '^[AHV]')" -eq 33 ]
    "$WATTLE" report t.wattle -o r >/dev/null
    grep -q 'Kept aside, not judged: 15 runs with times only, from tables without power' r/report.html
}

@test "a filter that matches nothing, and files that are no campaign" {
    run "$WATTLE" show c.wattle --gpu B300
    [ "$status" -eq 1 ]
    [[ $output == *"no run of gpu \"B300\""* ]]
    run "$WATTLE" show "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv"
    [ "$status" -eq 1 ]
    [[ $output == *"not a database"* ]]
    run "$WATTLE" show nowhere.wattle
    [ "$status" -eq 1 ]
    [[ $output == *"hint: make it with \`wattle import PATH... -o nowhere.wattle\`"* ]]
    run "$WATTLE" show
    [ "$status" -eq 2 ]
}

@test "names that are not UTF-8 are shown, and lose no run" {
    printf 'gpu,workload,clock_mhz,rep,time_s,energy_j\nA100,caf\351,1410,1,10,1400\nA100,llama,1410,1,10,1400\n' >"$(printf 'caf\351.csv')"
    "$WATTLE" import caf*.csv -o u.wattle --json >import.json
    [ "$(json import.json '[s["workload"] for s in d["sets"]]')" = "['caf?', 'llama']" ]
    "$WATTLE" show u.wattle --json --runs --sources >j.json
    [ "$(json j.json '[s["workload"] for s in d["sets"]], len(d["runs"])')" = "(['caf?', 'llama'], 2)" ]
    [ "$(json j.json 'd["sources"][0]["path"].endswith("/caf?.csv")')" = True ]
}

@test "show leaves the campaign alone" {
    sha256sum c.wattle >sum
    "$WATTLE" show c.wattle --runs >/dev/null
    sha256sum -c sum
    [ ! -e c.wattle-journal ]
}
