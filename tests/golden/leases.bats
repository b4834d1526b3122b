#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# apply, cap, status, restore on the command line: what they say, and how they end. On a virtual GPU of the
# command's own process, where nothing can stay; what stays is tested through the drop-in library.

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o sweep.wattle
    "$WATTLE" optimize sweep.wattle -q -o plans.json
    "$WATTLE" optimize sweep.wattle --gpu V100 --workload stablediffusion -q -o plan.json
}

@test "without a lease: status and restore say so and make no file" {
    run "$WATTLE" status
    [ "$status" -eq 0 ]
    [ "$output" = "nothing is leased" ]
    run "$WATTLE" restore
    [ "$status" -eq 0 ]
    [ "$output" = "nothing to put back" ]
    run "$WATTLE" restore --dry-run --all
    [ "$status" -eq 0 ]
    run "$WATTLE" status --check --json
    [ "$status" -eq 0 ]
    [[ $output == *'"leases": []'* ]]
    [ ! -e state ]
}

@test "restore of a lease that is not there" {
    run "$WATTLE" restore 7
    [ "$status" -eq 1 ]
    [[ $output == *"there is no lease \"7\""* ]]
    run "$WATTLE" restore --standing night
    [ "$status" -eq 1 ]
    [[ $output == *"there is no lease \"night\""* ]]
}

@test "a dry run of apply prints the move and touches nothing" {
    run "$WATTLE" apply plan.json -i virtual:v100 --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"stablediffusion on V100"* ]]
    [[ $output == *"virtual:v100"*"SM clock"*"would be set"* ]]
    [[ $output == *"dry run: nothing was touched"* ]]
    [ ! -e state ]
    while IFS= read -r line; do [ "${#line}" -le 80 ]; done <<<"$output"
}

@test "a plan for another board is refused, --force sets it" {
    run "$WATTLE" apply plan.json -i virtual:h100 --dry-run
    [ "$status" -eq 2 ]
    [[ $output == *"the plan was made on a V100"* ]]
    run "$WATTLE" apply plan.json -i virtual:a100 --dry-run --force
    [[ $status -eq 0 || $output == *"the nearest"* ]]
}

@test "which of several plans" {
    run "$WATTLE" apply plans.json -i virtual:v100 --dry-run
    [ "$status" -eq 2 ]
    [[ $output == *"say which with --gpu and --workload"* ]]
    run "$WATTLE" apply plans.json -i virtual:v100 --dry-run --gpu H100
    [ "$status" -eq 1 ]
    [[ $output == *'"plans.json" holds no plan for GPU H100'*"it holds: "*"V100 stablediffusion"* ]]
    run "$WATTLE" apply plans.json -i virtual:v100 --dry-run --gpu V100 --workload stablediffusion
    [ "$status" -eq 0 ]
}

@test "nothing stands on a device that ends with the command; a loan is put back" {
    run "$WATTLE" apply plan.json -i virtual:v100
    [ "$status" -eq 3 ]
    [[ $output == *"lives in this process alone"*"wattle sim start"* ]]
    run "$WATTLE" apply plan.json -i virtual:v100 --for 10ms
    [ "$status" -eq 0 ]
    [[ $output == *"put back"* ]]
    run "$WATTLE" status
    [ "$output" = "nothing is leased" ]
    run "$WATTLE" status --all
    [[ $output == *"closed"*"put back by its holder"* ]]
    [[ $output == *"before released"* ]]
}

@test "a signal ends a loan and puts it back" {
    "$WATTLE" apply plan.json -i virtual:v100 --for 60s 2>messages &
    pid=$!
    for _ in $(seq 200); do
        grep -q "held for" messages && break
        sleep 0.02
    done
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 143 ]
    grep -q "put back" messages
    run "$WATTLE" status
    [ "$output" = "nothing is leased" ]
}

@test "caps: the split, the least, devices without a limit" {
    run "$WATTLE" cap 200W -i virtual:v100 --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"250 W"*"200 W"* ]]
    run "$WATTLE" cap 240W --base 60W -i virtual:v100 --dry-run --json
    [ "$status" -eq 0 ]
    [[ $output == *'"limits_w": 180'* ]]
    run "$WATTLE" cap 99W -i virtual:v100 --dry-run
    [ "$status" -eq 5 ]
    [[ $output == *"the least that can be kept is 100 W"* ]]
    run "$WATTLE" cap 200W
    [ "$status" -eq 2 ]
    run "$WATTLE" cap lots -i virtual:v100
    [ "$status" -eq 2 ]
    [ ! -e state ]
}

@test "a state directory that cannot be written: nothing is set" {
    echo file >state
    run "$WATTLE" apply plan.json -i virtual:v100 --for 10ms
    [ "$status" -ne 0 ]
    [[ $output == *"without its journal nothing is set"* ]]
}

@test "a loan for the run of a command: its input, output and status are that command's" {
    bats_require_minimum_version 1.5.0
    run --separate-stderr "$WATTLE" apply plan.json -i virtual:v100 -- sh -c 'cat; exit 7' <<<"its input"
    [ "$status" -eq 7 ]
    [ "$output" = "its input" ]
    [[ $stderr == *"1140 MHz"*"held until sh ends"*"put back"* || $stderr == *"1125 MHz"*"put back"* ]]
    run --separate-stderr "$WATTLE" cap 200W -i virtual:v100 -q -- echo ours
    [ "$status" -eq 0 ]
    [ "$output" = ours ]
    [ -z "$stderr" ]
    run --separate-stderr "$WATTLE" apply plan.json -i virtual:v100 -q --json -- echo ours
    [ "$output" = ours ]
    [[ $stderr == *'"kind": "loan"'* ]]
    run "$WATTLE" apply plan.json -i virtual:v100 -q -- sh -c 'kill -KILL $$'
    [ "$status" -eq 137 ]
    run "$WATTLE" apply plan.json -i virtual:v100 --dry-run -- touch ran
    [ "$status" -eq 0 ]
    [ ! -e ran ]
    run "$WATTLE" status
    [ "$output" = "nothing is leased" ]
}

@test "a command that cannot be run, and failures of ours before it" {
    run "$WATTLE" apply plan.json -i virtual:v100 -- ./nowhere
    [ "$status" -eq 127 ]
    [[ $output == *"put back"*'cannot run "./nowhere"'* ]]
    run "$WATTLE" apply plan.json -i virtual:v100 -- ./plan.json
    [ "$status" -eq 126 ]
    for words in "apply plan.json -i nope" "apply plan.json --nonsense" "apply nowhere.json" \
        "cap 99W -i virtual:v100" "cap 200W -i virtual:v100 --watch" "apply plan.json --for 1s" \
        "apply plan.json --standing night"; do
        run "$WATTLE" $words -- touch ran
        [ "$status" -eq 125 ] || { echo "$words: $status" && false; }
    done
    run "$WATTLE" apply plan.json --
    [ "$status" -eq 125 ]
    [[ $output == *'no command follows "--"'* ]]
    [ ! -e ran ]
}

@test "signals go to the command, and the loan ends when it does" {
    cat >child.sh <<'END'
trap 'echo got TERM; sleep 0.1; echo done; exit 9' TERM
trap 'echo got INT' INT
echo ready
while :; do sleep 0.02; done
END
    # Whoever runs the tests in the background has SIGINT ignored.
    env --default-signal "$WATTLE" apply plan.json -i virtual:v100 -- sh child.sh >said 2>messages &
    pid=$!
    for _ in $(seq 200); do grep -q ready said && break; sleep 0.02; done
    kill -INT "$pid"
    for _ in $(seq 200); do grep -q "got INT" said && break; sleep 0.02; done
    kill -INT "$pid" # as often as it comes
    for _ in $(seq 200); do [ "$(grep -c "got INT" said)" = 2 ] && break; sleep 0.02; done
    [ "$(grep -c "got INT" said)" = 2 ]
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 9 ]
    grep -q done said
    grep -q "put back" messages
}

@test "a device that ended with its killed holder is nothing to put back" {
    "$WATTLE" apply plan.json -i virtual:v100 -- sh -c 'touch up; sleep 60' 3>&- &
    holder=$!
    for _ in $(seq 100); do [ -e up ] && break || sleep 0.1; done
    run "$WATTLE" status --check
    [ "$status" -eq 0 ]
    [[ $output == *"seen by its holder alone"* ]]
    kill -KILL $holder
    wait $holder || true
    pkill -f "touch up; sleep 60" || true
    run "$WATTLE" status --check
    [ "$status" -eq 0 ]
    [[ $output == *"ended with its holder"*"nothing is to be put"* ]]
    "$WATTLE" status --json | grep -q '"orphan": false'
    ! "$WATTLE" doctor | grep -q 'lost its holder'
    "$WATTLE" restore | grep -q 'nothing to put back: the device ended with its process'
    [ "$("$WATTLE" status)" = "nothing is leased" ]
}
