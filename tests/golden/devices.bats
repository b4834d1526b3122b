#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle devices and wattle doctor: over recorded machines, and over the one that runs the tests.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    machines=$WATTLE_SOURCE/tests/machines
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state
}

json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

@test "devices: every machine fits 100 columns, and its document holds every device and value of the text" {
    for m in "$machines"/*/; do
        "$WATTLE" devices --root "$m" --all >text
        "$WATTLE" devices --root "$m" --json >d.json
        [ "$(wc -L <text)" -le 100 ]
        [ "$(json d.json 'len(d["devices"])')" -ge 1 ]
        json d.json '"\n".join(x["id"] for x in d["devices"])' | while read -r id; do
            grep -qF -- "$id" text || { echo "$id is not in the text of $m" && exit 1; }
        done
    done
}

@test "devices: figures of the Xeon server, to the digit" {
    "$WATTLE" devices --root "$machines/xeon-2s" --json -i rapl:0 -i cpufreq:3 >d.json
    [ "$(json d.json '[x["id"] for x in d["devices"]]')" = "['rapl:0', 'cpufreq:3']" ]
    [ "$(json d.json '[(s["value"], s["wraps_at"], s["unit"]) for s in d["devices"][0]["sensors"] if s["name"] == "energy_counter_j"]')" = "[(261143.32885, 262143.32885, 'J')]" ]
    [ "$(json d.json 'd["devices"][0]["knobs"][0]["requested"]')" = "{'released': False, 'lo': 205, 'hi': 205}" ]
    [ "$(json d.json 'd["devices"][0]["knobs"][0]["enforced"]')" = 180 ]
    [ "$(json d.json 'd["devices"][0]["knobs"][0]["writable"]')" = False ]
    [ "$(json d.json 'd["devices"][1]["sensors"][0]["value"]')" = 1500 ]
}

@test "devices: where descriptors are out, that is said, and nothing is left out in silence" {
    "$WATTLE" devices --root "$machines/xeon-2s" >full
    refused=0
    for n in {8..24}; do
        status=0
        (ulimit -n "$n" && exec "$WATTLE" devices --root "$machines/xeon-2s") >text 2>why || status=$?
        if [ "$status" -eq 0 ]; then
            cmp text full
        else
            [ "$status" -eq 1 ]
            [ ! -s text ]
            grep -q 'Too many open files' why
            refused=$((refused + 1))
        fi
    done
    [ "$refused" -gt 0 ]
}

@test "devices: the parent of a device is an id" {
    "$WATTLE" devices --root "$machines/epyc-2s" --json >d.json
    [ "$(json d.json '{x["id"]: x["parent"] for x in d["devices"]}["cpufreq:2"]')" = rapl:1 ]
}

@test "devices: a name that is nowhere is said, with what there is" {
    run -1 "$WATTLE" devices --root "$machines/epyc-2s" -i rapl:7
    [[ $output == *'no device "rapl:7"'* ]]
    [[ $output == *'rapl:0, rapl:1'* ]]
    run -1 "$WATTLE" devices --root nowhere
    [[ $output == *nowhere* ]]
}

@test "devices: this machine, whatever it is" {
    "$WATTLE" devices >text
    "$WATTLE" devices --json >d.json
    [ "$(json d.json 'd["root"]')" = / ]
}

@test "doctor: what is denied is named with the command that grants it; status by --strict" {
    run -0 "$WATTLE" doctor --root "$machines/xeon-2s-user"
    [[ $output == *"fix: sudo chmod a+r /sys/class/powercap/intel-rapl*:*/energy_uj"* ]]
    [[ $output == *"no problem; 1 thing missing"* ]]
    run -1 "$WATTLE" doctor --strict --root "$machines/xeon-2s-user"
    run -0 "$WATTLE" doctor --strict --root "$machines/epyc-2s"
    "$WATTLE" doctor --root "$machines/xeon-2s-user" --json >d.json
    [ "$(json d.json '(d["healthy"], d["problems"], d["lacks"], len(d["restore"]))')" = "(True, 0, 1, 0)" ]
}

@test "doctor: containers are named, and what their rights do not allow" {
    "$WATTLE" doctor --root "$machines/intel-gpus" --json >d.json
    [ "$(json d.json '(d["world"]["container"], d["world"]["sys_admin"], d["world"]["uid"])')" = "('docker', False, 0)" ]
    "$WATTLE" doctor --root "$machines/intel-gpus" | grep -q "without CAP_SYS_ADMIN no knob of a GPU moves"
}

@test "doctor: this machine, with what puts knobs back" {
    "$WATTLE" doctor >text || [ $? -eq 1 ]
    grep -q '^restore  guardian: a process' text
    grep -q '^restore  broker: none' text
    "$WATTLE" doctor --json >d.json || [ $? -eq 1 ]
    [ "$(json d.json '[g["name"] for g in d["restore"] if not g["applies"] and not g["text"].startswith("none: ")]')" = "[]" ]
    [ "$(wc -L <text)" -le 100 ] || grep -q 'fix: ' text
    [ ! -e "$WATTLE_STATE_DIR" ] # nothing is made by looking
}

# What root may write to must be mounted read-only or be full: in a mount namespace of its own.
in_namespace() { unshare -rm bash -c "$1"; }

@test "doctor: a journal that cannot be written is a problem" {
    mkdir -p disk
    in_namespace 'mount -t tmpfs none disk' || skip "no mount namespaces here"
    export WATTLE_STATE_DIR=$PWD/disk/state
    run -1 in_namespace 'mount -t tmpfs -o ro none disk && "$WATTLE" doctor'
    [[ $output == *"PROBLEM  leases: nothing can be set here"* ]]
    [[ $output == *"fix: make it writable"* ]]
    [[ $output == *"next start: none"* ]]
    run -1 in_namespace 'mount -t tmpfs none disk && mkdir -p disk/state/leases &&
        mount -o remount,ro disk && "$WATTLE" doctor'
    [[ $output == *"PROBLEM  leases: nothing can be set here"* ]]
    run in_namespace 'mount -t tmpfs -o size=256k none disk && "$WATTLE" doctor'
    [[ $output == *"restore  guardian: a process"* ]]
    [[ $output != *"nothing can be set here"* ]]
    run -1 in_namespace 'mount -t tmpfs -o size=256k none disk && head -c 240k /dev/zero >disk/fill &&
        "$WATTLE" doctor'
    [[ $output == *"PROBLEM  leases: nothing can be set here"* ]]
}

@test "doctor: a lease whose holder died is a problem" {
    mkdir -p state/leases/locks
    chmod 700 state/leases/locks
    echo rubbish >state/leases/7.lease
    run -1 "$WATTLE" doctor
    [[ $output == *"PROBLEM  leases: lease 7 cannot be read"* ]]
    [[ $output == *"fix: sudo wattle restore"* ]]
    [[ $output == *"1 problem"* ]]
}

@test "gather: reads back as the same machine, twice the same bytes, and is a tar for everybody" {
    for m in "$machines"/*/; do
        "$WATTLE" doctor --root "$m" --gather a.tar.gz >/dev/null
        "$WATTLE" doctor --root "$m" --gather b.tar.gz -q >/dev/null
        cmp a.tar.gz b.tar.gz
        rm -rf unpacked && mkdir unpacked && tar xzf a.tar.gz -C unpacked
        for c in devices doctor; do
            "$WATTLE" $c --root "$m" --json | grep -v '"root"' >want
            "$WATTLE" $c --root a.tar.gz --json | grep -v '"root"' >got
            cmp want got
            "$WATTLE" $c --root unpacked --json | grep -v '"root"' >got
            cmp want got
        done
        # Nothing is packed that was not there, nothing that is private.
        (cd unpacked && find . -type f ! -name README ! -name wattle-machine) | while read -r f; do
            [ -e "$m/$f" ]
        done
    done
}

@test "gather: a serial number, a boot, other mounts and the user's name stay here" {
    cp -r "$machines/amd-gpus" m
    echo deadbeef12345678 >m/sys/class/drm/card1/device/unique_id
    mkdir -p m/proc/sys/kernel/random
    echo 11111111-secret-boot >m/proc/sys/kernel/random/boot_id
    echo "40 30 8:1 / /home/joe rw - ext4 /dev/sda1 rw" >>m/proc/self/mountinfo
    printf 'Name:\tjoes-shell\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n' >m/proc/self/status
    "$WATTLE" devices --root m --json | grep -q deadbeef
    "$WATTLE" doctor --root m --gather a.tar.gz --json >g.json
    gunzip -c a.tar.gz >a.tar
    for secret in deadbeef secret-boot joe; do
        run -1 grep -a -q "$secret" a.tar
    done
    grep -a -q 'cgroup2' a.tar
    [ "$(json g.json 'd["left_out"] != [] and d["files"] > 20')" = True ]
}

@test "gather: of a container only that it is one is asked, and nothing counts as unreadable for it" {
    cp -r "$machines/epyc-2s" m
    "$WATTLE" doctor --root m --gather a.tar.gz --json >before.json
    mkdir -p m/run
    for ((i = 0; i < 40; i++)); do echo "name=\"secret-container-$i\""; done >m/run/.containerenv
    "$WATTLE" doctor --root m --gather a.tar.gz --json >after.json
    [ "$(json after.json 'd["refused"]')" -eq "$(json before.json 'd["refused"]')" ]
    "$WATTLE" doctor --root a.tar.gz | grep -q 'in a container (podman)'
    gunzip -c a.tar.gz >a.tar
    run -1 grep -a -q secret-container a.tar
}

@test "gathered files that are damaged, cut or no archive are refused with a reason" {
    "$WATTLE" doctor --root "$machines/epyc-2s" --gather a.tar.gz >/dev/null
    head -c 300 a.tar.gz >cut.tar.gz
    run -1 "$WATTLE" devices --root cut.tar.gz
    [[ $output == *cut.tar.gz* ]]
    echo "no archive" >text
    run -1 "$WATTLE" devices --root text
    [[ $output == *"not a tar archive"* ]]
    mkdir evil && echo x >evil/x && ln -s /etc/passwd evil/link
    tar czf evil.tar.gz --format=ustar -C evil link
    run -1 "$WATTLE" devices --root evil.tar.gz
    [[ $output == *"no plain file"* ]]
    tar czPf up.tar.gz --format=ustar ../"$(basename "$PWD")"/text
    run -1 "$WATTLE" devices --root up.tar.gz
    [[ $output == *"leads out of it"* ]]
}
