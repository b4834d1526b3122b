#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle sweep`: virtual boards in simulated time.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
}

# spec NAME LINE...: a small sweep, with more lines.
spec() {
    local file=$1
    shift
    cat >"$file.yaml" <<END
devices: "virtual:a100,seed=3"
workloads: [{name: vgg19, virtual: vgg19}]
protocol: {blocks_min: 2, blocks_max: 2, samples: no}
END
    printf '%s\n' "$@" >>"$file.yaml"
}

@test "a sweep, its plan, fresh runs that confirm it, and the clock on the board" {
    spec s 'points: {clocks: 810-1410 every 60MHz}'
    sed -i 's/blocks_min: 2, blocks_max: 2/blocks_min: 5/' s.yaml
    run "$WATTLE" sweep s.yaml
    [ "$status" -eq 0 ]
    [[ $output == *'s: 65 runs in "s.wattle", of a virtual device'* ]]
    run "$WATTLE" optimize s.wattle --rate 20/s
    [ "$status" -eq 0 ]
    [[ $output == *"idle"* ]]
    run "$WATTLE" optimize s.wattle -o plan.json
    [ "$status" -eq 0 ]
    run "$WATTLE" sweep s.yaml --plan plan.json -o fresh.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"s-validation: 15 runs"* ]]
    run "$WATTLE" validate plan.json fresh.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"vgg19 on A100: confirmed"* ]]
    run "$WATTLE" apply plan.json -i virtual:a100,seed=3 --for 10ms
    [ "$status" -eq 0 ]
    [[ $output == *"put back"* ]]
}

@test "what looks best in runs that do not count is not called the best" {
    spec idle 'points: {clocks: 810-1380 every 190MHz}'
    sed -i -e 's|virtual:a100,seed=3|faulty:read/gpu_util.lie=0@every1:&|' -e 's/samples: no/&, idle: no/' idle.yaml
    run "$WATTLE" sweep idle.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"judged "*"12 of 12 runs do not count: 12 idle_gpu"* ]]
    [[ $output == *"best "*"none: no run of what looked best, "*" MHz, counts"* ]]
    "$WATTLE" sweep idle.yaml --json | tail -n 1 | python3 -c '
import json, sys
w = json.load(sys.stdin)["workloads"][0]
assert w["runs_accepted"] == 0 and w["runs_rejected"] == 12 and not w["best_counts"], w
assert w["rejected_for"] == "12 idle_gpu", w'
    "$WATTLE" show idle.wattle --json >show.json # the same
    grep -q '"idle_gpu": *12' show.json
}

@test "a plan of two different boards is applied to both of them, or not at all" {
    spec mix 'points: {clocks: 840-1380 every 60MHz}'
    sed -i -e 's/^devices: .*/devices: ["virtual:a100,seed=3", "virtual:v100,seed=4"]/' -e 's/samples: no/&, idle: no/' mix.yaml
    "$WATTLE" sweep mix.yaml -q
    "$WATTLE" optimize mix.wattle -q -o plan.json
    "$WATTLE" apply plan.json -i virtual:v100,seed=4 -i virtual:a100,seed=3 --for 10ms --json -q >moves.json
    python3 - <<'END'
import json
chosen = json.load(open("plan.json"))["plans"][0]["clock_mhz"]
moves = json.load(open("moves.json"))["moves"]
assert sorted(m["device"] for m in moves) == ["virtual:a100,seed=3", "virtual:v100,seed=4"], moves
assert all(m["done"] and m["verified"] and abs(m["to"][1] - chosen) < 1 for m in moves), (chosen, moves)
END
    run "$WATTLE" apply plan.json -i virtual:a100,seed=3 --for 10ms
    [ "$status" -eq 2 ]
    [[ $output == *"the plan was made on A100 + V100 together; there is no V100 among the devices"* ]]
    run "$WATTLE" apply plan.json -i virtual:a100,seed=3 -i virtual:h100 --for 10ms
    [ "$status" -eq 2 ]
    [[ $output == *"virtual:h100 is an NVIDIA H100 NVL; the plan was made on an A100 + V100"* ]]
    [[ $("$WATTLE" status) == *"nothing is leased"* ]]
}

@test "a plan of other boards is refused before anything is measured" {
    spec one 'points: {clocks: 840-1380 every 60MHz}'
    sed -i -e 's/blocks_min: 2, blocks_max: 2/blocks_min: 3, blocks_max: 3/' -e 's/samples: no/&, idle: no/' one.yaml
    sed 's/^devices: .*/devices: ["virtual:a100,seed=3", "virtual:a100,seed=5#1"]/' one.yaml >two.yaml
    sed 's/^devices: .*/devices: ["virtual:a100,seed=3", "virtual:v100,seed=5"]/' one.yaml >mix.yaml
    declare -A gpu=([one]="A100" [two]="2x A100" [mix]="A100 + V100")
    for s in one two mix; do
        "$WATTLE" sweep $s.yaml -q
        "$WATTLE" optimize $s.wattle -q -o $s.json
    done
    for s in one two mix; do
        for p in one two mix; do
            [ $s != $p ] || continue
            run -2 "$WATTLE" sweep $s.yaml --plan $p.json -o fresh.wattle
            [[ $output == *"the plan for vgg19 is of ${gpu[$p]}; the devices of the spec are ${gpu[$s]}"* ]]
            run -2 "$WATTLE" sweep $s.yaml --plan $p.json -o fresh.wattle --dry-run
        done
    done
    [ ! -e fresh.wattle ]
    # Two boards of one short name are not one GPU; of a file of many, those of this board count.
    python3 - <<'END'
import json
one, two = json.load(open("one.json")), json.load(open("two.json"))
json.dump({**one, "plans": two["plans"] + one["plans"]}, open("both.json", "w"))
one["plans"][0]["made_from"]["board"] = "A100-SXM4-80GB"
json.dump(one, open("sxm.json", "w"))
END
    run -2 "$WATTLE" sweep one.yaml --plan sxm.json -o fresh.wattle
    [[ $output == *"the plan for vgg19 is of A100-SXM4-80GB; the devices of the spec are A100-PCIE-40GB"* ]]
    "$WATTLE" sweep one.yaml --plan both.json -o fresh.wattle -q
    run -0 "$WATTLE" validate one.json fresh.wattle
    # So many boards together are never another number of them.
    run -7 "$WATTLE" validate two.json fresh.wattle
    [[ $output == *"vgg19 on 2x A100: no verdict"* ]]
}

@test "fresh runs are those of the workloads that a plan is for" {
    spec s 'points: {clocks: 810-1410 every 60MHz}'
    sed -i -e 's/blocks_min: 2, blocks_max: 2/blocks_min: 5/' -e 's/^workloads: .*/workloads: [{name: resnet50, virtual: resnet50}, {name: vgg19, virtual: vgg19}]/' s.yaml
    "$WATTLE" sweep s.yaml -q
    "$WATTLE" optimize s.wattle --workload vgg19 -q -o plan.json
    run "$WATTLE" sweep s.yaml --plan plan.json -o fresh.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"s-validation: 15 runs"* ]]
    [[ $output != *resnet50* ]]
    # Of two, each at what was chosen for it.
    "$WATTLE" optimize s.wattle -q -o plan.json
    "$WATTLE" sweep s.yaml --plan plan.json -o both.wattle -q
    run "$WATTLE" sweep s.yaml --plan plan.json -o both.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"s-validation: 30 runs"*"after 30 visits of earlier starts"* ]]
    python3 - <<'END'
import json, sqlite3
chosen = {p["workload"]: {p["clock_mhz"], p["baseline"]["clock_mhz"]} for p in json.load(open("plan.json"))["plans"]}
runs = sqlite3.connect("both.wattle").execute("select workload, clock_mhz from run").fetchall()
measured = {name: {mhz for w, mhz in runs if w == name} for name in chosen}
assert len(chosen["resnet50"] | chosen["vgg19"]) == 3 and measured == chosen, (measured, chosen)
END
}

@test "what cannot be at any point is refused by a dry run, at its place" {
    # refused STATUS TEXT LINE:COLUMN
    refused() {
        run "$WATTLE" sweep bad.yaml --dry-run
        [ "$status" -eq "$1" ]
        [[ $output == *"bad.yaml:$3: $2"* ]] || { echo "$output"; return 1; }
    }
    # bad WORKLOAD POINTS
    bad() { printf '%s\n' 'devices: "virtual:a100"' "workloads: [{name: w, $1}]" "points: {$2}" >bad.yaml; }
    bad 'virtual: nonsuch' 'clocks: [1410]'
    refused 1 "no workload 'nonsuch'; there are densenet201, " 2:32
    bad 'virtual: vgg19' 'variants: [vgg19, foo]'
    refused 1 "no workload 'foo'; there are densenet201, " 3:28
    bad 'virtual: vgg19' 'clocks: 510-1410 every 60Mhz'
    refused 1 '"60Mhz" is no clock' 3:18
    [[ $output == *"did you mean 60MHz?"* ]]
    bad 'virtual: vgg19' 'batches: [8, 1000000]'
    refused 2 "batch 1000000 of vgg19: expected 1 to 256" 3:23
    bad 'virtual: vgg19' 'limits: [200W, 2kW]'
    refused 2 "a power limit of 2000 W: virtual:a100 takes 100 to 250 W" 3:25
    bad 'virtual: vgg19' 'threads: [1, 2]'
    refused 2 'the points differ in their threads, of which workload "w" learns nothing' 2:13
    bad 'command: "sleep 9"' 'clocks: [1410]'
    refused 1 "command: a line where a list of words is expected" 2:32
    bad 'command: [no-such-program]' 'clocks: [1410]'
    refused 1 'there is no program no-such-program in $PATH' 2:32
    bad 'command: [sleep, "9"]' 'batches: [1, 2]'
    refused 2 'the points differ in their batch, of which workload "w" learns nothing' 2:13
    [[ $output == *"put {batch} into its command"* ]]
    sed -i 's/^devices: .*/devices: estimate:cpu/' bad.yaml
    sed -i 's/command: .*\]}/virtual: vgg19}/' bad.yaml
    sed -i 's/}]]/}]/' bad.yaml
    refused 3 'virtual workload "w": estimate:cpu is no virtual device of this process' 2:32
    [ ! -e bad.wattle ]
    # A board that is driven there switches itself off.
    spec hot 'points: {clocks: [810, 1410]}'
    sed -i 's/samples: no/temperature: 95/' hot.yaml
    run "$WATTLE" sweep hot.yaml
    [ "$status" -eq 2 ]
    [[ $output == *"hot.yaml:3:55: a temperature of 95 C: virtual:a100,seed=3 lowers its clocks from 85 C on"* ]]
    [[ $("$WATTLE" status) == *"nothing is leased"* ]]
}

@test "a spec that cannot be read is status 1, one that is not possible here 2, and the help says so" {
    run -1 "$WATTLE" sweep nosuch.yaml
    spec s 'points: {clocks: [fast]}'
    run -1 "$WATTLE" sweep s.yaml
    spec s 'points: {clocks: [810, 1410], limits: [2kW]}'
    run -2 "$WATTLE" sweep s.yaml
    help=$("$WATTLE" sweep --help | tr -s ' \n' ' ')
    [[ $help == *"1 failed: a file that is not there or cannot be read as a spec"*"2 wrong usage: an option; points that"* ]]
}

@test "a dry run says what would be done and makes no file" {
    spec s 'points: {clocks: [810, 1410], limits: [200W, 250W], batches: [8, 64]}'
    run "$WATTLE" sweep s.yaml --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"8 of each workload; the reference is 1410 MHz, batch 8, 200 W"* ]]
    [[ $output == *"power limit of virtual:a100,seed=3"* ]]
    [[ $output == *"Nothing was measured or set."* ]]
    [ ! -e s.wattle ]
    [ ! -e state ]
    "$WATTLE" sweep s.yaml --dry-run --json | python3 -c '
import json, sys
d = json.load(sys.stdin)
assert len(d["points"]) == 8 and d["visits_min"] == 20 and d["simulated"], d
assert {k["knob"] for k in d["knobs"]} == {"sm_clock_mhz", "power_limit_w"}, d'
}

@test "without privilege no knob is set, and what is not varied is said" {
    spec s 'points: {clocks: all, batches: [8, 64]}'
    run "$WATTLE" sweep s.yaml --no-privilege
    [ "$status" -eq 0 ]
    [[ $output == *"not varied SM clocks: they need permission to set knobs"* ]]
    [[ $output == *"s: 6 runs"* ]]
}

@test "errors are at their place, with the nearest legal clocks" {
    spec s 'points: {clocks: [1000]}'
    run "$WATTLE" sweep s.yaml
    [ "$status" -ne 0 ]
    [[ $output == *"s.yaml:4:18: 1000 MHz is no SM clock of virtual:a100,seed=3"* ]]
    [[ $output == *"990 and 1005 MHz"* ]]
    [ ! -e s.wattle ]
    spec t 'points: {clock: all}'
    run "$WATTLE" sweep t.yaml
    [[ $output == *"t.yaml:4:"*'did you mean "clocks"'* ]]
    run "$WATTLE" sweep
    [ "$status" -eq 2 ]
    run "$WATTLE" sweep --schema
    [ "$status" -eq 0 ]
    [[ $output == *"blocks_min"* ]]
}

@test "the same command goes on; another spec is refused; --extend adds points" {
    spec s 'points: {clocks: [810, 1410]}'
    "$WATTLE" sweep s.yaml -q
    run "$WATTLE" sweep s.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"after 6 visits of earlier starts"* ]]
    sed -i 's/810/510, 810/' s.yaml
    run "$WATTLE" sweep s.yaml
    [ "$status" -eq 2 ]
    [[ $output == *"1 point more"*"--extend"* ]]
    run "$WATTLE" sweep s.yaml --extend
    [ "$status" -eq 0 ]
    [[ $output == *"s: 12 runs"* ]]
    sed -i 's/seed=3/seed=4/' s.yaml
    run "$WATTLE" sweep s.yaml --extend
    [ "$status" -eq 2 ]
    [[ $output == *"devices is"* ]]
}

@test "a dry run looks at the campaign as the sweep would" {
    spec s 'points: {clocks: [810, 1410]}'
    "$WATTLE" sweep s.yaml -q
    cp s.wattle before.wattle
    run -0 "$WATTLE" sweep s.yaml --dry-run
    [[ $output == *'campaign  "s.wattle" has 6 visits of this sweep, 6 runs: it goes on after them'* ]]
    sed -i 's/810/510, 810/' s.yaml
    run -2 "$WATTLE" sweep s.yaml
    refusal=$output
    run -2 "$WATTLE" sweep s.yaml --dry-run
    [ "$output" = "$refusal" ]
    run -0 "$WATTLE" sweep s.yaml --dry-run --extend
    [[ $output == *"6 runs: it is extended"*"by --extend: 1 point more"* ]]
    "$WATTLE" sweep s.yaml --dry-run --extend --json | python3 -c '
import json, sys
c = json.load(sys.stdin)["campaign"]
assert c == {"path": "s.wattle", "has_sweep": True, "visits": 6, "runs": 6, "extended_by": "1 point more"}, c'
    cmp s.wattle before.wattle
    # What is not there, or empty, would be made.
    : >empty.wattle
    for to in nosuch empty; do
        run -0 "$WATTLE" sweep s.yaml -o $to.wattle --extend --dry-run
        [[ $output == *"Nothing was measured"* && $output != *campaign* ]]
    done
    [ ! -e nosuch.wattle ] && [ ! -s empty.wattle ]
    run -1 "$WATTLE" sweep s.yaml -o s.yaml --dry-run
    [[ $output == *"not a database"* ]]
    sed -i '1iname: other' s.yaml
    run -0 "$WATTLE" sweep s.yaml -o s.wattle --dry-run
    [[ $output == *'"s.wattle" is there, without this sweep'* ]]
}

@test "with --json every visit is a line, and the last one is the result" {
    spec s 'points: {clocks: [810, 1410], replicas: [1, 48]}'
    "$WATTLE" sweep s.yaml --json >lines
    python3 - <<'END'
import json
lines = [json.loads(line) for line in open("lines")]
result = lines.pop()
assert result["complete"] and result["sweep"] == "s" and result["visits"] == len(lines), result
assert {line["outcome"] for line in lines} == {"done", "infeasible"}, lines
assert result["infeasible"] == 2 and result["workloads"][0]["blocks"] == 2, result
assert all(line["why"] for line in lines if line["outcome"] == "infeasible")
assert all(line["energy_j"] > 0 for line in lines if line["outcome"] == "done")
END
}

@test "a sweep that is killed again and again ends with the runs of one that is not" {
    command -v python3 >/dev/null || skip "no python3"
    SWEEP_KILLS=25 python3 "$BATS_TEST_DIRNAME/sweep_kills.py"
}

@test "two boards together: their plan, fresh runs that confirm it, the clock on both" {
    spec s 'points: {clocks: 810-1410 every 60MHz}'
    sed -i -e 's/blocks_min: 2, blocks_max: 2/blocks_min: 5/' -e 's/^devices: .*/devices: ["virtual:a100,seed=3", "virtual:a100,seed=5#1"]/' s.yaml
    run "$WATTLE" sweep s.yaml
    [ "$status" -eq 0 ]
    [[ $output == *'s: 65 runs in "s.wattle"'* ]]
    "$WATTLE" optimize s.wattle -q -o plan.json
    [ "$(python3 -c 'import json; print([p["gpu"] for p in json.load(open("plan.json"))["plans"]])')" = "['2x A100']" ]
    "$WATTLE" sweep s.yaml --plan plan.json -o fresh.wattle -q
    run "$WATTLE" validate plan.json fresh.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"vgg19 on 2x A100: confirmed"* ]]
    run "$WATTLE" apply plan.json -i virtual:a100,seed=3 -i "virtual:a100,seed=5#1" --for 10ms
    [ "$status" -eq 0 ]
    [[ $output == *"seed=3 NVIDIA"*"-> "*"seed=5#1 NVIDIA"*"-> "* ]]
    # what one board is measured at is another thing, in the same campaign
    sed -e 's/^devices: .*/devices: "virtual:a100,seed=3"/' s.yaml >one.yaml
    "$WATTLE" sweep one.yaml -o s.wattle -q
    run "$WATTLE" show s.wattle
    [[ $output == *"2 GPU and workload pairs"* ]]
}

@test "a budget that is used up: the same result when started again, and no success without a run" {
    cat >b.yaml <<'END'
name: b
devices: "virtual:h100,seed=1"
workloads: [{name: llm, virtual: llm}, {name: whisper, virtual: whisper}]
points: {clocks: [345, 900, 1500], limits: [200, 400]}
search: adaptive
max_slowdown: 10%
budget: 40
END
    run "$WATTLE" sweep b.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"The budget of 40 runs is used up."* ]]
    grep -E '^  (ended|best) ' <<<"$output" >first
    [ "$(wc -l <first)" -eq 4 ]
    run "$WATTLE" sweep b.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"after 40 visits of earlier starts"* ]]
    diff first <(grep -E '^  (ended|best) ' <<<"$output")
    cat >none.yaml <<'END'
name: none
devices: estimate:cpu
workloads: [{name: w, command: [sh, -c, "exit {batch}"], unit: x}]
points: {batches: [1, 2]}
protocol: {thermal_band: no}
budget: 1
END
    run "$WATTLE" sweep none.yaml
    [ "$status" -eq 1 ]
    [[ $output == *"no run of w counts"*"the budget is used up"* ]]
}

@test "a limit that binds is the point, with a clock or without" {
    printf '%s\n' 'name: l' 'devices: "virtual:a100,seed=1"' 'workloads: [{name: r, virtual: vgg19}]' \
        'points: {limits: [150, 250]}' 'baseline: {limit: 250}' >l.yaml
    "$WATTLE" sweep l.yaml -q
    run "$WATTLE" optimize l.wattle --objective energy
    [ "$status" -eq 0 ]
    [[ $output == *"best operating point: ok, 150 W"* ]]
}

@test "of several workloads all reach the temperature, in whatever order they stand" {
    for order in "llama resnet50" "resnet50 llama"; do
        set -- $order
        cat >$1.yaml <<END
name: two
devices: ["virtual:a100"]
workloads: [{name: $1, virtual: $1}, {name: $2, virtual: $2}]
points: {clocks: [1200, 1410]}
protocol: {blocks_min: 2, blocks_max: 2}
END
        "$WATTLE" sweep $1.yaml -o $1.wattle --json >$1.json 2>/dev/null
        # Fresh runs of one of the two are as warm as those of both.
        "$WATTLE" optimize $1.wattle --workload resnet50 -q -o $1-plan.json >/dev/null
        "$WATTLE" sweep $1.yaml --plan $1-plan.json -o $1-fresh.wattle --json >$1-fresh.json 2>/dev/null
    done
    python3 - <<'END'
import json, sqlite3
def result(path): return json.loads(open(path).readlines()[-1])
a, b = (result(f"{w}.json") for w in ("llama", "resnet50"))
assert abs(a["temperature_c"] - b["temperature_c"]) <= 1, (a["temperature_c"], b["temperature_c"])
for d in (a, b):
    assert d["began_outside"] == 0 and all(w["began_outside"] == 0 for w in d["workloads"]), d
for w, d in (("llama", a), ("resnet50", b)):
    fresh = result(f"{w}-fresh.json")
    assert fresh["temperature_c"] == d["temperature_c"] and len(fresh["workloads"]) == 1, fresh
mean = "select workload, avg(energy_j / work_units) from run where clock_mhz = 1200 group by 1"
a, b = (dict(sqlite3.connect(f"{w}.wattle").execute(mean)) for w in ("llama", "resnet50"))
for w in a:
    assert abs(a[w] / b[w] - 1) < 0.01, (w, a[w], b[w])
END
}

@test "at a rate the idle power of each clock counts, in the plan as in fresh runs, at one temperature" {
    cat >d.yaml <<'END'
name: d
devices: "virtual:a100,seed=5"
workloads: [{name: x, virtual: resnet50}]
points: {clocks: [600, 900, 1200, 1410], batches: [8, 64]}
baseline: {clock: 1200, batch: 8}
objective: energy
END
    "$WATTLE" sweep d.yaml --json >sweep.json 2>/dev/null
    "$WATTLE" optimize d.wattle --objective energy --rate 500 -q -o plan.json >/dev/null
    # Its baseline is the fastest point, not the reference of the sweep.
    "$WATTLE" sweep d.yaml --plan plan.json -o fresh.wattle --json >fresh.json 2>/dev/null
    "$WATTLE" validate plan.json fresh.wattle --json >verdict.json
    python3 - <<'END'
import json, sqlite3, statistics
def result(path): return json.loads(open(path).readlines()[-1])
assert result("sweep.json")["temperature_c"] == result("fresh.json")["temperature_c"]
rows = sqlite3.connect("d.wattle").execute(
    "select batch, clock_mhz, energy_j / work_units, time_s / work_units, idle_power_w from run").fetchall()
joules, idle = {}, {}
for batch, clock, e, t, w in rows:
    joules.setdefault((batch, clock), []).append(e + w * (1 / 500 - t))
    idle[clock] = w
assert idle[600] < 0.8 * idle[1410], idle  # one power for all clocks would hide this
mean = {at: statistics.mean(v) for at, v in joules.items()}
plan = json.load(open("plan.json"))
(c,) = plan["operating_points"]
best, base = c["points"][c["chosen"]], c["points"][c["baseline"]]
at = lambda p: (p["configuration"]["batch"], p["clock_mhz"])
assert at(best) == min(mean, key=mean.get), (at(best), mean)
by_hand = 1 - mean[at(best)] / mean[at(base)]
assert abs(c["saving"]["value"] - by_hand) < 0.002, (c["saving"], by_hand)
for p in plan["plans"]:
    batch = p["configuration"]["batch"]
    by_hand = 1 - mean[batch, p["clock_mhz"]] / mean[batch, 1410]
    assert abs(p["saving"]["value"] - by_hand) < 0.01, (p["saving"], by_hand)
verdicts = json.load(open("verdict.json"))["verdicts"]
assert len(verdicts) == 3 and all(v["verdict"] == "confirmed" for v in verdicts), verdicts
for v in verdicts:
    assert abs(v["saving"]["fresh"]["value"] - v["saving"]["planned"]["value"]) < 0.01, v
END
}

@test "runs are told apart by their fingerprint, not their spec" {
    cat >f.yaml <<'END'
name: f
devices: estimate:cpu
workloads: [{name: w, command: [python3, mark.py, "{batch}"]}]
points: {batches: [1, 2]}
baseline: {batch: 1}
protocol: {thermal_band: no, idle: no, blocks_min: 2, blocks_max: 2, warm_up: 100ms, warm_up_max: 200ms, settle: 50ms, window_min: 500ms, window_max: 500ms}
END
    cat >mark.py <<'END'
import os, socket, time
s = socket.socket(socket.AF_UNIX); s.connect(os.environ["WATTLE_MARKERS"]); s.sendall(b"ready\n")
while True:
    s.sendall(b"begin w\n"); time.sleep(0.02); s.sendall(b"end w work=1\n")
END
    "$WATTLE" sweep -q f.yaml -o one.wattle
    "$WATTLE" sweep -q f.yaml -o two.wattle
    for c in one two; do "$WATTLE" show $c.wattle | grep '^fingerprint' >$c.txt; done
    ! cmp -s one.txt two.txt
    cp one.wattle three.wattle
    "$WATTLE" show three.wattle | grep '^fingerprint' | cmp - one.txt
}

@test "latencies of two unlike boards are those of their batches, not a mean of the two" {
    for devices in virtual:a100,seed=3 virtual:v100,seed=4 '"virtual:a100,seed=3", "virtual:v100,seed=4"'; do
        printf 'name: l\ndevices: [%s]\nworkloads: [{name: x, virtual: resnet50}]\npoints: {clocks: [600, 1380]}\nprotocol: {blocks_min: 2, blocks_max: 2}\n' \
            "$(sed 's/^v/"v/; s/\([0-9]\)$/\1"/' <<<"$devices")" >l.yaml
        rm -f l.wattle l.wattle-sweep
        "$WATTLE" sweep -q l.yaml
        sqlite3 l.wattle "select latency_p50_s, latency_p99_s from run where clock_mhz = 600 limit 1" >>quantiles
    done
    awk -F'|' '{ p50[NR] = $1; p99[NR] = $2 } END { exit !(p50[1] < p50[2] && p50[3] == p50[1] && p99[3] == p99[2]) }' quantiles
}

@test "a sensor that never tells anything ends the sweep at its first point" {
    printf 'name: a\ndevices: "faulty:read/energy_counter_j.absent:virtual:a100"\nworkloads: [{name: x, virtual: resnet50}]\npoints: {clocks: [600, 1410]}\n' >a.yaml
    run "$WATTLE" sweep a.yaml
    [ "$status" -eq 1 ]
    [[ $output == *"energy_counter_j, which energy goes by, gives no value, in all 3 attempts of the first point"* ]]
    [[ $output == *"hint: \`wattle stat -i faulty:read/energy_counter_j.absent:virtual:a100\`"* ]]
    [ "$(grep -c 'invalid:' <<<"$output")" -eq 3 ]
}

@test "two boards are the same hardware in whatever order they stand" {
    spec() { printf 'name: %s\ndevices: [%s]\nworkloads: [{name: x, virtual: resnet50}]\npoints: {clocks: [600, 1380]}\nprotocol: {blocks_min: 2, blocks_max: 2}\n' "$1" "$2" >$1.yaml; }
    spec av '"virtual:a100,seed=3", "virtual:v100,seed=4"'
    spec va '"virtual:v100,seed=4", "virtual:a100,seed=3"'
    "$WATTLE" sweep -q av.yaml
    "$WATTLE" optimize av.wattle -q -o av.json >/dev/null
    "$WATTLE" sweep -q va.yaml --plan av.json -o fresh.wattle
    run "$WATTLE" validate av.json fresh.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"x on A100 + V100"*": confirmed"* ]]
}
