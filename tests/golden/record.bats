#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle record: every format read back, rotation, full disks with counted gaps, kills.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$WATTLE_RUN_DIR"
    GPU=virtual:a100,load=resnet50/64
    cat >mark.py <<'END'
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["WATTLE_MARKERS"])
def say(text): s.sendall((text + "\n").encode())
for i in range(10):
    say(f"begin step t={time.monotonic_ns()}")
    time.sleep(0.1)
    say(f"end step t={time.monotonic_ns()} work=8 unit=images")
say("latency 0.01 0.02 0.03")
END
}

teardown() {
    "$WATTLE" sim stop >/dev/null 2>&1 || true
    if mountpoint -q "$BATS_TEST_TMPDIR/disk"; then umount "$BATS_TEST_TMPDIR/disk"; fi
}

@test "output, status and signals of the command pass through" {
    run --separate-stderr "$WATTLE" record -i $GPU -o a.csv -- sh -c 'echo out; echo err >&2; exit 7'
    [ "$status" -eq 7 ]
    [ "$output" = out ]
    [[ "$stderr" == *err*"samples in a.csv"* ]]
    run --separate-stderr "$WATTLE" record -q -i $GPU -o b.csv -- sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
    [ "$stderr" = "" ]
    "$WATTLE" record -q -i $GPU -o there.wattle -- true
    for file in c.csv c.jsonl c.wattle there.wattle; do # a misspelt command leaves nothing in the way
        run -127 --separate-stderr "$WATTLE" record -i $GPU -o $file -- "$BATS_TEST_TMPDIR/no-such-program"
    done
    [ "$(ls c.*)" = "" ] 2>/dev/null
    "$WATTLE" show there.wattle | grep -q '^there.wattle: 1 run of 1 '
    ! "$WATTLE" show there.wattle | grep -q no-such-program
    run -125 "$WATTLE" record -i $GPU -o c.csv --for 1s -- sleep 1
    [[ "$output" == *"--for is for a span without a command"*"-- timeout 1s sleep"* ]]
    run -2 "$WATTLE" record -o c.csv sleep 1
    [[ "$output" == *"a command to run comes behind --: wattle record [options] -- sleep"* ]]
}

@test "every format: what was recorded is imported, with the energy of the counter" {
    for ending in csv jsonl smi dmon; do
        "$WATTLE" record -i $GPU --for 2s -o a.$ending --json >$ending.json
        "$WATTLE" import a.$ending -o $ending.wattle --workload resnet50 >out
        grep -q '1 run added' out
        ! grep -q dropped out
        "$WATTLE" export $ending.wattle -o $ending.runs.csv
    done
    python3 - <<'END'
import csv, json
for ending in ("csv", "jsonl", "smi", "dmon"):
    (run,) = csv.DictReader(open(f"{ending}.runs.csv"))
    d = json.load(open(f"{ending}.json"))
    assert run["gpu"] == "A100", run
    assert int(run["n_samples"]) == d["recording"]["rows"] > 5
    assert d["recording"]["lost"] == 0 and d["recording"]["files"] == 1
    mean = d["devices"][0]["mean_w"]
    assert abs(float(run["power_mean_w"]) / mean - 1) < 0.02, (ending, run["power_mean_w"], mean)
    if ending != "smi":  # it has no counter
        assert float(run["energy_counter_j"]) > 0, (ending, run)
rows = [l.split() for l in open("a.dmon")]  # "GPU 0" is two words
at = rows[0].index("TOTEC") + 1
mj = [int(r[at]) for r in rows if r[0] == "GPU"]
d = json.load(open("dmon.json"))
assert 0 < (mj[-1] - mj[0]) / 1000 < d["total"]["energy_j"], (mj, d["total"])
tick_j = 0.1 * d["devices"][0]["mean_w"]  # its counter steps every 100 ms; a busy machine reads not every step
for step in ((after - before) / 1000 / tick_j for before, after in zip(mj, mj[1:])):
    assert step > 0.9 and abs(step - round(step)) < 0.03 * step, (step, mj, tick_j)
END
}

@test "CSV and JSON lines hold the same, for any program" {
    "$WATTLE" record -i $GPU -i estimate:cpu,tdp=40W --for 1s -o a.csv -q
    "$WATTLE" record -i $GPU -i estimate:cpu,tdp=40W --for 1s -o a.jsonl -q
    python3 - <<'END'
import csv, json
rows = list(csv.DictReader(open("a.csv")))
assert {r["device"] for r in rows} == {"virtual:a100,load=resnet50/64", "estimate:cpu,tdp=40W"}
for device in {r["device"] for r in rows}:
    t = [float(r["unix_time_s"]) for r in rows if r["device"] == device]
    assert t == sorted(t) and len(t) > 5
cpu = [r for r in rows if r["device"].startswith("estimate")]
assert all(r["power_instant_w"] == "nan" for r in cpu)  # it has no such sensor
lines = [json.loads(l) for l in open("a.jsonl")]
assert lines[0]["wattle"] == "samples" and len(lines[0]["streams"]) == 2
samples = [l for l in lines if "t_ns" in l]
assert all(l["s"] in (0, 1) for l in samples) and len(samples) > 10
assert lines[-1]["recording"]["recording"]["rows"] == len(samples)
END
}

@test "a campaign: runs with energy, work, latencies and samples; more are added" {
    for k in 1 2; do
        "$WATTLE" record -q -i $GPU -o c.wattle --workload marked -- python3 mark.py
    done
    # A device that works has no idle power to measure.
    run "$WATTLE" record -q -i $GPU --baseline 1s -o c.wattle --workload marked -- sh -c 'sleep 0.5; exit 3'
    [ "$status" -eq 3 ]
    "$WATTLE" export c.wattle -o runs.csv
    python3 - <<'END'
import csv
a, b, c = csv.DictReader(open("runs.csv"))
for r in (a, b):
    assert r["gpu"] == "A100" and r["workload"] == "marked" and r["unit"] == "images"
    assert float(r["work_units"]) == 80 and float(r["latency_p50_s"]) == 0.02
    assert r["energy_method"] == "counter_edges" and r["energy_class"] == "A" and r["status"] == "success"
    assert 1 < float(r["time_s"]) < 3 and float(r["energy_rel_error"]) > 0
    assert abs(float(r["energy_j"]) / float(r["time_s"]) / float(r["power_mean_w"]) - 1) < 0.05
    assert int(r["n_samples"]) > 20 and r["causes"] == ""
assert c["status"] == "failed" and "failed" in c["causes"] and c["idle_power_w"] == ""
END
    "$WATTLE" show c.wattle | grep -q 'recording  record '
    "$WATTLE" record -q -i virtual:a100 --baseline 0.5s -o idle.wattle -- sleep 0.1
    "$WATTLE" export idle.wattle -o runs.csv
    python3 -c 'import csv; (r,) = csv.DictReader(open("runs.csv")); assert 30 < float(r["idle_power_w"]) < 45, r'
}

@test "the machine room: two models of GPU in one file, a run each, none of them mixed up" {
    "$WATTLE" sim start --gpu a100,v100 >/dev/null 3>&-
    "$WATTLE" sim load resnet50 -i 0 >/dev/null
    "$WATTLE" record --no-estimate -q -i 0 -i 1 --for 1.5s -o a.smi
    "$WATTLE" record --no-estimate -q -i 0 -i 1 --for 1.5s -o a.dmon
    "$WATTLE" record --no-estimate -q -i 0 -i 1 --for 1.5s -o a.csv
    "$WATTLE" record --no-estimate -q -i 0 -i 1 --for 1.5s -o a.jsonl
    "$WATTLE" record --no-estimate -q -i 0 -i 1 -o a.wattle -- sleep 1.5
    for f in a.smi a.dmon a.csv a.jsonl; do
        "$WATTLE" import $f -o $f.wattle --workload x >out 2>err
        grep -q '2 runs added' out
        [ ! -s err ]
    done
    for f in a.smi a.dmon a.csv a.jsonl a; do
        "$WATTLE" show $f.wattle | grep -q '^ *A100 .* 1 .*too few'
        "$WATTLE" export $f.wattle -o runs.csv
        python3 - <<'END'
import csv
runs = list(csv.DictReader(open("runs.csv")))
assert sorted(r["gpu"] for r in runs) == ["A100", "V100"], runs
assert all(r["stated_causes"] == "" and "contaminated" not in r["causes"] for r in runs), runs
END
    done
    "$WATTLE" optimize a.wattle --json | grep -q '"status": *"unusable"' # no clock was set: that is why
}

@test "rotation: numbered files, the newest are kept, energies add up" {
    "$WATTLE" record -i $GPU --for 4.2s -o p.csv --rotate 1s --keep 3 --json >out.json
    [ "$(ls p.*.csv | wc -l)" -eq 3 ]
    [ ! -e p.0001.csv ] && [ -s p.0003.csv ] && [ ! -e p.csv ]
    "$WATTLE" record -i $GPU --for 1s -o p.csv --rotate 10KiB -q # goes on behind the others
    [ "$(ls p.*.csv | wc -l)" -gt 3 ]
    "$WATTLE" record -i $GPU --for 4s -o q.wattle --rotate 1s --json >out.json
    for f in q.*.wattle; do "$WATTLE" export $f -o $f.csv; done
    python3 - <<'END'
import csv, glob, json
d = json.load(open("out.json"))
files = sorted(glob.glob("q.*.wattle.csv"))
assert len(files) == d["recording"]["files"] >= 3
runs = [r for f in files for r in csv.DictReader(open(f))]
assert sum(int(r["n_samples"]) for r in runs) == d["recording"]["rows"]
total = sum(float(r["energy_j"]) for r in runs)
assert abs(total / d["total"]["energy_j"] - 1) < 0.005, (total, d["total"])
END
}

@test "a file that may not grow: samples are lost and counted, the file is whole, status 1" {
    for ending in csv jsonl smi dmon; do
        run bash -c "ulimit -f 8; exec '$WATTLE' record -i $GPU --interval 2ms --for 3s -o a.$ending --json"
        [ "$status" -eq 1 ]
        [[ "$output" == *"samples were lost: "*"File too large"* ]]
        [ "$(tail -c 1 a.$ending | wc -l)" -eq 1 ] # no line is cut
        "$WATTLE" import a.$ending -o $ending.wattle --workload x >out
        ! grep -q dropped out
    done
}

@test "a full disk that is emptied again: the gap is in the file" {
    [ "$(id -u)" -eq 0 ] || skip "mounting a small file system needs root"
    mkdir disk
    mount -t tmpfs -o size=256k none disk || skip "no file system can be mounted here"
    for ending in csv jsonl dmon smi wattle; do
        dd if=/dev/zero of=disk/filler bs=1k count=100 2>/dev/null
        "$WATTLE" record -i $GPU --interval 2ms -o disk/a.$ending --for 6s --json >$ending.json 2>$ending.err 3>&- &
        sleep 1.5
        dd if=/dev/zero of=disk/more bs=1k count=1000 2>/dev/null || true
        sleep 2.5
        rm disk/filler disk/more
        status=0
        wait $! || status=$?
        cp disk/a.$ending . && rm disk/a.$ending*
        echo "$ending $status $(cat $ending.err)"
        [ "$status" -eq 1 ]
    done
    umount disk
    for ending in csv jsonl dmon smi; do
        grep -q 'gap.*No space left on device' a.$ending
        "$WATTLE" import a.$ending -o $ending.wattle --workload x >out
        ! grep -q dropped out
    done
    "$WATTLE" export a.wattle -o runs.csv
    python3 - <<'END'
import csv, json
for ending in ("csv", "jsonl", "dmon", "smi", "wattle"):
    d = json.load(open(f"{ending}.json"))["recording"]
    assert d["lost"] > 0 and d["rows"] > 0 and d["lost_from_ns"] < d["lost_to_ns"], (ending, d)
(run,) = csv.DictReader(open("runs.csv"))
assert "samples of the recording were lost" in run["stated_reason"], run["stated_reason"]
END
}

@test "SIGTERM ends it with a complete file; a kill leaves one that is read" {
    for ending in csv jsonl smi dmon wattle; do
        "$WATTLE" record -i $GPU -o t.$ending 2>err >out 3>&- &
        sleep 1.7
        kill -TERM $!
        wait $!
        grep -q 'samples in' err
        "$WATTLE" record -i $GPU -o k.$ending 2>/dev/null >/dev/null 3>&- &
        sleep 1.$((RANDOM % 9 + 1))
        kill -KILL $!
        wait $! || true
        [ "$ending" = wattle ] || "$WATTLE" import k.$ending -o $ending.wattle --workload x
    done
    "$WATTLE" show k.wattle | tr -s ' \n' ' ' >shown # lines are wrapped
    grep -q 'rejected, truncated: .*the recording did not end: its recorder runs still, or was killed; ' shown
    ! grep -q no_data shown
    run "$WATTLE" import k.wattle -o other.wattle
    [ "$status" -eq 1 ]
    [[ "$output" == *"is a campaign already"*"wattle show"*"wattle export"* ]]
    [ ! -e other.wattle ]
    "$WATTLE" export k.wattle -o killed.csv
    "$WATTLE" export t.wattle -o told.csv
    python3 - <<'END'
import csv
(run,) = csv.DictReader(open("killed.csv"))
assert "truncated" in run["stated_causes"] and "did not end" in run["stated_reason"], run
(run,) = csv.DictReader(open("told.csv"))
assert run["stated_causes"] == "" and float(run["energy_j"]) > 0, run
END
}

@test "nothing that is there is lost; wrong options are told" {
    echo mine >a.csv
    run "$WATTLE" record -i $GPU --for 1s -o a.csv
    [ "$status" -eq 1 ]
    [[ "$output" == *"is there already"* ]]
    [ "$(cat a.csv)" = mine ]
    for bare in 100000 5; do
        run "$WATTLE" record -i $GPU --for 1s -o u.csv --rotate $bare
        [ "$status" -eq 2 ]
        [[ "$output" == *"\"$bare\" has no unit"*"did you mean ${bare}s, or $bare"* ]]
    done
    for outside in 1KB 0.5s 1e9s; do
        run "$WATTLE" record -i $GPU --for 1s -o u.csv --rotate $outside
        [ "$status" -eq 2 ]
        [[ "$output" == *"\"$outside\" is outside "* ]]
    done
    run "$WATTLE" record -i virtual:a100 -i virtual:v100 --for 1s -o u.wattle --gpu X
    [ "$status" -eq 2 ]
    [[ "$output" == *"two models: A100, V100"* ]]
    [ ! -e u.wattle ] && [ ! -e u.0001.csv ]
    for size in 5KB 5kB 5KiB; do "$WATTLE" record -q -i $GPU --for 0.1s -o s$size.csv --rotate $size; done
    for wrong in "" "-o a.txt" "-o a.csv --format cvs" "-o a.csv --keep 3" "-o a.csv --rotate 3apples" "-o -"; do
        run "$WATTLE" record $wrong --for 1s
        [ "$status" -eq 2 ]
    done
    run "$WATTLE" record -i $GPU --for 1s -o /no/such/folder/a.csv
    [ "$status" -eq 1 ]
    [[ "$output" == *"/no/such/folder/a.csv"* ]]
    run "$WATTLE" record -i estimate:cpu --for 1s -o b.smi
    [ "$status" -eq 3 ] || [ "$status" -eq 1 ]
    [[ "$output" == *"holds GPUs only"* ]]
    [ ! -e b.smi ]
    "$WATTLE" record -q -i $GPU --for 0.5s -o /dev/stdout --format csv | head -n 1 | grep -q '^unix_time_s,device,name,'
    # Where SIGPIPE is ignored, as in a service, it ends when nobody reads it any longer, and says so.
    { trap '' PIPE && timeout 60 "$WATTLE" record -i $GPU -o /dev/stdout --format csv 2>left || echo "status $?" >>left; } | head -n 2 >/dev/null
    grep -q 'nobody reads "/dev/stdout" any longer' left
    grep -qx 'status 1' left
}

@test "the sensor's own time stands beside the host's, where the sensor has one" {
    "$WATTLE" record -i virtual:a100,load=resnet50/64 -i estimate:cpu --for 1s -o own.csv -q
    python3 - <<'END'
import csv
rows = list(csv.DictReader(open("own.csv")))
gpu = [r for r in rows if r["device"].startswith("virtual:") and r["energy_counter_j"]]
assert len(gpu) > 20, rows[:3]
stamps = [float(r["energy_time_s"]) for r in gpu]
assert stamps == sorted(stamps) and 5 < len(set(stamps)) < len(stamps), stamps
by_value = {r["energy_counter_j"]: r["energy_time_s"] for r in gpu}
assert len(by_value) == len(set(stamps)), "a value has one time"
assert all(-0.01 < float(r["unix_time_s"]) - float(r["energy_time_s"]) < 1 for r in gpu), gpu[0]
assert all(-0.01 < float(r["unix_time_s"]) - float(r["power_time_s"]) < 1 for r in gpu), gpu[0]
assert {r["energy_time_s"] for r in rows if r["device"] == "estimate:cpu"} == {"nan"}  # it has no such column
END
}

@test "a recording that is imported says what its summary said" {
    "$WATTLE" record -i virtual:a100,exact,load=resnet50/64 --for 2s -o back.csv --json >summary.json
    "$WATTLE" import back.csv -o back.wattle --gpu A100 --workload resnet50 -q
    # Of a part the power that was read often is there, though the other one is not.
    head -50 back.csv >part.csv
    "$WATTLE" import part.csv -o part.wattle --gpu A100 --workload resnet50 -q
    python3 - <<'END'
import json, sqlite3
(device,) = json.load(open("summary.json"))["devices"]
energy, time_s = device["energy"]["energy_j"], device["energy"]["time_s"]
run = "select energy_counter_j, span_s, energy_integral_j from run"
(j, s, _), = sqlite3.connect("back.wattle").execute(run)
assert 0.8 * time_s < s <= time_s, (s, time_s)  # nothing of after its end
assert abs(j / s - energy / time_s) < 0.005 * energy / time_s, (j, s, energy, time_s)
(_, s, j), = sqlite3.connect("part.wattle").execute(run)
assert 90 < j / s < 130, (j, s)
END
}

@test "a recording of a machine without any GPU is read back under the names that it has" {
    for ending in csv jsonl; do
        "$WATTLE" record -q -i estimate:cpu -i virtual:a100 --for 0.5s -o cpu.$ending
        "$WATTLE" import cpu.$ending -o $ending.wattle --workload w --gpu mine >out
        grep -q '2 runs added' out
        grep -Eq '^ +A100 ' out
        grep -Eq '^ +[0-9]+ CPUs?, TDP ' out
        ! grep -q mine out
    done
}
