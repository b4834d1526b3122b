#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Operating points beside clocks: stored, shown, exported, decided on, planned, validated, deployed, reported.

bats_require_minimum_version 1.5.0

# gpu.csv, fresh.csv: variant x batch x clock of a made-up GPU; cpu.csv: a CPU under a quota, energies estimated.
setup_file() {
    cd "$BATS_FILE_TMPDIR"
    python3 - <<'END'
import csv, math, random
COLUMNS = ("gpu workload job seq clock_mhz mem_clock_mhz start_ns mode status variant window unit energy_method "
           "energy_class batch cpu_quota threads time_s energy_j power_w work_units latency_p50_s latency_p99_s").split()

def gpu(job, seed):
    rng, seq = random.Random(seed), 0
    for block in range(4):
        points = [(v, b, c) for v in ("fp32", "fp16") for b in (1, 8) for c in range(510, 1411, 100)]
        rng.shuffle(points)
        for variant, batch, clock in points:
            seq += 1
            f = clock / 1410
            unit = {"fp32": 4e-3, "fp16": 2.3e-3}[variant] * (0.35 + 0.65 / f) * (0.5 + 0.5 / batch ** 0.6)
            unit *= math.exp(rng.gauss(0, 0.003))
            power = (60 + 150 * f ** 2.6 * (0.6 + 0.025 * batch)) * math.exp(rng.gauss(0, 0.003))
            work = rng.randint(800, 2000)
            yield dict(gpu="A100", workload="resnet50", job=job, seq=seq, clock_mhz=clock, mem_clock_mhz=1215,
                       start_ns=1760000000000000000 + seed * 10**15 + seq * 10**10, mode="sweep", status="success",
                       variant=variant, window=1, unit="images", energy_method="counter_edges", energy_class="A",
                       batch=batch, time_s=unit * work, energy_j=unit * work * power, power_w=power, work_units=work,
                       latency_p50_s=unit * batch, latency_p99_s=1.3 * unit * batch)

def cpu():
    rng, seq = random.Random(7), 0
    for block in range(3):
        points = [(q, b) for q in (0.25, 0.5, 1, 2) for b in (1, 8)]
        rng.shuffle(points)
        for quota, batch in points:
            seq += 1
            unit = 0.017 / quota * (0.8 + 0.2 / batch) * math.exp(rng.gauss(0, 0.01))
            power, work = 30 + 40 * quota, rng.randint(100, 200)
            yield dict(gpu="cpu", workload="mobilenet", job="s", seq=seq, mode="sweep", status="success",
                       start_ns=1760000000000000000 + seq * 10**10, window=1, unit="images", energy_method="estimated",
                       energy_class="D", batch=batch, cpu_quota=quota, threads=2, time_s=unit * work,
                       energy_j=unit * work * power, power_w=power, work_units=work, latency_p50_s=unit * batch,
                       latency_p99_s=1.5 * unit * batch)

for name, rows in (("gpu", gpu("first", 1)), ("fresh", gpu("fresh", 2)), ("cpu", cpu())):
    with open(name + ".csv", "w", newline="") as f:
        w = csv.DictWriter(f, COLUMNS)
        w.writeheader()
        w.writerows(rows)
END
    for name in gpu fresh cpu; do
        "$WATTLE" import -q "$name.csv" -o "$name.wattle" >/dev/null
    done
    "$WATTLE" optimize gpu.wattle --objective energy --max-slowdown 20% -o plan.json -q >/dev/null
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
}

@test "every run is used: none is cold, none of other work" {
    for name in gpu fresh cpu; do
        "$WATTLE" show "$name.wattle" --json >s.json
        python3 - <<'END'
import json
sets = json.load(open("s.json"))["sets"]
assert all(s["n_used"] == s["n_runs"] > 0 for s in sets), sets
END
    done
}

@test "show lists points with throughput, energy per unit, class and latency" {
    run -0 "$WATTLE" show gpu.wattle
    [[ $output == *"A100 resnet50, operating points, all at memory 1215 MHz"* ]]
    [[ $output == *"fp16, batch 8, 1410 MHz"*"images/s"*"mJ/image"*" A "* ]]
    run -0 "$WATTLE" show cpu.wattle
    [[ $output == *"batch 1, 0.25 CPUs"*"D (est.)"* ]]
    [[ $output == *"class D: the energy is an estimate"* ]]
    [[ $output != *"clock"*"not known"* ]]
    run -0 "$WATTLE" show gpu.wattle --at "fp16, batch 8"
    [[ $output != *fp32* && $output == *"40 runs of 1 GPU and workload pair,"* ]]
    run -1 "$WATTLE" show gpu.wattle --at "batch 16"
    [[ $output == *"at these settings"* ]]
    run -2 "$WATTLE" show gpu.wattle --at "colour=red"
    [[ $output == *"names no setting"* ]]
}

@test "show --json has the configuration, the class and runs as they were measured" {
    "$WATTLE" show cpu.wattle --runs --json >s.json
    python3 - <<'END'
import csv, json
d = json.load(open("s.json"))
assert {s["configuration"]["cpu_quota"] for s in d["sets"]} == {0.25, 0.5, 1, 2}
assert all(s["configuration"]["window"] and s["configuration"]["unit"] == "images" for s in d["sets"])
assert all(m["energy_class"] == "D" and m["clock_mhz"] == 0 for s in d["sets"] for m in s["measurements"])
rows = {int(r["seq"]): r for r in csv.DictReader(open("cpu.csv"))}
for r in d["runs"]:
    assert r["metrics"]["time_s"] == float(rows[r["seq"]]["time_s"])
    assert r["metrics"]["energy_j"] == float(rows[r["seq"]]["energy_j"])
s = d["sets"][0]
mine = [r for r in d["runs"] if r["configuration"] == s["configuration"]]
from math import exp, log
mean = exp(sum(log(r["metrics"]["energy_j"] / r["metrics"]["work_units"]) for r in mine) / len(mine))
assert abs(s["measurements"][0]["energy_j"]["value"] / mean - 1) < 1e-9
END
}

@test "exported runs come back the same, and are judged the same" {
    for name in gpu cpu; do
        "$WATTLE" export "$name.wattle" --csv runs -o runs.csv
        rm -f again.wattle
        "$WATTLE" import -q runs.csv -o again.wattle >/dev/null
        "$WATTLE" export again.wattle --csv runs -o again.csv
        cmp runs.csv again.csv
    done
    head -n 1 runs.csv | grep -q ',variant,window,unit,energy_method,energy_class,energy_troubles,batch,replicas,share,limit_w,cpu_quota,threads,'
}

@test "exported measurements come back as the same points" {
    "$WATTLE" export gpu.wattle --csv measurements -q -o m.csv
    rm -f again.wattle
    "$WATTLE" import -q m.csv -o again.wattle >/dev/null
    "$WATTLE" show gpu.wattle --json >a.json
    "$WATTLE" show again.wattle --json >b.json
    python3 - <<'END'
import json
def cells(path):
    return {(json.dumps(s["configuration"]), m["clock_mhz"]): (m["time_s"]["value"], m["energy_j"]["value"])
            for s in json.load(open(path))["sets"] for m in s["measurements"]}
a, b = cells("a.json"), cells("b.json")
assert a.keys() == b.keys() and len(a) == 40, (len(a), len(b))
assert all(abs(x / y - 1) < 1e-9 for k in a for x, y in zip(a[k], b[k]))
END
}

@test "optimize: a plan per configuration, and the best operating point" {
    run -0 "$WATTLE" optimize gpu.wattle --objective energy --max-slowdown 20%
    [[ $output == *"all at memory 1215 MHz"* ]]
    [[ $output == *"resnet50 on A100, best operating point: ok, fp16, batch 8, memory 1215 MHz, "* ]]
    [[ $output == *"energy per image; slowdown"* ]]
    [[ $output == *"mJ an image"* ]]
    python3 - <<'END'
import json
d = json.load(open("plan.json"))
assert len(d["plans"]) == 4
for p in d["plans"]:
    assert p["status"] == "ok" and p["energy"] == {"class": "A", "method": "counter_edges"}, p["status"]
    assert p["configuration"]["window"] and p["time_s"]["value"] < 0.02
(c,) = d["operating_points"]
assert c["status"] == "ok" and c["work"] == "image" and len(c["points"]) == 40
best = c["points"][c["chosen"]]
assert best["configuration"]["variant"] == "fp16" and best["configuration"]["batch"] == 8
base = c["points"][c["baseline"]]
assert base["clock_mhz"] == 1410 and base["saving"] == 0
def energy(p):
    f, b = p["clock_mhz"] / 1410, p["configuration"]["batch"]
    unit = {"fp32": 4e-3, "fp16": 2.3e-3}[p["configuration"]["variant"]] * (0.35 + 0.65 / f) * (0.5 + 0.5 / b ** 0.6)
    return unit, unit * (60 + 150 * f ** 2.6 * (0.6 + 0.025 * b))
fastest = min(energy(p)[0] for p in c["points"])
truth = min(energy(p)[1] for p in c["points"] if energy(p)[0] / fastest < 1.2)
assert energy(best)[1] / truth < 1.01, (energy(best), truth)
for p in c["points"]:
    unit, joules = energy(p)
    assert abs(p["energy_j"]["value"] / joules - 1) < 0.02 and abs(p["throughput_per_s"] * unit - 1) < 0.02
    assert p["feasible"] == (p["why"] is None)
END
}

@test "optimize without any clock: a quota, its energies called estimates" {
    run -0 "$WATTLE" optimize cpu.wattle --objective edp
    [[ $output == *"mobilenet on cpu, best operating point: ok, batch 8, 2 CPUs"* ]]
    [[ $output == *"class D: joules can be off by"* ]]
    run -0 "$WATTLE" optimize cpu.wattle --objective energy --slo p99=60ms --baseline-at "batch 1" --json
    python3 -c '
import json, sys
d = json.loads(sys.argv[1])
assert d["plans"] == []
c = d["operating_points"][0]
assert c["points"][c["baseline"]]["configuration"]["batch"] == 1
assert c["points"][c["chosen"]]["latency_s"]["p99"] < 0.06
assert any("p99 latency up to" in (p["why"] or "") for p in c["points"])' "$output"
    run -5 "$WATTLE" optimize cpu.wattle --objective energy --slo p99=1ms
    [[ $output == *"infeasible"* ]]
}

@test "the document follows the shipped schema and reads back the same" {
    "$WATTLE" export plan.json --csv plans -q >plans.csv
    [ "$(cut -d, -f26 plans.csv | sort -u | tr '\n' ' ')" = "fp16 fp32 variant " ]
    python3 -c 'import jsonschema' 2>/dev/null || skip "no python3-jsonschema"
    python3 -W ignore -c 'import json, jsonschema, sys
jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' \
        "$WATTLE_SOURCE/data/schemas/plan.schema.json" plan.json
}

@test "validate: fresh runs of the same configuration" {
    run "$WATTLE" validate plan.json fresh.wattle --json
    [[ $status -eq 0 || $status -eq 7 ]]
    python3 -c '
import json, sys
d = json.loads(sys.argv[1])
point = [e for e in d["verdicts"] if "baseline_configuration" in e]
assert len(point) == 1 and point[0]["verdict"] in ("confirmed", "undecided"), point
assert point[0]["configuration"]["batch"] == 8 and point[0]["n_candidate"] == 4, point
v = [e for e in d["verdicts"] if e not in point]
assert len(v) == 4 and all(e["verdict"] in ("confirmed", "undecided") for e in v), [e.get("why") for e in v]
assert {(e["configuration"]["variant"], e["configuration"]["batch"]) for e in v} == {(a, b) for a in ("fp16", "fp32") for b in (1, 8)}' "$output"
    run "$WATTLE" validate plan.json fresh.wattle --at fp16
    [[ $output == *"(fp16, batch 8, memory 1215 MHz)"* && $output != *fp32* ]]
    "$WATTLE" export fresh.wattle --at fp32 -q >only.csv
    rm -f only.wattle
    "$WATTLE" import -q only.csv -o only.wattle >/dev/null
    run "$WATTLE" validate plan.json only.wattle --at "fp16, batch 8"
    [[ $output == *"in other"*"configurations only"* ]]
}

@test "compare sets equal configurations side by side" {
    "$WATTLE" optimize fresh.wattle --objective energy --max-slowdown 20% -o other.json -q >/dev/null
    run -0 "$WATTLE" compare plan.json other.json --json
    python3 -c '
import json, sys
c = json.loads(sys.argv[1])["changes"]
assert len(c) == 4 and all(x["a"] and x["b"] and "configuration" in x for x in c)' "$output"
    "$WATTLE" compare plan.json other.json --html c.html -q >/dev/null
    [ "$(sed 's/<[^>]*>/ /g' c.html | grep -o 'resnet50 (fp[0-9]*, batch [0-9]*' | sort -u | wc -l)" -eq 4 ]
    run -0 "$WATTLE" optimize gpu.wattle --sensitivity --objective energy
    [[ $output == *"resnet50 (fp32, batch 8, memory 1215 MHz) on A100"* ]]
    run -0 "$WATTLE" compare plan.json other.json --at "fp32, batch 1"
    [[ $output == *"fp32"* && $output != *fp16* ]]
}

@test "apply and deploy: which configuration is asked, not guessed" {
    run -2 "$WATTLE" apply plan.json --dry-run
    [[ $output == *"holds more than one plan"*"--at SETTINGS, or --point"* ]]
    run -1 "$WATTLE" apply plan.json --point --dry-run # it means the point, and there is no such GPU
    [[ $output == *"there is no A100 here"* ]]
    run -1 "$WATTLE" apply plan.json --at "batch 64" --dry-run
    [[ $output == *"holds no plan at these settings"*"fp16, batch 8"* ]]
    rm -rf deploy
    "$WATTLE" deploy plan.json -o deploy -q
    ls deploy/systemd | grep -q 'wattle-a100-resnet50-fp16batch8'
    python3 - <<'END'
import json
c = json.load(open("deploy/production.json"))["configurations"]
assert len(c) == 4 and "A100+resnet50" not in c
assert {(x["hardware"]["configuration"]["variant"], x["hardware"]["configuration"]["batch"]) for x in c.values()} == {
    (a, b) for a in ("fp16", "fp32") for b in (1, 8)}
END
    rm -rf deploy
    run -0 "$WATTLE" deploy plan.json -o deploy --at "fp16, batch 8"
    [ "$(ls deploy/systemd/*.service | wc -l)" -eq 1 ]
    [[ $output == *"by hand: fp16, batch 8"* ]]
    grep -q '| wattle-a100-resnet50-fp16batch8.* | fp16, batch 8 |' deploy/DEPLOY.md
}

@test "deploy of a document without plans of clocks says that there is nothing to deploy, and what it holds" {
    "$WATTLE" optimize cpu.wattle --objective energy -o points.json -q >/dev/null
    run -7 "$WATTLE" deploy points.json -o nothing
    [[ $output == *"left out: mobilenet on cpu: nothing of the chosen operating point is a clock"* ]]
    [[ $output == *"nothing to deploy: points.json holds no plan of a clock, only 1 choice among operating points"* ]]
    [[ $output != *"0 of 0"* ]]
    grep -q "There is nothing to deploy" nothing/DEPLOY.md
    echo '{"plans": []}' >none.json
    run -7 "$WATTLE" deploy none.json -o none
    [[ $output == *"nothing to deploy: none.json holds no plan"* && $output != *"0 of 0"* ]]
}

@test "a campaign of clocks alone is as it was" {
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o c.wattle >/dev/null
    "$WATTLE" optimize c.wattle --gpu v100 --json >p.json || [ $? -eq 7 ]
    python3 - <<'END'
import json
d = json.load(open("p.json"))
assert "operating_points" not in d
assert all("configuration" not in p and "energy" not in p for p in d["plans"])
END
    run -0 "$WATTLE" show c.wattle
    [[ $output != *"operating points"* && $output == *coverage* ]]
}

@test "report: a section, a table and a figure of the points, with and without clocks" {
    for name in gpu cpu; do
        rm -rf "r-$name"
        "$WATTLE" report "$name.wattle" -o "r-$name" --objective energy --max-slowdown 20% -q >/dev/null
    done
    [ -s r-gpu/figures/points-a100-resnet50.png ]
    [ -s r-cpu/figures/points-cpu-mobilenet.svg ]
    [ "$(ls r-gpu/figures/clock-*.png | wc -l)" -eq 4 ]
    [ -z "$(find r-cpu/figures -name "clock-*")" ]
    python3 - <<'END'
import re
def text(path):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", open(path, encoding="utf-8").read()).replace("\xa0", " "))
g, c = text("r-gpu/report.html"), text("r-cpu/report.html")
assert "Best operating point: fp16, batch 8, memory 1215 MHz" in g and "4 combinations of GPU, workload and configuration: 4 ok" in g
assert "an image takes" in g and "Energy per image against throughput: A100, resnet50" in g
assert "Measured operating points, all at memory 1215 MHz" in g and "Pareto set" in g
assert "D, estimate" in c and "(an estimate)" in c and "nothing measured it" in c and "By GPU and workload" not in c
assert "nothing measured it" not in g
END
    grep -q '| A100 | resnet50 | fp16, batch 8, memory 1215 MHz' r-gpu/summary.md
    grep -q 'D (an estimate)' r-cpu/summary.md
}
