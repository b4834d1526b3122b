#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle import: what comes in, what is said about it, and that nothing is lost when it goes wrong.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    export SOURCE_DATE_EPOCH=1752024000
    data=$WATTLE_SOURCE/data/frequency
}

# json FILE EXPRESSION: the value of a Python expression over the document `d`.
json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

# trace FILE CLOCK POWER [ROWS]: a DCGM trace of an A100 with an energy counter.
trace() {
    mkdir -p "$(dirname "$1")"
    awk -v clock="$2" -v power="$3" -v rows="${4:-200}" 'BEGIN {
        print "#Entity   NVIDX  DVNAM                   POWER     TOTEC        SACLK"
        print "ID                                       W         mJ"
        for (i = 1; i <= rows; i++)
            printf "GPU 0     0      NVIDIA A100-PCIE-40GB   %.3f   %.0f   %d\n", power, power * 50 * i, clock
    }' >"$1"
}

# sweep DIR: four traces with their timing log, application output and a configuration.
sweep() {
    local seq=0 clock rep dir=$1/results_a100_llama_job_77
    mkdir -p "$dir"
    printf '# Run Timing Summary\n# Format: run_id,frequency_mhz,duration_seconds,exit_code,status\n' \
        >"$dir/timing_summary.log"
    for clock in 1410 1200; do
        for rep in 1 2; do
            seq=$((seq + 1))
            trace "$dir/run_${seq}_0${rep}_freq_${clock}_profile.csv" $clock $((clock / 10 + rep))
            echo output >"$dir/run_${seq}_0${rep}_freq_${clock}_app.out"
            echo "${seq}_0${rep},$clock,$((11 + seq)),0,success" >>"$dir/timing_summary.log"
        done
    done
    echo 'a: 1' >"$dir/config.yaml"
}

@test "the shipped data: runs table, traces of three boards, a file of two jobs" {
    run --separate-stderr "$WATTLE" import "$data" -o c.wattle
    [ "$status" -eq 0 ]
    [[ $stderr == *"GV100-baseline-LSTM-1380-0"*"one file mixes 624 rows of NVIDIA A100-PCIE-40GB"*"268 rows of GPU 0"* ]]
    [[ $output == *"A100  stablediffusion "*" 183"* ]]
    [[ $output == *"V100  whisper "*" 177"* ]]
    [[ $output == *"1 row dropped:"*"NUL bytes or a line over the length limit"* ]]
    "$WATTLE" import "$data" -o j.wattle --json -q >j.json 2>/dev/null
    [ "$(json j.json 'sum(s["runs"] for s in d["sets"] if s["gpu"] != "H100" and s["workload"] in ("llama", "vit", "whisper", "stablediffusion"))')" = 1440 ]
    [ "$(json j.json 'd["runs"]["added"] == sum(s["runs"] for s in d["sets"])')" = True ]
    [ "$(json j.json 'd["rows"]["dropped"], d["rows"]["dropped_by_cause"]')" = "(1, {'binary': 1})" ]
    [ "$(json j.json 'len(d["notes"]), d["notes"][0]["failed"]')" = "(1, False)" ]
    [ "$(json j.json 'd["files"]["failed"]')" = 0 ]
}

@test "known energies of a shipped trace" {
    "$WATTLE" import "$data"/raw/GH100-baseline-StableDiffusion-1785-0__66d5611__a0fae634.gz \
        -o c.wattle >/dev/null
    "$WATTLE" show c.wattle --runs --json >j.json
    # By hand: 1285 rows, mean 201.61 W, counter 13230.0 J without its edges, 12953.5 J by 50 ms.
    json j.json '[d["runs"][0]["metrics"][k] for k in ("n_samples", "power_mean_w", "energy_j", "energy_nominal_j", "period_s")]' >got
    python3 -c '
rows, mean, energy, nominal, period = eval(open("got").read())
assert rows == 1285
assert abs(mean - 201.61) < 0.01, mean
assert abs(nominal - 12953.5) < 1, nominal
assert abs(energy / 13230.0 - 1) < 0.005, energy
assert abs(period - 0.0511) < 0.0005, period'
    [ "$(json j.json 'd["runs"][0]["gpu"], d["runs"][0]["clock_mhz"], d["runs"][0]["rep"]')" = "('H100', 1785, 1)" ]
}

@test "spellings of one name are one set and one column, under one spelling" {
    printf 'gpu,workload,clock_mhz,rep,time_s,energy_j\nA100,StableDiffusion,1410,1,10,1400\nA100,llama,1410,1,10,1400\n' >a.csv
    printf 'gpu,workload,clock_mhz,rep,time_s,energy_j\nv100,stable-diffusion,1380,1,10,1400\n' >b.csv
    printf 'gpu,workload,clock_mhz,rep,time_s,energy_j\nV100,Stable Diffusion,1380,2,11,1500\nV100,Stable Diffusion,1380,3,11,1500\n' >c.csv
    "$WATTLE" import a.csv b.csv c.csv -o c.wattle --json -q >i.json
    [ "$(json i.json '[(s["gpu"], s["workload"], s["runs"]) for s in d["sets"]]')" = \
        "[('A100', 'llama', 1), ('A100', 'Stable Diffusion', 1), ('V100', 'Stable Diffusion', 3)]" ]
    "$WATTLE" show c.wattle --json --workload stableDIFFUSION >s.json
    [ "$(json s.json '[(s["gpu"], s["workload"], s["n_runs"]) for s in d["sets"]]')" = \
        "[('A100', 'Stable Diffusion', 1), ('V100', 'Stable Diffusion', 3)]" ]
    "$WATTLE" show c.wattle --json --gpu a100 >s.json
    [ "$(json s.json '[s["workload"] for s in d["sets"]]')" = "['llama', 'Stable Diffusion']" ]
}

@test "boards of one short name are kept apart, and said to be" {
    trace tree/results_a100_llama_job_1/run_1_01_freq_1410_profile.csv 1410 100
    trace tree/results_a100_llama_job_2/run_1_01_freq_1410_profile.csv 1410 180
    sed -i 's/A100-PCIE-40GB/A100-SXM4-80GB/' tree/results_a100_llama_job_2/*.csv
    run --separate-stderr "$WATTLE" import tree -o c.wattle
    [ "$status" -eq 0 ]
    [[ $stderr == *"the runs of A100 are of different boards, kept apart: A100-PCIE-40GB, A100-SXM4-80GB"* ]]
    [[ $output == *"A100-PCIE-40GB  llama "*" 1"*"A100-SXM4-80GB  llama "*" 1"* ]]
    "$WATTLE" show c.wattle --json --gpu A100 >s.json
    [ "$(json s.json '[(s["gpu"], s["rejected"]) for s in d["sets"]]')" = "[('A100-PCIE-40GB', {}), ('A100-SXM4-80GB', {})]" ]
    "$WATTLE" show c.wattle --json --gpu "NVIDIA A100-SXM4-80GB" >s.json
    [ "$(json s.json '[s["n_runs"] for s in d["sets"]]')" = "[1]" ]
}

@test "importing again changes nothing and says so" {
    sweep tree
    "$WATTLE" import tree -o c.wattle >first
    grep -q '^5 files read' first
    grep -q '^4 runs added' first
    sha256sum c.wattle >sum
    unset SOURCE_DATE_EPOCH
    run "$WATTLE" import tree -o c.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"0 files read, 5 known already: unchanged"* ]]
    [[ $output == *"0 runs added"* ]]
    sha256sum -c sum
}

@test "plain, gzip, zstd and xz give the same run; compressed names keep their meaning" {
    trace results_a100_llama_job_7/run_1_01_freq_1410_profile.csv 1410 140
    for c in "gzip .gz" "zstd .zst" "xz .xz"; do
        mkdir -p "$c/results_a100_llama_job_7"
        f="$c/results_a100_llama_job_7/run_1_01_freq_1410_profile.csv${c#* }"
        "${c% *}" -c <results_a100_llama_job_7/run_1_01_freq_1410_profile.csv >"$f"
        "$WATTLE" import "$c" -o "c${c#* }.wattle" >/dev/null
        "$WATTLE" export "c${c#* }.wattle" -o "r${c#* }.csv"
    done
    "$WATTLE" import results_a100_llama_job_7 -o c.wattle >/dev/null
    "$WATTLE" export c.wattle -o r.csv
    cmp r.csv r.gz.csv
    cmp r.csv r.zst.csv
    cmp r.csv r.xz.csv
    grep -q '^A100,llama,7,' r.csv
}

@test "the number of threads changes not one byte" {
    sweep tree
    cp -r tree/results_a100_llama_job_77 tree/results_a100_vit_job_78
    for f in tree/results_a100_vit_job_78/*profile.csv; do
        echo 'GPU 0     0      NVIDIA A100-PCIE-40GB   1.000   99000000   1410' >>"$f"
    done
    "$WATTLE" import tree -o one.wattle >one
    "$WATTLE" import tree -o four.wattle -j 4 >four
    cmp one.wattle four.wattle
    cmp one four
    grep -q '^8 runs added' one
}

@test "a trace that cannot be read stops the import, is named, and nothing is stored" {
    sweep tree
    "$WATTLE" import tree -o c.wattle >/dev/null
    sha256sum c.wattle >sum
    echo 'srun: job killed' >tree/results_a100_llama_job_77/run_5_01_freq_990_profile.csv
    trace tree/results_a100_llama_job_77/run_6_02_freq_990_profile.csv 990 99
    run "$WATTLE" import tree -o c.wattle
    [ "$status" -eq 1 ]
    [[ $output == *"run_5_01_freq_990_profile.csv"*"no reader knows this content"* ]]
    [[ $output == *"hint: readers: "*dcgmi* ]]
    sha256sum -c sum
    run "$WATTLE" import tree -o new.wattle
    [ "$status" -eq 1 ]
    [ ! -e new.wattle ]
    run "$WATTLE" import tree -o c.wattle --keep-going
    [ "$status" -eq 0 ]
    [[ $output == *"run_5_01_freq_990_profile.csv: passed over"* ]]
    [[ $output == *"1 not readable"* ]]
    [[ $output == *"1 run added"* ]]
}

@test "a bad cell of a table is named by line and column" {
    printf 'gpu,application,frequency,avg_power,execution_time,energy\nA100,llama,1410,140,10,1400\nA100,llama,1200,many,11,1300\n' >t.csv
    run "$WATTLE" import t.csv -o c.wattle
    [ "$status" -eq 1 ]
    [[ $output == *"t.csv:3:17: "*"\"many\""* ]]
    [ ! -e c.wattle ]
}

@test "what neither name nor content tells must be said" {
    trace some.csv 1410 140
    run "$WATTLE" import some.csv -o c.wattle
    [ "$status" -eq 1 ]
    [[ $output == *"some.csv: neither the name nor the content tells the workload"* ]]
    [[ $output == *"hint: give it with --workload NAME"* ]]
    "$WATTLE" import some.csv -o c.wattle --workload llama | grep -q 'A100  llama'
}

@test "a naming pattern gives what the names mean" {
    trace A100/bert/c1410_r2.txt 1410 140
    printf 'naming:\n  - pattern: "{gpu}/{workload}/c{clock}_r{rep}.txt"\n' >n.yaml
    "$WATTLE" import A100 -o c.wattle --naming n.yaml >/dev/null
    "$WATTLE" show c.wattle --runs --json >j.json
    [ "$(json j.json '[d["runs"][0][k] for k in ("gpu", "workload", "clock_mhz", "rep")]')" = "['A100', 'bert', 1410, 2]" ]
    printf 'naming:\n  - pattern: "{gpu}/{worklaod}"\n' >n.yaml
    run "$WATTLE" import A100 -o c.wattle --naming n.yaml
    [ "$status" -eq 1 ]
    [[ $output == *"n.yaml:2:"*"worklaod"* ]]
}

@test "any CSV through a mapping" {
    printf 'when ms;board power mW\n0;100000\n100;100000\n200;100000\n300;100000\n' >other.csv
    printf 'mapping:\n  rows: samples\n  time: {column: when ms, form: ms}\n  constants: {gpu: L40S, workload: resnet, clock: 2520MHz}\n  columns:\n    - {column: board power mW, as: power_w, unit: mW}\n' >m.yaml
    "$WATTLE" import other.csv -o c.wattle --mapping m.yaml >/dev/null
    "$WATTLE" show c.wattle --runs --json >j.json
    [ "$(json j.json '[d["runs"][0][k] for k in ("gpu", "workload", "clock_mhz")]')" = "['L40S', 'resnet', 2520]" ]
    [ "$(json j.json 'round(d["runs"][0]["metrics"]["power_mean_w"], 9)')" = 100.0 ]
    [ "$(json j.json 'round(d["runs"][0]["metrics"]["period_s"], 9)')" = 0.1 ]
}

@test "out of room while it writes: an error, the campaign is as it was and takes the import again" {
    sweep tree
    "$WATTLE" import tree -o c.wattle >/dev/null
    "$WATTLE" show c.wattle --json >before.json
    awk 'BEGIN { print "gpu,workload,clock_mhz,rep,seq,time_s,energy_j"
        for (i = 1; i <= 6000; i++) print "A100,vit," 1410 - 15 * int(i / 100) "," i % 100 "," i ",10." i ",1400" }' >many.csv
    local stopped=0 kib
    for kib in 40 60 100 200 400 800; do
        cp c.wattle k.wattle
        run bash -c "ulimit -c 0; ulimit -f $kib; exec '$WATTLE' import many.csv -o k.wattle"
        [ "$status" -ne 0 ] || continue # a limit of file size: in the middle of a write
        [ "$status" -eq 1 ]
        [[ $output == "wattle: "* ]]
        stopped=$((stopped + 1))
        "$WATTLE" show k.wattle --json | sed 's/k\.wattle/c.wattle/' >after.json
        cmp before.json after.json
        "$WATTLE" import many.csv -o k.wattle | grep -q '^6000 runs added'
    done
    [ "$stopped" -ge 3 ]
}

@test "a full disk is an error with a hint, not a damaged campaign" {
    sweep tree
    "$WATTLE" import tree -o c.wattle >/dev/null
    "$WATTLE" show c.wattle --json >before.json
    awk 'BEGIN { print "gpu,workload,clock_mhz,rep,seq,time_s,energy_j"
        for (i = 1; i <= 6000; i++) print "A100,vit," 1410 - 15 * int(i / 100) "," i % 100 "," i ",10." i ",1400" }' >many.csv
    run bash -c "trap '' XFSZ; ulimit -f 200; exec '$WATTLE' import many.csv -o c.wattle"
    [ "$status" -eq 1 ]
    [[ $output == *"c.wattle"* ]]
    [[ $output == *"hint: the disk may be full or failing; nothing stored before was lost"* ]]
    "$WATTLE" show c.wattle --json >after.json
    cmp before.json after.json
}

@test "a file that is no campaign is refused and left alone" {
    sweep tree
    for i in 1 2 3 4 5 6 7 8 9; do echo "some,table,of,mine,$i" >>mine.csv; done
    cp mine.csv copy
    run "$WATTLE" import tree -o mine.csv
    [ "$status" -eq 1 ]
    [[ $output == *"mine.csv"* ]]
    cmp mine.csv copy
}

@test "wrong usage" {
    run "$WATTLE" import "$data"
    [ "$status" -eq 2 ]
    [[ $output == *"-o CAMPAIGN"* ]]
    run "$WATTLE" import -o c.wattle
    [ "$status" -eq 2 ]
    run "$WATTLE" import nowhere -o c.wattle
    [ "$status" -eq 1 ]
    [[ $output == *"\"nowhere\": No such file or directory"* ]]
    trace some.csv 1410 140
    run "$WATTLE" import some.csv -o c.wattle --reader dcgm
    [ "$status" -eq 2 ]
    [[ $output == *"did you mean \"dcgmi\"?"* ]]
    [ ! -e c.wattle ]
}

@test "a run counts once: copies, exported tables, a table in three spellings, repeated rows" {
    sweep t
    "$WATTLE" import t -o a.wattle -q
    gzip -k t/*/run_*.csv
    "$WATTLE" export a.wattle -o t/runs.csv -q
    "$WATTLE" export a.wattle --csv measurements -o t/agg.csv -q
    run --separate-stderr "$WATTLE" import t -o b.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"10 of the campaign are there twice and count once"* ]]
    [[ $stderr == *"agg.csv: 2 runs are also in "*" and other files: counted once"* ]]
    [[ $stderr == *"more files have runs that are in other files too"* ]]
    "$WATTLE" show b.wattle --json >b.json
    [ "$(json b.json '[(s["n_runs"], s["n_used"], s["rejected"]) for s in d["sets"]]')" = "[(14, 4, {'duplicate': 10})]" ]
    run "$WATTLE" export b.wattle
    [[ $output == *"duplicate,the same run as in results_a100_llama_job_77/run_1_01_freq_1410_profile.csv"* ]]
    [[ $output == *"duplicate,\"the mean of 2 runs; runs of this clock are in results_a100_llama_job_77/"* ]]

    printf 'gpu,workload,clock_mhz,time_s,energy_j\nA100,w,1410,20.0123,4001.25\nA100,w,1410,20.0123,4001.25\n' >p.csv
    { printf '\xef\xbb\xbf'; cat p.csv; } >q.csv
    sed 's/$/\r/' p.csv >r.csv
    run --separate-stderr "$WATTLE" import p.csv q.csv r.csv -o c.wattle
    [[ $output == *"5 of the campaign are there twice and count once"* ]]
    [[ $stderr == *"p.csv: 1 run is in it twice: counted once"* ]]
    printf 'gpu,workload,clock_mhz,rep,time_s,energy_j\nA100,w,1410,1,20.0123,4001.25\nA100,w,1410,2,20.0123,4001.25\n' >s.csv
    run --separate-stderr "$WATTLE" import s.csv -o d.wattle
    [[ $output != *"twice"* ]]
}

@test "two jobs of one sampler in one file, told apart by their energy counters alone" {
    d=t/results_a100_llama_job_77
    mkdir -p $d
    awk 'BEGIN {
        print "#Entity   POWER      TOTEC           SMCLK"
        print "ID        W          mJ              MHz"
        for (i = 0; i < 300; i++) {
            printf "GPU 0     200.%03d    %.0f      1410     \n", i, 1000000000 + 10000 * i
            printf "GPU 0     90.%03d     %.0f      1410     \n", i, 5500000000 + 4600 * i
        }
    }' >$d/run_1_01_freq_1410_profile.csv
    run --separate-stderr "$WATTLE" import t -o c.wattle
    [ "$status" -eq 0 ]
    [[ $stderr == *"two energy counters take turns, 300 rows up to 1002990 J and 300 rows up to 5501375 J: two jobs in one file; marked contaminated"* ]]
    "$WATTLE" export c.wattle -q | grep -q ',contaminated,'
}

@test "a file that has grown replaces what was read of it; one that was renamed is labelled anew" {
    sweep t
    f=t/results_a100_llama_job_77/run_1_01_freq_1410_profile.csv
    cp $f full
    head -n 150 full >$f
    "$WATTLE" import t -o c.wattle --keep-samples -q
    cp full $f
    run --separate-stderr "$WATTLE" import t -o c.wattle --keep-samples
    [ "$status" -eq 0 ]
    [[ $stderr == *"run_1_01_freq_1410_profile.csv: has grown since it was imported: its earlier runs are replaced"* ]]
    "$WATTLE" import t -o whole.wattle -q
    "$WATTLE" export c.wattle -q >c.csv
    "$WATTLE" export whole.wattle -q >whole.csv
    [ "$(sort c.csv)" = "$(sort whole.csv)" ]

    mv $f ${f/1410/1395}
    sed -i 's/^1_01,1410/1_01,1395/' t/*/timing_summary.log
    run --separate-stderr "$WATTLE" import t -o c.wattle
    [ "$status" -eq 0 ]
    [[ $stderr == *"run_1_01_freq_1395_profile.csv: renamed from "*"its runs are labelled anew, clock 1395 instead of 1410 MHz"* ]]
    "$WATTLE" export c.wattle -q | cut -d, -f2,5,6,7 >labels
    grep -q '^llama,1,1,1395$' labels
    [ "$(wc -l <labels)" -eq 5 ]

    cp ${f/1410/1395} ${f/1410/1380}
    run --separate-stderr "$WATTLE" import t -o c.wattle
    [[ $stderr == *"run_1_01_freq_1380_profile.csv: has the content of "*"but another name (clock 1380 instead of 1395 MHz): left out"* ]]

    # the same where the copies come in one import: the first name counts, and it is said
    run --separate-stderr "$WATTLE" import t -o both.wattle
    [ "$status" -eq 0 ]
    [[ $stderr == *"run_1_01_freq_1395_profile.csv: has the content of "*"run_1_01_freq_1380_profile.csv but another name (clock 1395 instead of 1380 MHz): left out"* ]]

    # both copies lose their old place at once: one is stored anew, the other is a copy of it
    mv t elsewhere
    run --separate-stderr "$WATTLE" import elsewhere -o c.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"2 files read"*", 4 known already"* ]] # the log of times belongs to its place
    [ "$("$WATTLE" export c.wattle -q | wc -l)" -eq 5 ]
    run --separate-stderr "$WATTLE" import elsewhere -o c.wattle
    [[ $output == *"0 files read, 6 known already"* ]]

    printf 'gpu,workload,clock_mhz,time_s,energy_j\nA100,w,1410,20.0123,4001.25\n' >p.csv
    "$WATTLE" import p.csv -o d.wattle -q
    sed -i 's/4001.25/4002.25/' p.csv
    run --separate-stderr "$WATTLE" import p.csv -o d.wattle
    [[ $stderr == *"p.csv: has changed since it was imported: its earlier runs stay beside the new"* ]]
}

@test "what cannot be read is named without -v; an import of nothing fails" {
    sweep t
    "$WATTLE" import t -o a.wattle -q
    "$WATTLE" export a.wattle -q >p.csv
    iconv -f UTF-8 -t UTF-16 p.csv >t/wide.csv
    printf 'BZh91AY&SY' >t/p.csv.bz2
    run --separate-stderr "$WATTLE" import t -o b.wattle
    [ "$status" -eq 0 ]
    [[ $stderr == *"wide.csv: the file is UTF-16 text: convert it with "*iconv* ]]
    [[ $stderr == *"p.csv.bz2: the file is compressed by bzip2: decompress it"* ]]
    run "$WATTLE" import t/wide.csv -o c.wattle
    [ "$status" -eq 1 ]
    [[ $output == *"UTF-16"* ]]
    [ ! -e c.wattle ]

    mkdir empty
    run "$WATTLE" import empty -o c.wattle
    [ "$status" -eq 1 ]
    [[ $output == *"nothing imported: no trace, table or timing log among 0 files"* ]]
    [ ! -e c.wattle ]
    printf 'gpu,workload,clock_mhz,power_w\nA,w,510,x\n' >empty/bad.csv
    run "$WATTLE" import empty -o c.wattle --keep-going
    [ "$status" -eq 1 ]
    [[ $output == *"nothing imported: none of 1 could be read"* ]]
    run "$WATTLE" import t -o a.wattle
    [ "$status" -eq 0 ]
    run "$WATTLE" optimize p.csv
    [ "$status" -eq 1 ]
    [[ $output == *"imported first: wattle import FILE -o CAMPAIGN"* ]]
}

@test "--keep-going passes over a directory that may not be read" {
    open=$(mktemp -d) # the test's own directory is below one that others may not pass
    cd "$open"
    chmod 777 .
    sweep t
    mkdir t/closed
    chmod 000 t/closed
    as=()
    if [ "$(id -u)" -eq 0 ]; then
        as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        if ! "${as[@]}" "$WATTLE" help >/dev/null 2>&1; then
            rm -r "$open"
            skip "nobody else may run the program here"
        fi
    fi
    run --separate-stderr "${as[@]}" "$WATTLE" import t -o c.wattle
    strict=$status
    run --separate-stderr "${as[@]}" "$WATTLE" import t -o c.wattle --keep-going
    rm -r "$open"
    [ "$strict" -eq 4 ]
    [ "$status" -eq 0 ]
    [[ $stderr == *"t/closed: passed over: cannot open directory"* ]]
    [[ $output == *"5 files read"*"1 not readable"* ]]
}

@test "a mapping that does not fit says what it misses, in a file and in a tree" {
    cd "$BATS_TEST_TMPDIR"
    mkdir tree
    printf 'Time,GPU Power\n1,71\n2,72\n' >tree/a.csv
    printf 'mapping: {rows: samples, columns: [{column: GPU Powr, as: power_w}]}\n' >m.yaml
    run "$WATTLE" import tree/a.csv --mapping m.yaml -o c.wattle
    [ "$status" -eq 1 ]
    [[ $output == *'a.csv:1:1: no column "GPU Powr", which the mapping uses'* ]]
    [[ $output == *'did you mean "GPU Power"?'* ]]
    run "$WATTLE" import tree --mapping m.yaml -o c.wattle -v
    [ "$status" -eq 1 ]
    [[ $output == *'a.csv: no trace: no column "GPU Powr", which the mapping uses'* ]]
}

@test "a log of which most rows are dropped is named, with the first of them" {
    cd "$BATS_TEST_TMPDIR"
    printf 'timestamp, index, power.draw [W]\n' >comma.csv
    for i in 1 2 3; do printf '2025/07/09 01:17:3%d.000, 0, 250,50 W\n' $i >>comma.csv; done
    run "$WATTLE" import comma.csv -o c.wattle --gpu A100 --workload w
    [ "$status" -eq 0 ]
    [[ $output == *'comma.csv: 3 of 3 rows dropped, the first in line 2: too_many_cells 3'* ]]
    printf 'timestamp, index, power.draw [W]\n' >few.csv
    for i in 1 2 3; do printf '2025/07/09 01:17:3%d.000, 0, 250.50 W\n' $i >>few.csv; done
    printf '2025/07/09 01:17:34.000, 0, 2' >>few.csv
    run "$WATTLE" import few.csv -o c.wattle --gpu A100 --workload w
    [[ $output == *'3 rows, 0.0 % of cells N/A; 1 row dropped'* ]]
    [[ $output != *'first in line'* ]]
}

@test "a log that comes after its traces; a copy and a trace under another name" {
    sweep t
    log=t/results_a100_llama_job_77/timing_summary.log
    mv "$log" log
    "$WATTLE" import t -o c.wattle -q >/dev/null
    mv log "$log"
    run "$WATTLE" import t -o c.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"0 runs added, 4 updated from timing logs"* ]]
    "$WATTLE" show c.wattle --runs --json >s.json
    [ "$(json s.json 'sorted(r["metrics"]["wrapper_time_s"] for r in d["runs"])')" = "[12, 13, 14, 15]" ]
    cp t/results_a100_llama_job_77/run_1_01_freq_1410_profile.csv \
        t/results_a100_llama_job_77/run_9_01_freq_1005_profile.csv
    run "$WATTLE" import t -o c.wattle
    [[ $output == *"run_9_01_freq_1005_profile.csv: has the content of "*"run_1_01_freq_1410_profile.csv but another name"* ]]
    [[ $output == *"(clock 1005 instead of 1410 MHz, sequence 9 instead of 1): left out"* ]]
    rm t/results_a100_llama_job_77/run_9_01_freq_1005_profile.csv
    mkdir t/results_a100_bert_job_78
    mv t/results_a100_llama_job_77/run_1_01_freq_1410_profile.csv t/results_a100_bert_job_78/
    run "$WATTLE" import t -o c.wattle
    [[ $output == *"renamed from "*"job_77/run_1_01_freq_1410_profile.csv: its runs are labelled anew, workload \"bert\" instead of \"llama\", job \"78\" instead of \"77\""* ]]
    "$WATTLE" show c.wattle --json >s.json
    [ "$(json s.json '[(s["workload"], s["n_runs"]) for s in d["sets"]]')" = "[('bert', 1), ('llama', 3)]" ]
}

@test "a reader that finds nothing in a file keeps nothing of it; another one reads it anew" {
    printf 'unix_time_s,name,pstate,power_w\n%d,A100,0,100\n%d,A100,0,101\n%d,A100,0,102\n' 1690000000 1690000001 1690000002 >m.csv
    printf 'timestamp, index, power.draw [W]\n2025/07/09 01:17:31.000, 0, 250.50 W\n' >s.csv
    run "$WATTLE" import s.csv --reader samples -o c.wattle --gpu A100 --workload w
    [ "$status" -eq 1 ]
    [[ $output == *'s.csv: the reader "samples" finds nothing in it: 2 rows dropped, the first in line 1: '* ]]
    [ ! -e c.wattle ]
    run "$WATTLE" import s.csv m.csv --reader perf-stat --keep-going -o c.wattle --gpu A100 --workload w
    [ "$status" -eq 1 ]
    [[ $output == *"none of 2 could be read"* ]]
    "$WATTLE" import m.csv --reader nvidia-smi -q -o c.wattle --gpu A100 --workload w
    run "$WATTLE" import m.csv --reader power-meter -o c.wattle --gpu A100 --workload w
    [ "$status" -eq 0 ]
    [[ $output == *'m.csv: was read by "nvidia-smi" before: '* && $output == *"1 run added"* ]]
    "$WATTLE" show c.wattle --json >s.json
    [ "$(json s.json '[s["n_runs"] for s in d["sets"]]')" = "[1]" ]
    [ "$(sqlite3 c.wattle 'select reader from source')" = power-meter ]
    run "$WATTLE" import m.csv --reader power-meter -o c.wattle --gpu A100 --workload w
    [[ $output == *"1 known already"* ]]
}

@test "a name from the command line that no file needed is told" {
    {
        echo start_time,window_name,elapsed_time,gpu0_energy,gpu1_energy
        echo 1690000000.25,prefill,2.5,500.5,480.25
    } >zeus.csv
    run "$WATTLE" import zeus.csv -o a.wattle --gpu A100 --workload llama
    [ "$status" -eq 0 ]
    [[ $output == *"--workload llama was not used: "*" tell theirs (prefill)"* ]]
    [[ $output != *"--gpu A100 was not used"* ]]
    "$WATTLE" show a.wattle --json >s.json
    [ "$(json s.json '[(s["gpu"], s["workload"], s["n_runs"]) for s in d["sets"]]')" = "[('A100', 'prefill', 2)]" ]
    "$WATTLE" import zeus.csv -o b.wattle >out
    "$WATTLE" show b.wattle --json >s.json
    [ "$(json s.json '[s["gpu"] for s in d["sets"]]')" = "['gpu0', 'gpu1']" ]
    trace run_1_01_freq_1410_profile.csv 1410 200
    run "$WATTLE" import run_1_01_freq_1410_profile.csv -o c.wattle --gpu V100 --workload x
    [[ $output == *"--gpu V100 was not used: "*"(A100)"* ]]
}
