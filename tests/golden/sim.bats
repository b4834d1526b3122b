#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The virtual machine room on the command line.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
}

teardown() {
    "$WATTLE" sim stop >/dev/null 2>&1 || true
}

field() { # field EXPRESSION: of the JSON document on standard input
    python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"
}

@test "without a room every verb says how to start one" {
    for verb in list "load resnet50" unload "fault --lost" stop; do
        # shellcheck disable=SC2086
        run "$WATTLE" sim $verb
        [ "$status" -eq 1 ]
        [[ $output == *"no virtual machine room is running"* ]]
        [[ $output == *"wattle sim start"* ]]
    done
    run "$WATTLE" sim
    [ "$status" -eq 2 ]
    run "$WATTLE" sim strat
    [ "$status" -eq 2 ]
    [[ $output == *"did you mean \`wattle sim start\`?"* ]]
}

@test "start, load, list, unload, stop" {
    [ "$("$WATTLE" sim start --gpu v100,a100 --json | field '[g["board"] for g in d["gpus"]]')" = "['v100', 'a100']" ]
    run "$WATTLE" sim start
    [ "$status" -eq 1 ]
    [[ $output == *"running"*"already"* ]]
    pid=$("$WATTLE" sim load resnet50 -i 1 --share 50% --batch 4 --json | field 'd["pid"]')
    [ "$(cat "/proc/$pid/comm")" = resnet50 ]
    [ "$(tr '\0' '|' <"/proc/$pid/cmdline")" = "resnet50 (virtual load on GPU 1)|" ]
    [ "$("$WATTLE" top -n 1 --json | field '[p["name"] for d in d["devices"] for p in d["processes"]]')" = "['resnet50']" ]
    [ "$("$WATTLE" sim list --json | field '[(l["pid"], l["gpu"], l["share"], l["batch"], l["mps"]) for l in d["loads"]]')" = \
        "[($pid, 1, 0.5, 4, True)]" ]
    run "$WATTLE" sim list
    [[ $output == *V100*A100*resnet50* ]]
    run "$WATTLE" sim unload "$pid"
    [ "$output" = "1 load ended" ]
    [ ! -e "/proc/$pid" ]
    run "$WATTLE" sim unload "$pid"
    [ "$status" -eq 1 ]
    run "$WATTLE" sim stop
    [ "$status" -eq 0 ]
    [ "$output" = "the virtual machine room with 2 GPUs is gone" ]
    [ ! -e run/sim/room ]
    [ ! -e run/sim/socket ]
}

@test "a room of another version is told, and can be ended" {
    "$WATTLE" sim start --gpu v100 -q
    printf '\377' | dd of=run/sim/room seek=8 bs=1 conv=notrunc status=none # its version
    run "$WATTLE" sim list
    [ "$status" -eq 1 ]
    [[ $output == *"another version of Wattle"*"wattle sim stop"* ]]
    run "$WATTLE" doctor
    output=$(tr -s ' \n' ' ' <<<"$output") # where it breaks lines depends on the path of the library
    [[ $output == *"PROBLEM"*"does not start"*"fix: wattle sim fault --clear, or wattle sim stop"* ]]
    run "$WATTLE" sim stop
    [ "$status" -eq 0 ]
    [ "$output" = "the virtual machine room of another version of Wattle is gone" ]
    [ ! -e run/sim/socket ]
}

@test "a workload at the start, and none that does not exist" {
    "$WATTLE" sim start --gpu v100 --workload resnet50 --batch 8 >/dev/null
    [ "$("$WATTLE" sim list --json | field '[(l["workload"], l["batch"]) for l in d["loads"]]')" = "[('resnet50', 8)]" ]
    "$WATTLE" sim stop >/dev/null
    run "$WATTLE" sim start --gpu v100 --workload resnet5
    [ "$status" -ne 0 ]
    for _ in $(seq 100); do
        "$WATTLE" sim list >/dev/null 2>&1 || break
        sleep 0.02
    done
    run "$WATTLE" sim list # nothing half is left
    [ "$status" -eq 1 ]
    run "$WATTLE" sim start --gpu b52
    [ "$status" -eq 1 ]
    run "$WATTLE" sim start --batch 8
    [ "$status" -eq 2 ]
}

@test "a workload's profile is read by who asks for it, and never by the room" {
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" 2>/dev/null || true
    "$WATTLE" sim start --gpu v100 -q
    # a relative path, and one longer than any name
    mine=a-folder-with-a-name-that-is-longer-than-the-names-of-workloads/mine.yaml
    mkdir "${mine%/*}"
    sed 's/^name: .*/name: my-own/' "$WATTLE_DATA_DIR/sim/workloads/resnet50.yaml" >"$mine"
    "$WATTLE" sim load "$mine" --batch 4 -q >/dev/null
    [ "$("$WATTLE" sim list --json | field '[(l["workload"], l["batch"]) for l in d["loads"]]')" = "[('my-own', 4)]" ]
    "$WATTLE" sim unload -q >/dev/null
    # what only one side may read, or what nobody can: the room goes on
    mkfifo fifo.yaml
    timeout 1 "$WATTLE" sim load "$PWD/fifo.yaml" >/dev/null 2>&1 || true
    timeout 5 "$WATTLE" sim load resnet50 >/dev/null
    if [ "$(id -u)" -ne 0 ]; then skip "only root can become somebody else"; fi
    as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    "${as_nobody[@]}" "$WATTLE" sim list >/dev/null || skip "nobody cannot get at the program or the room here"
    echo "password: hidden" >secret.yaml
    chmod 600 secret.yaml
    run "${as_nobody[@]}" "$WATTLE" sim load "$PWD/secret.yaml"
    [ "$status" -ne 0 ]
    [[ $output == *"cannot open"*"Permission denied"* ]]
    [[ $output != *password* ]]
}

@test "faults: set, shown, cleared; a lost GPU comes back with a driver load" {
    "$WATTLE" sim start --gpu v100 >/dev/null
    epoch=$("$WATTLE" sim list --json | field 'd["epoch"]')
    "$WATTLE" sim fault --call 'nvmlDeviceSet*' --return no-permission --skip 2 --count 1 >/dev/null
    [ "$("$WATTLE" sim list --json | field '[(f["call"], f["return"], f["skip"]) for f in d["faults"]]')" = \
        "[('nvmlDeviceSet*', 4, 2)]" ]
    run "$WATTLE" sim list
    [[ $output == *"fault: nvmlDeviceSet* on all GPUs returns 4; hit 0 of 0 calls"* ]]
    "$WATTLE" sim fault --clear >/dev/null
    [ "$("$WATTLE" sim list --json | field 'd["faults"]')" = "[]" ]
    "$WATTLE" sim fault -i 0 --lost >/dev/null
    [ "$("$WATTLE" sim list --json | field 'd["gpus"][0]["lost"]')" = True ]
    run "$WATTLE" sim load resnet50
    [ "$status" -ne 0 ]
    "$WATTLE" sim fault --reload >/dev/null
    [ "$("$WATTLE" sim list --json | field 'd["gpus"][0]["lost"]')" = False ]
    [ "$("$WATTLE" sim list --json | field 'd["epoch"]')" != "$epoch" ]
    "$WATTLE" sim fault -i 0 --oob-limit 150W --brake on --stale power --drop 20% --ambient 45 --xid 31 -q
    [ "$("$WATTLE" sim list --json | field '[d["gpus"][0][k] for k in ("out_of_band_limit_w", "power_brake", "stale", "dropped", "ambient_c", "last_xid")]')" = \
        "[150, True, 'power', 0.2, 45, 31]" ]
    run "$WATTLE" sim list
    for text in "a limit of 150 W from outside" "power brake on" "keeps its last power" "loses 20 %" "stands at 45 C" "XID 31"; do
        [[ $output == *"fault: GPU 0 "*"$text"* ]] || { echo "$text" && false; }
    done
    "$WATTLE" sim fault --clear -q
    run "$WATTLE" sim list
    [[ $output != *fault* ]]
    run "$WATTLE" sim fault --call nvmlDeviceGetPowerUsag --hang
    [ "$status" -eq 2 ]
    [[ $output == *"has no function"* ]]
    "$WATTLE" sim fault --call nvmlDeviceGetPowerUsage --hang -q
    for bad in "--return 15" "--call cuda* --hang" "--xid 0" "--call x" "--for 5s" "--stale x" "--call nvmlInit_v2 --return nonsense" ""; do
        # shellcheck disable=SC2086
        run "$WATTLE" sim fault $bad
        [ "$status" -eq 2 ]
    done
}

@test "a board that stands where its profile has it has no fault" {
    for name in v100 my-board; do
        sed "s/ambient_c: 25 /ambient_c: 40 /; s/^short_name: v100/short_name: $name/" "$WATTLE_DATA_DIR/sim/boards/v100-pcie-32gb.yaml" >own.yaml
        "$WATTLE" sim start --gpu own.yaml -q
        run "$WATTLE" sim list
        [ "$status" -eq 0 ]
        [[ $output != *fault* ]]
        "$WATTLE" sim fault --ambient 25 -q
        run "$WATTLE" sim list
        [[ $output == *"fault: GPU 0 stands at 25 C"* ]]
        "$WATTLE" sim fault --clear -q
        [ "$("$WATTLE" sim list --json | field 'd["gpus"][0]["ambient_c"]')" = 40 ]
        "$WATTLE" sim stop -q
    done
}

@test "what makes no sense in one option leaves all undone" {
    "$WATTLE" sim start --gpu v100,v100 -q
    run -2 "$WATTLE" sim fault --call nvmlInit_v2 --return 15 --stale bogus
    "$WATTLE" sim fault --call nvmlDeviceGetName --return 15 -q
    run -2 "$WATTLE" sim fault --clear --call nvmlInit_v2 --return bogus
    [ "$("$WATTLE" sim list --json | field '[f["call"] for f in d["faults"]]')" = "['nvmlDeviceGetName']" ]
    "$WATTLE" sim load resnet50 -i 1 >/dev/null
    for option in reload mismatch; do
        run -2 "$WATTLE" sim fault -i 0 --$option
        [[ $output == *"--$option is of the driver, of all GPUs"* ]]
    done
    [ "$("$WATTLE" sim list --json | field 'len(d["loads"]), d["mismatch"]')" = "1 False" ]
}

@test "times are rounded to milliseconds" {
    "$WATTLE" sim start --gpu v100 -q
    "$WATTLE" sim load plain --period 1.005s --on 505ms >/dev/null # 1.005 x 1000 is 1004.9999999999999
    "$WATTLE" sim fault --call nvmlDeviceGetName --delay 1.005s -q
    [ "$("$WATTLE" sim list --json | field 'd["faults"][0]["delay_ms"]')" = 1005 ]
}

@test "a fault of a function that there is none of is refused, and the nearest named" {
    "$WATTLE" sim start --gpu v100 >/dev/null
    run "$WATTLE" sim fault --call nvmlDeviceGetPowerUsag --return 15
    [ "$status" -eq 2 ]
    [[ $output == *"has no function"*"did you mean nvmlDeviceGetPowerUsage?"* ]]
    for call in nvmlShutdown nvmlGpmSampleFree; do
        run -2 "$WATTLE" sim fault --call $call --return 15
        [[ $output == *"$call always works"* ]]
    done
    run "$WATTLE" sim fault --call 'nvmlDeviceSat*' --return 15
    [ "$status" -eq 2 ]
    [ "$("$WATTLE" sim list --json | field 'd["faults"]')" = "[]" ]
    "$WATTLE" sim fault --call nvmlDeviceGetPowerUsage --return 15 >/dev/null
}

@test "SIGTERM cleans up; after kill -9 the next start does" {
    pid=$("$WATTLE" sim start --gpu v100 --json | field 'd["pid"]')
    kill "$pid"
    for _ in $(seq 200); do
        [ -e run/sim/room ] || break
        sleep 0.02
    done
    [ ! -e run/sim/room ]
    pid=$("$WATTLE" sim start --gpu v100 --workload resnet50 --json | field 'd["pid"]')
    kill -9 "$pid"
    for _ in $(seq 200); do # a kill takes its time, too
        run "$WATTLE" sim list
        [ "$status" -eq 0 ] || break
        sleep 0.02
    done
    [ "$status" -eq 1 ]
    "$WATTLE" sim start --gpu v100,v100 >/dev/null
    [ "$("$WATTLE" sim list --json | field 'len(d["gpus"]), d["loads"]')" = "2 []" ]
}

@test "env is for eval, and warns without a room" {
    run "$WATTLE" sim env
    [ "$status" -eq 0 ]
    [[ $output == *"no machine room is running"* ]]
    eval "$("$WATTLE" sim env 2>/dev/null)"
    [ -e "${LD_LIBRARY_PATH%%:*}/libnvidia-ml.so.1" ]
}

@test "start -q says nothing; usage has no trailing blank" {
    run "$WATTLE" sim start -q --gpu v100
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$("$WATTLE" sim list --json | field 'len(d["gpus"])')" = 1 ]
    for verb in start list load mig stop env; do
        run "$WATTLE" sim $verb --help
        [ "$status" -eq 0 ]
        [[ ${lines[0]} == "usage: wattle sim $verb"* ]]
        [[ ${lines[0]} != *" " ]]
    done
}

@test "start and cap without standard descriptors: none of ours gets their number" {
    run timeout 30 sh -c '"$WATTLE" sim start -q --gpu v100 <&- 3>&-'
    [ "$status" -eq 0 ]
    [ "$("$WATTLE" sim list --json | field 'len(d["gpus"])')" = 1 ]
    timeout 30 "$WATTLE" cap 200W -i 0 -- python3 -c 'import os
with open("fds", "w") as f: f.write(" ".join(os.readlink(f"/proc/self/fd/{i}") for i in range(3)))' <&- >&- 2>&-
    [ "$(cat fds)" = "/dev/null /dev/null /dev/null" ]
}

@test "start: a board without a name is refused, and nothing starts" {
    for boards in v100, ,v100 v100,,a100 ""; do
        run -2 "$WATTLE" sim start -q --gpu "$boards"
        [[ $output == *"--gpu \"$boards\": a name is empty"* ]]
    done
    run -1 "$WATTLE" sim list
}

@test "a number that no GPU has: the hint names those that there are" {
    "$WATTLE" sim start -q --gpu a100,v100
    run -1 "$WATTLE" devices -i 7
    [[ $output == *'there is no device "7"'*"devices here: GPUs 0 to 1; "* ]]
}

@test "mig: sizes, instances, loads in them, off" {
    "$WATTLE" sim start -q --gpu a100,v100,h100
    run "$WATTLE" sim mig
    [ "$status" -eq 0 ]
    [[ $output == *"1g.5gb     19     7   7   14    4864  {0,1,2,3,4,5,6}:1"* ]]
    [[ $output == *"3g.20gb     9     2   2   42   20096  {0,4}:4"* ]]
    [[ $output == *"MIG is off on virtual GPU 0"* ]]
    [ "$("$WATTLE" sim mig -i 2 --json | field '[(p["profile"], p["sm_count"]) for p in d["profiles"]]')" = \
        "[('1g.12gb', 16), ('1g.12gb+me', 16), ('1g.24gb', 26), ('2g.24gb', 32), ('3g.47gb', 60), ('4g.47gb', 64), ('7g.94gb', 132)]" ]
    run "$WATTLE" sim mig -i 0 --create 3g.20gb,2g.10gb
    [ "$status" -eq 0 ]
    [[ $output == *"3g.20gb  0:4     42   20096"*"2g.10gb  4:2     28    9984"* ]]
    # a load needs one of them, and is there alone
    run "$WATTLE" sim load resnet50
    [ "$status" -eq 2 ]
    [[ $output == *"GPU 0 is split by MIG: a process needs one of its instances, 0 to 1"* ]]
    "$WATTLE" sim load resnet50 -q --instance 1 --batch 64 >/dev/null
    [ "$("$WATTLE" sim list --json | field '[(l["gpu"], l["mig_instance"]) for l in d["loads"]]')" = "[(0, 1)]" ]
    [ "$("$WATTLE" sim list --json | field '[(i["profile"], i["memory_used_mib"] > 0) for i in d["gpus"][0]["mig_instances"]]')" = \
        "[('3g.20gb', False), ('2g.10gb', True)]" ]
    # top names them as sim list does, profile first; and no table draws UTF-8 where the locale has none
    "$WATTLE" top --once -n 1 --size 80x24 >top
    grep -q '^ 0/0  3g.20gb A100' top && grep -q '^ 0/1  2g.10gb A100' top && grep -q '^ 1   V100' top
    LC_ALL=C "$WATTLE" sim list >ascii
    grep -q '^----------' ascii
    ! LC_ALL=C grep '[^ -~]' ascii
    LC_ALL=C.UTF-8 "$WATTLE" sim list | grep -q '^──────────'
    run "$WATTLE" sim list
    [[ $output == *" MIG"*"0/1  resnet50"* ]]
    # clients see the same
    "$WATTLE" devices --json >devices.json
    [ "$(field 'sorted(x["name"] for x in d["devices"] if x["id"].startswith("nvml:MIG-"))' <devices.json)" = \
        "['NVIDIA A100-PCIE-40GB MIG 2g.10gb', 'NVIDIA A100-PCIE-40GB MIG 3g.20gb']" ]
    "$WATTLE" sim mig -i 0 --json >mig.json
    [ "$(field 'sorted("nvml:" + i["uuid"] for i in d["instances"])' <mig.json)" = \
        "$(field 'sorted(x["id"] for x in d["devices"] if x["id"].startswith("nvml:MIG-"))' <devices.json)" ]
    run "$WATTLE" doctor
    [[ ${output//$'\n         '/ } == *"MIG: its instances (3g.20gb, 2g.10gb) share one power sensor, one clock and one limit"* ]]
    # not while somebody is there
    run "$WATTLE" sim mig --off
    [ "$status" -ne 0 ]
    [[ $output == *"GPU 0 has 1 process; MIG is set up on a GPU without any"*"wattle sim unload -i 0"* ]]
    "$WATTLE" sim unload -q >/dev/null
    run "$WATTLE" sim mig -i 0 -q --create 9,9
    [ -z "$output" ]
    [ "$("$WATTLE" sim mig --json | field '[(i["profile"], i["memory_start"]) for i in d["instances"]]')" = "[('3g.20gb', 0), ('3g.20gb', 4)]" ]
    run "$WATTLE" sim mig --off
    [ "$output" = "MIG is off on virtual GPU 0" ]
    "$WATTLE" sim load resnet50 >/dev/null
}

@test "mig: what cannot be is refused, and what could is said" {
    "$WATTLE" sim start -q --gpu a100,v100
    run -3 "$WATTLE" sim mig -i 1
    [[ $output == *"Tesla V100-PCIE-32GB has no MIG"* ]]
    run -3 "$WATTLE" sim mig -i 1 --create 1g.5gb
    [[ $output == *"Tesla V100-PCIE-32GB has no MIG"* ]]
    run -2 "$WATTLE" sim mig --create 4g.20gb,3g.20gb,1g.5gb
    [[ $output == *"has no place for 1g.5gb beside 4g.20gb, 3g.20gb"*"beside 4g.20gb, 3g.20gb nothing fits"* ]]
    run -2 "$WATTLE" sim mig --create 4g.20gb,2g.10gb,2g.10gb
    [[ $output == *"beside 4g.20gb, 2g.10gb fit 1g.5gb, 1g.5gb+me, 1g.10gb"* ]]
    run -2 "$WATTLE" sim mig --create 5g.20gb
    [[ $output == *"has no MIG profile \"5g.20gb\""*"it has 1g.5gb, 1g.5gb+me"* ]]
    run -2 "$WATTLE" sim mig --create 77
    [[ $output == *"has no MIG profile 77"*"3g.20gb (9)"* ]]
    run -2 "$WATTLE" sim mig --create 1g.5gb --off
    run -2 "$WATTLE" sim mig --create ""
    run -2 "$WATTLE" sim mig -i 7
    [ "$("$WATTLE" sim mig --json | field 'd["mig"], d["instances"]')" = "False []" ]
}
