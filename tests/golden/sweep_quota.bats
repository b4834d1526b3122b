#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle sweep` over a CPU quota: the command in a control group that is made for it. In real time:
# seconds. Needs a kernel that lets this user make control groups.

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    group=wattle-test-$$-$BATS_TEST_NUMBER
    cpu=$(awk '$0 ~ / - cgroup / && $NF ~ /(^|,)cpu(,|$)/ {print $5; exit}' /proc/self/mountinfo)
    [ -n "$cpu" ] || cpu=$(awk '/ - cgroup2 / {print $5; exit}' /proc/self/mountinfo)
    cat >spin.py <<'END'
import os, socket, sys, time
work = float(sys.argv[1]) * 10 if len(sys.argv) > 1 else 1
wattle = socket.socket(socket.AF_UNIX)
wattle.connect(os.environ["WATTLE_MARKERS"])
wattle.sendall(b"ready\n")
while True:
    wattle.sendall(b"begin b\n")
    start = time.monotonic()
    for _ in range(20000):
        pass
    wattle.sendall(b"end b work=%g latency=%.9f\n" % (work, time.monotonic() - start))
END
    cat >spec.yaml <<END
name: quota
devices: [estimate:cpu, "cgroup:/$group"]
workloads:
  - {name: spin, command: [python3, spin.py], unit: loops}
points: {cpu_quota: [0.1, 0.4]}
baseline: {cpu_quota: 0.4}
protocol:
  {blocks_min: 2, blocks_max: 2, settle: 100ms, warm_up: 100ms, warm_up_max: 300ms, window_min: 500ms,
   window_max: 700ms, thermal_band: no, idle: no}
END
}

teardown() {
    [ -z "$cpu" ] || rmdir "$cpu/$group" "${cpu%/*}/cpuacct/$group" 2>/dev/null || true
}

need_groups() {
    [ -n "$cpu" ] || skip "no control groups with a CPU controller"
    run "$WATTLE" sweep spec.yaml --dry-run
    [ "$status" -eq 0 ] || skip "no control group can be made here: ${lines[0]}"
    [[ $output == *"CPU quota of cgroup:/$group"* ]]
    [ ! -e "$cpu/$group" ]
}

@test "throughput follows the quota, latencies are stored, and the group is gone at the end" {
    need_groups
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"quota: 6 runs"* ]]
    [ ! -e "$cpu/$group" ]
    [ -z "$(ls "$WATTLE_RUN_DIR/groups")" ]
    python3 - <<'END'
import sqlite3
rows = sqlite3.connect("quota.wattle").execute(
    "select cpu_quota, work_units, time_s, latency_n, latency_p50_s, latency_p99_s, energy_class from run").fetchall()
assert len(rows) == 6, rows
rate = {}
for quota, work, time_s, n, p50, p99, kind in rows:
    assert kind == "D" and n == work and 0 < p50 <= p99, rows  # a latency for each unit of work, none twice
    rate.setdefault(quota, []).append(work / time_s)
# A quota of a quarter gives less, however busy the machine: a ceiling holds in any case.
assert sorted(rate) == [0.1, 0.4] and max(rate[0.1]) < max(rate[0.4]), rate
END
}

@test "a command that is told the quota is started anew for each" {
    need_groups
    sed -i 's/\[python3, spin.py\]/[python3, spin.py, "{cpu_quota}"]/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    python3 - <<'END'
import sqlite3
rows = sqlite3.connect("quota.wattle").execute("select cpu_quota, work_units, latency_n from run").fetchall()
assert {row[0] for row in rows} == {0.1, 0.4}, rows
assert all(abs(work - 10 * quota * n) < 1e-6 * work for quota, work, n in rows), rows  # what it was told is what it counts
END
}

@test "a sweep that is killed leaves nothing behind after the next one" {
    need_groups
    "$WATTLE" sweep spec.yaml -q 3>&- &
    sweep=$!
    for _ in $(seq 100); do
        [ ! -s "$cpu/$group/cgroup.procs" ] && [ -z "$(cat "$cpu/$group/cgroup.procs" 2>/dev/null)" ] || break
        sleep 0.05
    done
    [ -n "$(cat "$cpu/$group/cgroup.procs")" ]
    kill -9 "$sweep"
    wait "$sweep" || true
    [ -e "$cpu/$group" ]
    # Another spec, without the group, cleans up, too.
    sed -e 's/^name: .*/name: other/' -e "s|$group|$group-b|" -e 's/blocks_max: 2/blocks_max: 2, anchor_every: 9/' spec.yaml >other.yaml
    echo 'budget: 1' >>other.yaml
    for _ in $(seq 100); do
        [ -n "$(cat "$cpu/$group/cgroup.procs")" ] || break
        sleep 0.05
    done
    "$WATTLE" sweep other.yaml -q
    [ ! -e "$cpu/$group" ] && [ ! -e "$cpu/$group-b" ]
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"quota: 6 runs"* ]]
    [ ! -e "$cpu/$group" ]
    [[ $("$WATTLE" status) == *"nothing is leased"* ]]
}

@test "without privilege no group is made, and what was not varied is said" {
    [ -n "$cpu" ] || skip "no control groups with a CPU controller"
    run "$WATTLE" sweep spec.yaml --dry-run --no-privilege
    [ "$status" -eq 0 ]
    [[ $output == *"CPU quota"* ]]
    [ ! -e "$cpu/$group" ]
}

@test "ONNX Runtime under a quota: sweep, show, optimize, report" {
    need_groups
    export WATTLE_ONNXRUNTIME=${WATTLE_ONNXRUNTIME:-$WATTLE_BUILD/onnxruntime/libonnxruntime.so.1}
    [ -r "$WATTLE_ONNXRUNTIME" ] || skip "no ONNX Runtime: ./dev onnxruntime"
    example=$BATS_TEST_DIRNAME/../../examples/sweep-onnx.yaml
    sed -e "s|cgroup:/[a-z-]*|cgroup:/$group|" -e "s|command: \[wattle|command: [\"$WATTLE\"|" \
        -e 's/cpu_quota: \[.*/cpu_quota: [0.3, 0.8]/' -e 's/batches: .*/batches: [8]/' \
        -e 's/^baseline: .*/baseline: {cpu_quota: 0.8, batch: 8}/' -e 's/blocks_\(m..\): .*/blocks_\1: 2/' \
        -e 's/warm_up_max: .*/warm_up_max: 1s/' -e 's/window_min: .*/window_min: 1s/' \
        -e 's/window_max: .*/window_max: 1s/' "$example" >onnx.yaml
    run "$WATTLE" sweep onnx.yaml -o onnx.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"onnx: 6 runs"* ]]
    run "$WATTLE" show onnx.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"0.3 CPUs"* && $output == *"0.8 CPUs"* ]]
    run "$WATTLE" optimize onnx.wattle --objective energy --json
    [ "$status" -eq 0 ]
    [[ $output == *'"operating_points"'* ]]
    "$WATTLE" report onnx.wattle -o page
    grep -q "class D" -r page
    python3 - <<'END'
import sqlite3
rows = sqlite3.connect("onnx.wattle").execute(
    "select cpu_quota, work_units / time_s, energy_class, latency_n > 0 from run").fetchall()
best = {q: max(r[1] for r in rows if r[0] == q) for q in (0.3, 0.8)}
assert best[0.3] < best[0.8] and all(r[2] == "D" and r[3] for r in rows), rows
END
    # To the verdict: fresh runs of the point that EDP takes and of the baseline, in a group that is made anew.
    "$WATTLE" optimize onnx.wattle --objective edp --baseline-at "0.3 CPUs" -o plan.json -q >/dev/null
    sed -i 's/blocks_\(m..\): .*/blocks_\1: 4/' onnx.yaml
    run "$WATTLE" sweep onnx.yaml --plan plan.json -o fresh.wattle
    [ "$status" -eq 0 ]
    [[ $output == *"onnx-validation: 12 runs"* ]]
    [ ! -e "$cpu/$group" ]
    # On a busy machine four blocks may not decide (7), and chance may even refute (6).
    status=0
    "$WATTLE" validate plan.json fresh.wattle --json >verdict.json || status=$?
    [ "$status" -eq 0 ] || [ "$status" -eq 6 ] || [ "$status" -eq 7 ]
    python3 - <<'END'
import json
(v,) = json.load(open("verdict.json"))["verdicts"]
assert v["verdict"] in ("confirmed", "undecided", "refuted") and v["n_known"] == 0, v
assert v["configuration"]["cpu_quota"] == 0.8 and v["baseline_configuration"]["cpu_quota"] == 0.3, v
assert v["n_candidate"] + v["n_baseline"] + v["n_rejected"] == 12, v
END
    run "$WATTLE" apply plan.json --dry-run
    [ "$status" -eq 3 ]
    [[ $output == *"start the workload with batch 8, 0.8 CPUs"* ]]
}
