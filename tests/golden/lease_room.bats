#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Leases on GPUs that last: a virtual machine room, another NVML client that reads and writes beside us.

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_FILE_TMPDIR/state WATTLE_RUN_DIR=$BATS_FILE_TMPDIR/run
    "$WATTLE" sim start --gpu v100,a100 -q
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o sweep.wattle
    "$WATTLE" optimize sweep.wattle --gpu V100 --workload stablediffusion -q -o plan.json
    cat >client.py <<'END'
import ctypes, sys
nvml = ctypes.CDLL("libnvidia-ml.so.1")
assert nvml.nvmlInit_v2() == 0
device, limit = ctypes.c_void_p(), ctypes.c_uint()
assert nvml.nvmlDeviceGetHandleByIndex_v2(int(sys.argv[1]), ctypes.byref(device)) == 0
if len(sys.argv) > 2:
    assert nvml.nvmlDeviceSetPowerManagementLimit(device, int(sys.argv[2]) * 1000) == 0
assert nvml.nvmlDeviceGetPowerManagementLimit(device, ctypes.byref(limit)) == 0
print(limit.value // 1000)
END
}

teardown_file() { "$WATTLE" sim stop -q; }

setup() { cd "$BATS_FILE_TMPDIR" || return 1; }
teardown() {
    "$WATTLE" sim fault --clear -q
    "$WATTLE" restore --all -q
}

# client INDEX [WATTS]: the limit as another NVML client reads it, after it set it. A drop-in with
# AddressSanitizer in it wants its runtime to be there first.
client() {
    local runtime
    runtime=$(ldd "$WATTLE" | awk '/libasan/ { print $3 }')
    (eval "$("$WATTLE" sim env)" &&
        LD_PRELOAD=$runtime ASAN_OPTIONS=detect_leaks=0 python3 client.py "$@")
}

lock() { "$WATTLE" sim list --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["gpus"][0]["sm_clock_lock"])'; }

@test "apply locks the clock of the plan's board, stays, and restore ends it" {
    run "$WATTLE" apply plan.json
    [ "$status" -eq 0 ]
    [[ $output == *"Tesla V100"*"standing lease"* ]]
    [[ $(lock) == *1125*1125* ]]
    run "$WATTLE" status
    [[ $output == *"1125 MHz, before released"* ]]
    run "$WATTLE" devices -i 0 # what no getter tells, our record does
    [[ $output == *"SM clock 1125 MHz, as lease "*" of ours set it"* ]]
    [ "$("$WATTLE" devices -i 0 --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["devices"][0]["knobs"][0]["ours"]["value"])')" = "{'released': False, 'lo': 1125, 'hi': 1125}" ]
    run "$WATTLE" top --once -i 0
    [[ $output == *"SM lock 1125 MHz"* ]]
    run "$WATTLE" top -n 1 --json -i 0
    [[ $output == *'"sm_clock_mhz":{"requested":null,"ours":"1125 MHz"}'* ]]
    run "$WATTLE" apply plan.json --for 1ms
    [ "$status" -eq 1 ]
    [[ $output == *"is held by standing lease"*"wattle restore"* ]]
    run "$WATTLE" apply plan.json # the same again changes nothing
    [ "$status" -eq 0 ]
    run "$WATTLE" restore --all
    [[ $output == *"1125 MHz -> released, put back"* ]]
    [ "$(lock)" = None ]
    run "$WATTLE" devices -i 0
    [[ $output == *"SM clock not told by the driver"* ]]
    run "$WATTLE" top --once -i 0
    [[ $output != *"SM lock"* ]]
}

@test "a clock that is still on its way down is no foreign write" {
    "$WATTLE" sim load stable-diffusion -i 0 -q
    clock() { "$WATTLE" devices -i 0 --json | python3 -c 'import json, sys
print(*(int(s["value"]) for s in json.load(sys.stdin)["devices"][0]["sensors"] if s["name"] == "sm_clock_mhz"))'; }
    for _ in $(seq 200); do [ "$(clock)" -gt 1200 ] && break; sleep 0.02; done
    [ "$(clock)" -gt 1200 ]
    "$WATTLE" apply plan.json -q
    run "$WATTLE" status --check
    [ "$status" -eq 0 ]
    for _ in $(seq 200); do [ "$(clock)" -le 1125 ] && break; sleep 0.02; done
    run "$WATTLE" status
    [[ $output == *"it runs at 1125 MHz"* ]]
    "$WATTLE" sim unload -q
}

@test "a unit's way: apply --standing NAME, restore --standing NAME" {
    "$WATTLE" apply plan.json --standing wattle-v100-sd -q
    [[ $(lock) == *1125* ]]
    run "$WATTLE" restore
    [[ $output == "nothing to put back"*"1 standing lease not ended"* ]]
    run "$WATTLE" restore --standing wattle-v100-sd
    [ "$status" -eq 0 ]
    [ "$(lock)" = None ]
}

@test "a cap is seen by another client, changed in place, and put back" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    [ "$(client 0)" = 200 ]
    [ "$(client 1)" = 200 ]
    "$WATTLE" cap 300W -i 0 -i 1 -q
    [ "$(client 0)" = 150 ]
    run "$WATTLE" cap 150W -i 0 -i 1
    [ "$status" -eq 5 ]
    [ "$(client 0)" = 150 ]
    "$WATTLE" restore --all -q
    [ "$(client 0)" = 250 ]
    [ "$(client 1)" = 250 ]
}

@test "a board whose limit cannot be set: refused, or a soft cap by a ceiling on its clock" {
    "$WATTLE" sim fault -i 0 --call nvmlDeviceGetPowerManagementLimitConstraints --return not-supported -q
    run "$WATTLE" cap 300W -i 0 -i 1
    [ "$status" -eq 3 ]
    [[ $output == *"no power limit that could be set"*"--ceiling PLAN"* ]]
    run "$WATTLE" cap 300W -i 0 -i 1 --ceiling plan.json # its runs are a table without samples
    [ "$status" -eq 1 ]
    [[ $output == *"does not tell what the runs on"* ]]
    [ "$(client 1)" = 250 ]

    awk -F, -v OFS=, 'NR == 1 { print $0, "power_p99_w" }
        $1 == "V100" && $2 == "stablediffusion" { print $0, 1.08 * $9 + 5 }' \
        "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" >runs.csv
    "$WATTLE" import -q runs.csv -o samples.wattle
    "$WATTLE" optimize samples.wattle -q -o samples.json
    run "$WATTLE" cap 300W -i 0 -i 1 --ceiling samples.json
    [ "$status" -eq 0 ]
    [[ $output == *"135-1185 MHz"*"drew at most 88.5 W"*"211.375 W"*"of 300 W, soft"* ]]
    [[ $(lock) == *135*1185* ]]
    [ "$(client 1)" = 211 ]
    run "$WATTLE" status --check
    [ "$status" -eq 0 ]
    [[ $output == *"ceilings and base 299.902 W of 300 W, soft"* ]]

    "$WATTLE" cap 250W -i 0 -i 1 --ceiling samples.json --workload stablediffusion -q
    [[ $(lock) == *135*795* ]]
    run "$WATTLE" cap 120W -i 0 -i 1 --ceiling samples.json
    [ "$status" -eq 5 ]
    [[ $("$WATTLE" status) == *"cap 250 W"*" of 250 W, soft"* ]]
    run "$WATTLE" cap 250W -i 0 -i 1 --ceiling samples.json --workload vit
    [ "$status" -eq 1 ]
    # what two boards drew together is no ceiling for one of them
    python3 -c '
import json
d = json.load(open("samples.json"))
for p in d["plans"]: p["made_from"]["board"] = "V100-PCIE-32GB"
json.dump(d, open("board.json", "w"))
for p in d["plans"]: p["gpu"] = "2x V100"
json.dump(d, open("two.json", "w"))'
    "$WATTLE" cap 250W -i 0 -i 1 --ceiling board.json -q
    run "$WATTLE" cap 250W -i 0 -i 1 --ceiling two.json
    [ "$status" -eq 1 ]
    [[ $output == *'"two.json" holds no plan of nvml:'* ]]
    "$WATTLE" restore --all -q
    [ "$(lock)" = None ]
    [ "$(client 1)" = 250 ]
    "$WATTLE" sim fault --clear -q
}

@test "the document of restore: an ended lease is closed, what was left alone says why" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    client 0 240
    run "$WATTLE" restore --all --json
    [ "$status" -eq 0 ]
    [ "$(python3 -c 'import json, sys
lease = json.load(sys.stdin)["leases"][0]
print(lease["state"], lease["closed"], [(k["result"], k["why"]) for k in lease["knobs"]])' <<<"$output")" = \
        "closed True [('foreign', 'left alone: somebody else has set it since'), ('put back', '')]" ]
    client 0 250
}

@test "while a command runs, its cap is set again within a second, and its exposure told" {
    "$WATTLE" cap 400W -i 0 -i 1 -- sh -c 'until [ -e over ]; do sleep 0.02; done; exit 3' >cap.log 2>&1 3>&- &
    pid=$!
    for _ in $(seq 200); do grep -q "held until" cap.log && break; sleep 0.02; done
    client 0 245
    for _ in $(seq 200); do grep -q "set again" cap.log && break; sleep 0.02; done
    [ "$(client 0)" = 200 ]
    client 1 150 # less is somebody's wish, and leaves the cap whole
    client 0 245
    for _ in $(seq 200); do [ "$(grep -c "set again" cap.log)" -eq 2 ] && break; sleep 0.02; done
    [ "$(client 1)" = 150 ]
    touch over
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 3 ]
    client 1 250
    grep -Eq "wattle: (1 exposure|2 exposures), at most" cap.log # one, when no look came in between
    [ "$(client 0)" = 250 ]
}

@test "the output of a watch that cannot be written ends nothing, and is said once" {
    "$WATTLE" cap 400W -i 0 -i 1 --watch >/dev/full 2>messages 3>&- &
    pid=$!
    for _ in $(seq 200); do grep -q "No space left" messages && break; sleep 0.02; done
    client 0 245
    for _ in $(seq 200); do [ "$(client 0)" = 200 ] && break; sleep 0.02; done
    [ "$(client 0)" = 200 ]
    kill -TERM "$pid"
    wait "$pid" || true
    [ "$(grep -c "No space left" messages)" -eq 1 ]
}

@test "a watch in JSON is a stream: a line each" {
    "$WATTLE" cap 400W -i 0 -i 1 --watch --json >lines 2>messages 3>&- &
    pid=$!
    for _ in $(seq 200); do [ -s lines ] && break; sleep 0.02; done
    kill -TERM "$pid"
    wait "$pid" || true
    [ "$(python3 -c 'import json
for line in open("lines"):
    print(json.loads(line).get("event", "the cap"))')" = "the cap
end of the watch" ]
}

@test "a dry run of a loan is refused where the loan would be" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    for more in "" "--dry-run"; do
        run "$WATTLE" cap 400W -i 0 -i 1 $more -- true
        [ "$status" -eq 125 ]
        [[ $output == *"is held by standing lease"* ]]
    done
}

@test "a cap that is watched is changed by nobody else, and a dry run says so" {
    "$WATTLE" cap 400W -i 0 -i 1 --watch >watch.log 2>&1 3>&- &
    pid=$!
    for _ in $(seq 200); do grep -q "ends it" watch.log && break; sleep 0.02; done
    for more in "" "--dry-run"; do
        run "$WATTLE" cap 380W -i 0 -i 1 $more
        [ "$status" -eq 1 ]
        [[ $(tr -s ' \n' ' ' <<<"$output") == *"(cap 400 W) of "*" is held hint: process $pid (wattle cap) looks after it: end that first, with Ctrl-C or \`kill $pid\`"* ]]
    done
    kill -TERM "$pid"
    wait "$pid" || true
    "$WATTLE" cap 380W -i 0 -i 1 -q --dry-run
}

@test "a foreign write: status tells, restore leaves it alone, a watch sets ours again within a second" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    run "$WATTLE" status --check
    [ "$status" -eq 0 ]
    client 0 240
    run "$WATTLE" status --check
    [ "$status" -eq 1 ]
    [[ $output == *"found 240 W: changed by others"*"ABOVE THE BUDGET"* ]]
    "$WATTLE" cap 400W -i 0 -i 1 --watch >watch.log 2>&1 &
    pid=$!
    for _ in $(seq 200); do grep -q "ends it" watch.log && break; sleep 0.02; done
    [ "$(client 0)" = 200 ]
    client 0 245
    for _ in $(seq 200); do grep -q "set again" watch.log && break; sleep 0.02; done
    [ "$(client 0)" = 200 ]
    kill -TERM "$pid"
    wait "$pid" || true
    grep -q "1 exposure" watch.log
    [ "$(client 0)" = 200 ] # a cap outlives its watch
    client 1 222
    run "$WATTLE" restore --all
    [[ $output == *"222 W, left alone"* ]]
    [ "$(client 0)" = 250 ]
    [ "$(client 1)" = 222 ]
    client 1 250
}

@test "a lost board's lease stays open, restore says so and fails, and works when it is back" {
    "$WATTLE" cap 200W -i 0 -q
    "$WATTLE" sim fault -i 0 --lost -q
    run "$WATTLE" restore --all
    [ "$status" -eq 1 ]
    [[ $output == *"still open"*"could not be ended"* ]]
    "$WATTLE" sim fault --reload -q
    run "$WATTLE" doctor
    [ "$status" -eq 1 ]
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"lease "*"is not in force: the driver of nvml:GPU-"*"loaded anew"* ]]
    run "$WATTLE" restore --all
    [ "$status" -eq 0 ]
    [ "$(client 0)" = 250 ]
}

@test "kill -9 of a loan: its guardian puts it back within a second" {
    "$WATTLE" apply plan.json --for 60s >/dev/null 2>messages &
    pid=$!
    for _ in $(seq 200); do grep -q "held for" messages && break; sleep 0.02; done
    [[ $(lock) == *1125* ]]
    kill -9 "$pid"
    for _ in $(seq 50); do [ "$(lock)" = None ] && break; sleep 0.02; done
    [ "$(lock)" = None ]
    wait "$pid" || true
    run "$WATTLE" status
    [ "$output" = "nothing is leased" ]
}

@test "a loan for the run of a command: another client sees it, kill -9 puts it back" {
    run "$WATTLE" cap 300W -i 0 -i 1 -q -- "$WATTLE" sim list --json
    [ "$(python3 -c 'import json, sys
print(*(int(g["power_limit_w"]) for g in json.load(sys.stdin)["gpus"]))' <<<"$output")" = "150 150" ]
    [ "$(client 0)" = 250 ]
    "$WATTLE" cap 300W -i 0 -i 1 -- sh -c 'echo $$ >child.pid; exec sleep 60' >cap.log 2>&1 &
    pid=$!
    for _ in $(seq 200); do [ -s child.pid ] && break; sleep 0.02; done
    [ "$(client 0)" = 150 ]
    child=$(cat child.pid)
    kill -KILL "$pid"
    for _ in $(seq 200); do [ "$(client 0)" = 250 ] && break; sleep 0.02; done
    [ "$(client 0)" = 250 ]
    kill "$child" # it runs on, and is not ours to end
    wait "$pid" || true
}

@test "while a driver hangs a signal ends commands at once, and nothing was changed" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    "$WATTLE" sim fault --call 'nvmlInit*' --hang -q
    for words in "apply plan.json" "cap 300W -i 0 -i 1" "restore --all" "status" "devices" "doctor" "top --once"; do
        begin=$(date +%s%N)
        "$WATTLE" $words >hang.log 2>&1 &
        pid=$!
        for _ in $(seq 100); do [ "$(ls "/proc/$pid/task" | wc -l)" -gt 1 ] && break; sleep 0.02; done
        kill -TERM "$pid"
        status=0
        wait "$pid" || status=$?
        ms=$((($(date +%s%N) - begin) / 1000000))
        [ "$status" -eq 143 ] && [ "$ms" -lt 5000 ] || { echo "$words: $status after $ms ms" && cat hang.log && false; }
    done
    "$WATTLE" sim fault --clear -q
    run "$WATTLE" status --check
    [ "$status" -eq 0 ]
    [[ $output == *"cap 400 W"*"limits and base 400 W of 400 W" ]]
}
