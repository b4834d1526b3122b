#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `status`, `doctor`, `restore` and holders say and do when somebody got at the leases: files removed and
# damaged, processes stopped and killed, the driver gone for a while. Over a virtual machine room.

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_FILE_TMPDIR/state WATTLE_RUN_DIR=$BATS_FILE_TMPDIR/run
    "$WATTLE" sim start --gpu v100,a100 -q
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o sweep.wattle
    "$WATTLE" optimize sweep.wattle --gpu V100 --workload stablediffusion -q -o plan.json
}

teardown_file() { "$WATTLE" sim stop -q; }

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
    pid=
}

teardown() {
    if [ -n "$pid" ]; then
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" || true
    fi
    "$WATTLE" sim fault --clear -q
    "$WATTLE" restore --all -q
}

lock() { "$WATTLE" sim list --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["gpus"][0]["sm_clock_lock"])'; }

# The number of the one open lease, and a process of its: owner.
lease() { "$WATTLE" status --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["leases"][0]["id"])'; }

# on_one_line TEXT: as it reads without the breaks of lines
on_one_line() { tr -s ' \n' ' ' <<<"$1"; }

# until_so COMMAND...: within ten seconds, far more than it takes
until_so() {
    for _ in $(seq 500); do
        "$@" && return 0
        sleep 0.02
    done
    return 1
}

loan() {
    "$WATTLE" apply plan.json --for 60s >/dev/null 2>messages 3>&- &
    pid=$!
    until_so grep -q "held for" messages
}

@test "a standing lease whose file was removed stands, and is told of" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    n=$(lease)
    rm "state/leases/$n.lease"
    run "$WATTLE" status --check
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"somebody removed or changed $n.lease; the lease stands all the same"* ]]
    [[ $output == *"as set"*"1 thing not as it shall be"* ]]
    run "$WATTLE" doctor
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"PROBLEM leases: somebody removed or changed $n.lease"* ]]
    run "$WATTLE" cap 300W -i 0 -i 1 -q
    [ "$status" -eq 0 ]
    [[ $output == *"somebody removed or changed"*"by its second name"* ]]
    [ -e "state/leases/$n.lease" ]
    "$WATTLE" status --check
    run "$WATTLE" restore --all
    [[ $output == *"150 W -> 250 W, put back"* ]]
}

@test "what a device did not take back is told as that, not as somebody else's" {
    limit='nvmlDeviceSetPowerManagementLimit*'
    "$WATTLE" sim fault -i 0 --call "$limit" --return unknown --skip 1
    run "$WATTLE" cap 150W -i 0 -- true
    [ "$status" -ne 0 ]
    n=$(lease)
    run "$WATTLE" status --check
    [ "$status" -eq 1 ]
    text=$(on_one_line "$output")
    [[ $text == *"power limit 150 W, before 250 W; found 150 W: not put back; putting it back failed, "* ]]
    [[ $text == *"\`wattle restore $n\` tries again its holder is gone, and putting it back failed"* ]]
    [[ $text != *"somebody else"* ]]
    "$WATTLE" sim fault --clear -q
    run "$WATTLE" restore
    [[ $output == *"150 W -> 250 W, put back"* ]]
}

@test "a standing cap that could not be ended: status and doctor say so; doctor says what was set" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    n=$(lease)
    run "$WATTLE" doctor
    [[ $(on_one_line "$output") == *"held lease"*" set to 200 W, "*" set to 200 W "* ]]
    [[ $output != *"PROBLEM  leases"* ]]
    "$WATTLE" sim fault -i 0 --call 'nvmlDeviceSetPowerManagementLimit*' --return unknown
    run "$WATTLE" restore --all
    [ "$status" -eq 1 ]
    run "$WATTLE" status --check
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"power limit 200 W, before 250 W; found 200 W: not put back;"* ]]
    run "$WATTLE" doctor
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"PROBLEM leases: lease "*" is not as it shall be: power limit of "*" not put back"* ]]
    "$WATTLE" sim fault --clear -q
    run "$WATTLE" restore --all
    [[ $output == *"200 W -> 250 W, put back"* ]]
    "$WATTLE" status --check
    run "$WATTLE" restore --forget "$n"
    [ "$status" -eq 0 ]
    [[ $output == *"lease $n is closed already: there is nothing to forget; no device was touched"* ]]
}

@test "a lease that cannot be read stops what would be set, until it is forgotten" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    n=$(lease)
    cp "state/leases/$n.lease" whole
    printf '!!' | dd of="state/leases/$n.lease" bs=1 seek=40 conv=notrunc status=none
    run "$WATTLE" status --check
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"cannot be read: $n.lease:"*"wattle restore --forget $n"* ]]
    [[ $output == *"$WATTLE_STATE_DIR/leases/$n.lease"* ]]
    run "$WATTLE" doctor
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"fix: sudo wattle restore --forget $n"* ]]
    run "$WATTLE" apply plan.json
    [ "$status" -eq 1 ]
    [[ $output == *"lease $n may hold the SM clock of nvml:GPU-"*"--forget $n"* ]]
    run "$WATTLE" restore --all
    [ "$status" -eq 1 ]
    [[ $output == *"1 lease cannot be read"*"status"* ]]
    run "$WATTLE" restore "$n"
    [ "$status" -eq 1 ]
    [[ $output == *"lease $n cannot be read"*"--forget $n"* ]]
    for words in "--forget" "--forget x" "--forget 0" "--forget $n --all" "--forget $n 3"; do
        # shellcheck disable=SC2086
        run "$WATTLE" restore $words
        [ "$status" -eq 2 ]
    done
    run "$WATTLE" restore --forget 4711
    [ "$status" -eq 1 ]
    [[ $output == *"there is no lease 4711"* ]]
    run "$WATTLE" restore --forget "$n"
    [ "$status" -eq 0 ]
    [ "$output" = "lease $n is forgotten; no device was touched" ]
    [ "$("$WATTLE" status)" = "nothing is leased" ]
    cp whole "state/leases/$n.lease" # what a backup would bring back
    run "$WATTLE" restore --all
    [[ $output == *"200 W -> 250 W, put back"* ]]
}

@test "a holder whose record is removed writes it again within seconds" {
    loan
    rm -rf state
    until_so grep -q "written again" messages
    [ "$(lease)" = 1 ]
    run "$WATTLE" apply plan.json
    [ "$status" -eq 1 ]
    [[ $output == *"is held by loan lease 1"* ]]
    kill -9 "$pid"
    wait "$pid" || true
    gone() { [ "$(lock)" = None ]; }
    until_so gone
}

@test "so does one while the command runs that it lends for" {
    "$WATTLE" apply plan.json -- sh -c 'until [ -e over ]; do sleep 0.02; done' >/dev/null 2>messages 3>&- &
    pid=$!
    until_so grep -q "held until" messages
    rm -rf state
    until_so grep -q "written again" messages
    [ "$(lease)" = 1 ]
    touch over
    wait "$pid"
    pid=
    [ "$(lock)" = None ]
    [ "$("$WATTLE" status)" = "nothing is leased" ]
}

@test "a stopped holder is told of, with what helps" {
    loan
    kill -STOP "$pid"
    run "$WATTLE" status --check
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"pid $pid, stopped)"*"\`kill -CONT $pid\` lets it go on"* ]]
    run "$WATTLE" doctor
    [[ $(on_one_line "$output") == *"process $pid (wattle apply), is stopped"*"fix: kill -CONT $pid"* ]]
    run "$WATTLE" apply plan.json
    [[ $output == *"process $pid (wattle apply) is stopped: \`kill -CONT $pid\`"* ]]
    kill -9 "$pid"
    wait "$pid" || true
    gone() { [ "$(lock)" = None ]; }
    until_so gone
}

@test "a journal that became read-only: nobody is sent to another directory" {
    unshare -rm mount -t tmpfs none "$BATS_TEST_TMPDIR" || skip "no mount namespaces here"
    "$WATTLE" cap 400W -i 0 -i 1 -q
    run unshare -rm bash -c 'mount --bind state state && mount -o remount,bind,ro state || exit 77
        "$WATTLE" restore --all; "$WATTLE" cap 300W -i 0 -i 1; "$WATTLE" restore --all --dry-run'
    [ "$status" -ne 77 ] || skip "no read-only mounts here"
    text=$(on_one_line "$output")
    [[ $text == *"make it writable, then restore again; the prior values stand in $WATTLE_STATE_DIR/leases/N.lease"* ]]
    [[ $text == *"make it writable; leases stay open there, their prior values stand in $WATTLE_STATE_DIR/leases/N.lease"* ]]
    [[ $text == *"200 W -> 250 W, would be put back"* ]]
    [[ $text != *"names another directory"* ]]
    "$WATTLE" status --check
}

@test "a state directory that others may write to is not trusted" {
    mkdir -m 0777 open
    export WATTLE_STATE_DIR=$BATS_FILE_TMPDIR/open
    chmod 0777 open
    run "$WATTLE" apply plan.json
    [ "$status" -ne 0 ]
    [[ $output == *"everybody may write to"*"chmod o-w"* ]]
    chmod 0755 open
    mkdir elsewhere
    ln -s ../elsewhere open/leases
    run "$WATTLE" apply plan.json
    [ "$status" -ne 0 ]
    [[ $output == *"open/leases\" is no directory"* ]]
    rm open/leases
    mkdir open/leases
    ln -s ../../elsewhere open/leases/locks
    run "$WATTLE" apply plan.json
    [ "$status" -ne 0 ]
    [[ $output == *"open/leases/locks\" is a link"* ]]
    [ -z "$(ls elsewhere)" ]
    [ "$(lock)" = None ]
}

@test "a lock that could not be taken off is told of, and the next restore takes it off" {
    "$WATTLE" apply plan.json >/dev/null
    set_mhz=$(lock)
    [ "$set_mhz" != None ]
    "$WATTLE" sim fault --call nvmlDeviceResetGpuLockedClocks --return unknown -q
    run "$WATTLE" restore --all
    [ "$status" -eq 1 ]
    run "$WATTLE" status --check
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"before released; not put back; putting it back failed"* ]]
    run "$WATTLE" doctor
    [ "$status" -eq 1 ]
    "$WATTLE" sim fault --clear -q
    [ "$(lock)" = "$set_mhz" ]
    run "$WATTLE" restore # its end had begun
    [ "$status" -eq 0 ]
    [[ $output == *"MHz -> released, put back"* ]]
    [ "$(lock)" = None ]
    "$WATTLE" status --check
}

@test "restore --all says who looks after a cap, and fails" {
    "$WATTLE" cap 400W -i 0 -i 1 --watch >watch.log 2>&1 3>&- &
    pid=$!
    until_so grep -q "ends it" watch.log
    run "$WATTLE" restore --all
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"(cap 400 W)"*"is held"*"end process $pid (wattle cap) first"* ]]
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    "$WATTLE" restore --all -q
}

@test "a change of a cap that fails says what is in force, and so does status" {
    "$WATTLE" cap 400W -i 0 -i 1 -q
    "$WATTLE" sim fault -i 1 --call 'nvmlDeviceSetPowerManagementLimit*' --return unknown -q
    run "$WATTLE" cap 450W -i 0 -i 1
    [ "$status" -eq 1 ]
    [[ $(on_one_line "$output") == *"limits keep the larger of the two budgets"* ]]
    [[ $(on_one_line "$("$WATTLE" status)") == *"standing cap 450 W "*" of 450 W"* ]]
}

@test "a watch that ends while its cap is not in force says so, and for how long" {
    "$WATTLE" cap 400W -i 0 -i 1 --watch --json >lines 2>&1 3>&- &
    pid=$!
    until_so test -s lines
    "$WATTLE" sim fault --call 'nvmlDeviceSetPowerManagementLimit*' --return unknown -q
    "$WATTLE" sim fault --reload -q
    until_so grep -q "cannot set it again" lines
    sleep 1.2 # long enough to be counted
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    run python3 -c 'import json
last = json.loads(open("lines").readlines()[-1])
print(last["event"], last["text"], last["exposures"], last["exposed_s_max"] > 1)'
    [ "$output" = "end of the watch the cap is not in force 1 True" ]
    [ "$("$WATTLE" sim list --json | python3 -c 'import json, sys
print(*(int(g["power_limit_w"]) for g in json.load(sys.stdin)["gpus"]))')" = "250 250" ]
}

@test "a watch outlasts the loss of all devices, and complains once" {
    "$WATTLE" cap 400W -i 0 -i 1 --watch >watch.log 2>&1 3>&- &
    pid=$!
    until_so grep -q "ends it" watch.log
    "$WATTLE" sim stop -q
    until_so grep -q "cannot set it again" watch.log
    sleep 1.2
    [ "$(grep -c "cannot set it again" watch.log)" -eq 1 ]
    "$WATTLE" sim start --gpu v100,a100 -q
    until_so grep -q "the devices were lost, and opened anew" watch.log
    "$WATTLE" status --check
    kill -TERM "$pid"
    wait "$pid" || true
    run "$WATTLE" restore --all
    [[ $output == *"200 W -> 250 W, put back"* ]]
}
