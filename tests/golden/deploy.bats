#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every file that `wattle deploy` writes is executed here, against a fake nvidia-smi and systemctl that
# record their calls and can fail. deploy_kills.bats kills the scripts at every call.

load deploy_world

@test "the alert on time holds single runs: nearly all that were measured near the chosen clock lie within" {
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o c.wattle
    "$WATTLE" optimize c.wattle --workload stablediffusion --max-slowdown 5% -q -o p.json
    "$WATTLE" deploy p.json -o d --without-wattle
    "$WATTLE" export c.wattle --csv runs >runs.csv
    python3 - <<'END'
import csv, json, re
runs = [r for r in csv.DictReader(open("runs.csv")) if not r["causes"] and r["workload"] == "stablediffusion"]
plans = {p["gpu"]: p for p in json.load(open("p.json"))["plans"]}
text = json.dumps(json.load(open("d/production.json")))
found = re.findall(r"time of a single run outside ([0-9.]+) s to ([0-9.]+) s, again and again \(95 % of runs lie within\)", text)
assert len(found) == 2, found
for gpu, (lo, hi) in zip(sorted(plans), found):
    p = plans[gpu]
    near = [float(r["time_s"]) for r in runs if r["gpu"] == gpu and abs(float(r["clock_mhz"]) - p["clock_mhz"]) <= 30]
    inside = sum(float(lo) <= t <= float(hi) for t in near)
    print(gpu, lo, hi, inside, len(near))
    assert len(near) >= 9 and inside >= 0.8 * len(near)
    assert float(hi) / float(lo) < 1.12  # and it still says something
END
}

@test "an undecided plan that is left out says so once" {
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o c.wattle
    "$WATTLE" optimize c.wattle --gpu A100 --max-slowdown 5% -q -o p.json
    run "$WATTLE" deploy p.json -o d --without-wattle
    [[ $output == *"left out: llama on A100: undecided: the baseline is"* ]]
    [[ ${output,,} != *"undecided: undecided"* ]]
}

@test "only plans of status ok at clocks that the GPU has are deployed; the rest is listed with why" {
    run "$WATTLE" deploy plan.json -o out
    [ "$status" -eq 0 ]
    [[ $output == *"$SD: Stable Diffusion on A100 at 1140 MHz"* ]]
    [[ $output == *"left out: llama on A100: undecided: why not"* ]]
    [[ $output == *"left out: whisper on H100: infeasible"* ]]
    [[ $output == *"left out: odd on A100: 1057 MHz is no clock of NVIDIA A100-PCIE-40GB"* ]]
    [[ $output == *"2 of 5 plans deployed"* ]]
    grep -q '"A100+Stable Diffusion"' out/production.json
    [ "$(ls out/plans | wc -l)" -eq 2 ]
}

@test "nothing to deploy: exit 7, or 5 when limits are what stands in the way" {
    { echo '{"plans": [' && plan A100 llama undecided null '' && echo ']}'; } >plan.json
    run "$WATTLE" deploy plan.json -o out
    [ "$status" -eq 7 ]
    [ -e out/production.json ]
    [ ! -e out/install.sh ]
    { echo '{"plans": [' && plan A100 llama infeasible null '' && echo ']}'; } >plan.json
    run "$WATTLE" deploy plan.json -o out
    [ "$status" -eq 5 ]
}

@test "a folder with other files is refused, an earlier deployment is replaced without leftovers" {
    mkdir other && touch other/file
    run "$WATTLE" deploy plan.json -o other
    [ "$status" -eq 2 ]
    deploy --without-wattle
    deploy
    [ ! -e out/clocks.sh ]
    [ "$(ls out/systemd | wc -l)" -eq 2 ]
    { echo '{"plans": [' && plan A100 llama ok 1140 1140 && echo ']}'; } >plan.json
    deploy
    [ "$(ls out/systemd)" = wattle-a100-llama.service ]
    [ "$(ls out/plans)" = wattle-a100-llama.json ]
    deploy --without-wattle
    [ -z "$(ls out/plans)" ]
}

@test "a plan of several boards together is nothing for the script, which says so" {
    { echo '{"plans": [' && plan "A100 + V100" llama ok 1110 1110 && echo ']}'; } >plan.json
    run "$WATTLE" deploy plan.json -o out --without-wattle
    [ "$status" -eq 7 ]
    [[ $output == *"left out: llama on A100 + V100: the plan is for several boards together"*"wattle apply PLAN"* ]]
    [ ! -e out/clocks.sh ]
    deploy
    [ -e out/systemd/wattle-a100v100-llama.service ]
}

@test "a memory clock only where the board can lock it" {
    run "$WATTLE" deploy plan.json -o out --memory-clock 1215
    [ "$status" -eq 2 ]
    run "$WATTLE" deploy plan.json -o out --without-wattle --memory-clock 1215
    [ "$status" -eq 0 ]
    [[ $output == *"on V100: Tesla V100-PCIE-32GB cannot lock its memory clock"* ]]
    clocks apply $SD $B
    [ "$(lock_of $B)" = 1140,1140 ]
    [ "$(cat "$FAKE_DIR/gpu/$B/memlock")" = 1215,1215 ]
    clocks rollback
    [ "$(cat "$FAKE_DIR/gpu/$B/memlock")" = none ]
    assert_untouched
    run clocks apply $SD $C # the driver says what the name does not: 7.0 is Volta
    [ "$status" -eq 3 ]
    assert_untouched
}

@test "without --memory-clock no memory clock is ever touched, and never an application clock" {
    deploy --without-wattle
    clocks apply $SD
    clocks rollback
    ! grep -E -- '-lmc|-rmc|-ac|-rac' "$FAKE_DIR/calls"
    ! grep -vE '^ *#' out/clocks.sh | grep -E -- '(^| )-r?ac( |$)'
}

@test "generated shell passes shellcheck; names of any kind are data" {
    command -v shellcheck >/dev/null || skip "no shellcheck"
    deploy
    shellcheck out/install.sh
    deploy --without-wattle
    shellcheck out/install.sh out/clocks.sh
    run clocks plans
    [ "$status" -eq 0 ]
    [[ $output == *'$(touch pwned)`touch pwned`'"'"'; touch pwned'* ]]
    hostile=$(ls out/systemd | grep v100 | sed 's/\.service$//')
    [[ $hostile =~ ^wattle-v100-[a-z0-9]+$ ]]
    clocks apply "$hostile"
    [ "$(lock_of $C)" = 1110,1110 ]
    clocks status
    clocks rollback "$hostile"
    assert_untouched
    [ ! -e pwned ]
    ! grep -P '[\x01-\x08]' out/systemd/* out/DEPLOY.md
}

@test "units are well-formed for systemd" {
    command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
    printf '#!/bin/sh\n' >"wattle % \$x" && chmod +x "wattle % \$x"
    deploy --program "$PWD/wattle % \$x"
    # shellcheck disable=SC2016
    grep -q 'ExecStart="/.*/wattle %% $x" apply /etc/wattle/wattle-' out/systemd/$SD.service
    run systemd-analyze verify --man=no "$PWD"/out/systemd/*.service
    [[ $output != *"$SD"* ]] || { echo "$output" >&2 && false; }
    [ "$status" -eq 0 ] || [[ $output == *"nvidia-persistenced"* ]] || { echo "$output" >&2 && false; }
}

@test "apply, status, verify and rollback on every GPU of the type" {
    deploy --without-wattle
    run clocks apply $SD
    [ "$status" -eq 0 ]
    [[ $output == *"$A (NVIDIA A100-PCIE-40GB): locked to 1140 MHz"* ]]
    [ "$(lock_of $A)" = 1140,1140 ] && [ "$(lock_of $B)" = 1140,1140 ] && [ "$(lock_of $C)" = none ]
    [ "$(pm_of $A)" = Enabled ]
    run clocks status
    [ "$status" -eq 0 ]
    [[ $output == *"$A: locked to 1140 MHz by plan $SD (before: -)"* ]]
    run clocks rollback
    [ "$status" -eq 0 ]
    [[ $output == *"$B: reset to the driver's default (no lock was recorded before ours)"* ]]
    assert_untouched
    run clocks rollback
    [[ $output == *"nothing recorded"* ]]
}

@test "what is about to change is on disk before it changes" {
    deploy --without-wattle
    clocks apply $SD
    first_write=$(grep -n -m1 -E -- '-pm|-lgc' "$FAKE_DIR/calls" | cut -d: -f1)
    first_move=$(grep -n -m1 '^mv' "$FAKE_DIR/calls" | cut -d: -f1)
    first_sync=$(grep -n -m1 '^sync' "$FAKE_DIR/calls" | cut -d: -f1)
    [ "$first_sync" -lt "$first_move" ] && [ "$first_move" -lt "$first_write" ]
}

@test "rollback goes to the lock that we recorded, then to the default" {
    { echo '{"plans": [' && plan A100 a ok 1140 1140 && echo , && plan A100 b ok 1200 1200 && echo ']}'; } >plan.json
    deploy --without-wattle
    clocks apply a
    clocks apply b $A
    [ "$(lock_of $A)" = 1200,1200 ] && [ "$(lock_of $B)" = 1140,1140 ]
    run clocks rollback $A
    [[ $output == *"$A: back to the recorded lock 1140 MHz"* ]]
    [ "$(lock_of $A)" = 1140,1140 ]
    clocks apply b
    clocks apply b # the same again does not bury what was before
    clocks rollback
    [ "$(lock_of $A)" = 1140,1140 ] && [ "$(lock_of $B)" = 1140,1140 ]
    clocks rollback
    assert_untouched
}

@test "rollback of a plan leaves the locks of other plans alone" {
    { echo '{"plans": [' && plan A100 a ok 1140 1140 && echo , && plan A100 b ok 1200 1200 && echo ']}'; } >plan.json
    deploy --without-wattle
    clocks apply a $A
    run clocks rollback b
    [ "$status" -eq 0 ]
    [[ $output == *"nothing recorded for b, nothing to undo"* ]]
    [ "$(lock_of $A)" = 1140,1140 ]
    clocks apply b $B
    clocks rollback a
    [ "$(lock_of $A)" = none ] && [ "$(lock_of $B)" = 1200,1200 ]
    clocks rollback a
    [ "$(lock_of $B)" = 1200,1200 ]
    clocks rollback b
    assert_untouched
}

@test "a GPU that we have no record of is reset when it is named, and the script says so" {
    deploy --without-wattle
    echo 900,900 >"$FAKE_DIR/gpu/$C/lock"
    run clocks rollback $C
    [ "$status" -eq 0 ]
    [[ $output == *"$C: reset to the driver's default (we have no record of a lock of ours)"* ]]
    [ "$(lock_of $C)" = none ]
}

@test "a clock that the driver does not list is refused before anything changes" {
    deploy --without-wattle
    sed -i '/^1140$/d' "$FAKE_DIR/gpu/$B/clocks"
    run clocks apply $SD
    [ "$status" -eq 3 ]
    [[ $output == *"$B: 1140 MHz is not on the driver's list"* ]]
    assert_untouched
}

@test "A10 is not A100: types are matched by whole words" {
    { echo '{"plans": [' && plan A10 x ok 1140 1140 && echo ']}'; } >plan.json
    deploy --without-wattle
    run clocks apply x
    [ "$status" -eq 3 ]
    [[ $output == *'no GPU of type "A10"'* ]]
    { echo '{"plans": [' && plan "a100 pcie-40gb" x ok 1140 1140 && echo ']}'; } >plan.json
    deploy --without-wattle
    clocks apply x
    [ "$(lock_of $A)" = 1140,1140 ]
}

@test "no permission: exit 4, nothing changed, nothing recorded" {
    deploy --without-wattle
    DENY=1 run clocks apply $SD
    [ "$status" -eq 4 ]
    [[ $output == *"not permitted (run as root)"* ]]
    assert_untouched
    run clocks recover
    [[ $output == *"nothing to recover"* ]]
}

@test "a warning that nvidia-smi calls success is a failure" {
    deploy --without-wattle
    WARN=1 run clocks apply $SD
    [ "$status" -eq 1 ]
    [[ $output != *"locked to"* ]]
}

@test "a signal during apply undoes it at once" {
    deploy --without-wattle
    mkdir -p bin
    cat >bin/nvidia-smi <<END
#!/usr/bin/env bash
case " \$* " in *" -lgc "*) kill -TERM "\$(cat "\$FAKE_DIR/pgid")" ;; esac
exec "$FAKES/nvidia-smi" "\$@"
END
    chmod +x bin/nvidia-smi
    status=0
    PATH=$PWD/bin:$FAKES:$PATH setsid --wait bash -c 'echo $$ >"$FAKE_DIR/pgid"; exec "$@"' - ./out/clocks.sh apply $SD || status=$?
    [ "$status" -eq 143 ]
    assert_untouched
}

@test "a record of an earlier boot is closed, not replayed" {
    deploy --without-wattle
    clocks apply $SD
    machine_locks_gone() { for u in $A $B $C; do echo none >"$FAKE_DIR/gpu/$u/lock"; done; }
    machine_locks_gone
    export WATTLE_BOOT_ID=boot-2
    forget_calls
    run clocks rollback
    [ "$status" -eq 0 ]
    [[ $output == *"earlier boot"* ]]
    ! grep -E -- '-rgc|-lgc' "$FAKE_DIR/calls"
}

@test "what an earlier boot left is told of once" {
    deploy --without-wattle
    clocks apply $SD
    export WATTLE_BOOT_ID=boot-2
    run clocks status
    [[ $output == *"earlier boot"*"no lock of ours is recorded"* ]]
    clocks rollback
    run clocks status
    [[ $output != *"earlier boot"* ]]
}

@test "a full disk: nothing is changed that could not be recorded, and an undo still undoes" {
    deploy --without-wattle
    mkdir -p "$WATTLE_STATE_DIR"
    ln -s /dev/full "$WATTLE_STATE_DIR/state.new"
    run clocks apply $SD
    [ "$status" -eq 1 ]
    ! grep -E -- '-lgc|-pm' "$FAKE_DIR/calls"
    assert_untouched
    clocks apply $SD
    mkdir "$WATTLE_STATE_DIR/state.new" # every write of the record fails from here on
    run clocks rollback
    [ "$status" -eq 1 ]
    [[ $output == *"it still tells of locks that are undone; free space"* ]]
    assert_untouched
    rmdir "$WATTLE_STATE_DIR/state.new"
    clocks rollback
    assert_untouched
    run clocks status
    [[ $output == *"no lock of ours is recorded"* ]]
}

@test "a read-only disk: apply refuses, root can still roll back" {
    [ "$EUID" -eq 0 ] || skip "needs root"
    deploy --without-wattle
    clocks apply $SD
    rm "$WATTLE_STATE_DIR/lock"
    ln -s /nowhere/lock "$WATTLE_STATE_DIR/lock"
    run clocks apply $SD
    [ "$status" -eq 4 ]
    [[ $output == *"is the disk full or read-only?"* ]]
    run clocks rollback
    [[ $output == *"going on, the record will not tell of it"* ]]
    assert_untouched
}

@test "a reader that goes away does not stop an undo half-way" {
    deploy --without-wattle
    clocks apply $SD
    clocks rollback 2>/dev/null | true
    for ((k = 0; k < 200; k++)); do # the pipe does not wait for its left end
        [ "$(pm_of $A)" != Disabled ] || [ "$(lock_of $B)" != none ] || break
        sleep 0.05
    done
    assert_untouched
}

@test "a GPU that is lost: the others are put back, and serve on" {
    deploy --without-wattle
    clocks apply $SD
    touch "$FAKE_DIR/gpu/$A/lost"
    run clocks rollback
    [ "$status" -eq 1 ]
    [[ $output == *"$A is NOT put back"*"loses its lock with the reset"* ]]
    [ "$(lock_of $B)" = none ]
    run clocks apply $SD $B
    [ "$status" -eq 0 ]
    rm "$FAKE_DIR/gpu/$A/lost"
    clocks rollback
    assert_untouched
    # lost in the middle of an apply
    touch "$FAKE_DIR/gpu/$B/lost"
    run clocks apply $SD
    [ "$status" -eq 1 ]
    [ "$(lock_of $A)" = none ] && [ "$(pm_of $A)" = Disabled ]
    run clocks apply $SD
    [ "$status" -eq 1 ]
    [[ $output == *"$B is half done and was not put back; name the other GPUs"* ]]
    clocks apply $SD $A
    [ "$(lock_of $A)" = 1140,1140 ]
    run clocks status
    [[ $output == *"$A: locked to 1140 MHz"* ]]
    [[ $output == *"$B: an apply was cut off"* ]]
}

@test "a GPU without locked clocks: refused, nothing stays behind" {
    deploy --without-wattle
    touch "$FAKE_DIR/gpu/$C/nolock"
    sed -i 's/"gpu": "A100"/"gpu": "V100"/' plan.json
    deploy --without-wattle
    run clocks apply "Stable Diffusion"
    [ "$status" -eq 3 ]
    [[ $output == *"it has no locked clocks: there is nothing to put back"* ]]
    assert_untouched
    run clocks recover
    [[ $output == *"nothing to recover"* ]]
}

@test "MIG: apply says whom the lock holds for, verify does without the use of the GPU" {
    deploy --without-wattle
    touch "$FAKE_DIR/gpu/$A/mig"
    run clocks apply $SD
    [ "$status" -eq 0 ]
    [[ $output == *"$A: MIG is on: the lock holds for all its instances"* ]]
    [[ $output != *"$B: MIG"* ]]
    clocks rollback $B
    run clocks verify 2 0
    [ "$status" -eq 7 ]
    [[ $output == *"does not tell whether it works (MIG?)"* ]]
    echo 1140 >"$FAKE_DIR/gpu/$A/sm"
    run clocks verify 2 0
    [ "$status" -eq 0 ]
    echo 1410 >"$FAKE_DIR/gpu/$A/sm"
    run clocks verify 2 0
    [ "$status" -eq 1 ]
}

@test "a machine without nvidia-smi: every command says so, status 3" {
    deploy --without-wattle
    mkdir bare
    for tool in bash mkdir cat rm mv sync flock setsid; do ln -s "$(command -v $tool)" bare/$tool; done
    for args in "apply $SD" rollback status; do
        # shellcheck disable=SC2086
        PATH=$PWD/bare run bash ./out/clocks.sh $args
        [ "$status" -eq 3 ]
        [[ $output == *"there is no nvidia-smi on this machine"* ]]
    done
}

@test "a damaged record is kept aside and never guessed from" {
    deploy --without-wattle
    clocks apply $SD
    for damage in 'garbage' 'wattle-clocks	1	boot-1' "wattle-clocks	1	boot-1
GPU-x	applied	p	1140; rm -rf /	-/-	0
end"; do
        rm -f "$WATTLE_STATE_DIR/state.bad"
        printf '%s\n' "$damage" >"$WATTLE_STATE_DIR/state"
        run clocks status
        [[ $output == *"is damaged; kept as"* ]]
        [ -e "$WATTLE_STATE_DIR/state.bad" ]
    done
    clocks rollback $A $B
    [ "$(lock_of $A)" = none ]
}

@test "verify: held, not held, held down by power, idle, old driver" {
    deploy --without-wattle
    run clocks verify 2 0
    [ "$status" -eq 7 ]
    clocks apply $SD $A
    run clocks verify 2 0
    [ "$status" -eq 7 ]
    [[ $output == *"idle in all 2 samples"* ]]
    echo 97 >"$FAKE_DIR/gpu/$A/util"
    echo 1140 >"$FAKE_DIR/gpu/$A/sm"
    run clocks verify 2 0
    [ "$status" -eq 0 ]
    [[ $output == *"held: 2 of 2 busy samples at 1140 MHz"* ]]
    touch "$FAKE_DIR/old_driver"
    run clocks verify 2 0
    [ "$status" -eq 0 ]
    echo 900 >"$FAKE_DIR/gpu/$A/sm"
    run clocks verify 2 0
    [ "$status" -eq 1 ]
    [[ $output == *"NOT held: 900 MHz under load"* ]]
    echo 0x0000000000000004 >"$FAKE_DIR/gpu/$A/reasons"
    run clocks verify 2 0
    [ "$status" -eq 0 ]
    [[ $output == *"2 below it by power"* ]]
    echo 1410 >"$FAKE_DIR/gpu/$A/sm"
    run clocks verify 2 0
    [ "$status" -eq 1 ]
}

@test "usage errors change nothing" {
    deploy --without-wattle
    for args in "" "deploy" "apply" "apply nothing" "apply $SD GPU-none" "verify x" "rollback what"; do
        # shellcheck disable=SC2086
        run clocks $args
        [ "$status" -eq 2 ]
    done
    assert_untouched
    clocks --help | grep -q "clocks.sh recover"
}

@test "units through the installer: install, status, uninstall (with wattle)" {
    deploy
    run with_fakes ./out/install.sh install $SD
    [ "$status" -eq 0 ]
    grep -qx "wattle apply $WATTLE_ETC_DIR/$SD.json --standing $SD" "$FAKE_DIR/calls"
    [ -e "$FAKE_DIR/standing/$SD" ]
    # what `wattle apply` is given is a PLAN with this plan alone
    grep -q '"clock_mhz": 1140' "$FAKE_DIR/standing/$SD"
    "$WATTLE" deploy "$FAKE_DIR/standing/$SD" -o again -q
    run with_fakes ./out/install.sh status
    [[ $output == *"$SD: installed, active"* ]]
    run with_fakes ./out/install.sh uninstall $SD
    [ "$status" -eq 0 ]
    grep -qx "wattle restore --standing $SD" "$FAKE_DIR/calls"
    [ -z "$(find "$WATTLE_UNIT_DIR" "$WATTLE_ETC_DIR" "$FAKE_DIR/standing" "$FAKE_DIR/enabled" "$FAKE_DIR/active" -type f)" ]
}

@test "units through the installer (without wattle)" {
    deploy --without-wattle
    with_fakes ./out/install.sh install $SD
    [ "$(lock_of $A)" = 1140,1140 ]
    [ -x "$WATTLE_LIB_DIR/clocks.sh" ]
    with_fakes ./out/install.sh uninstall $SD
    assert_untouched
    [ -z "$(find "$WATTLE_UNIT_DIR" "$WATTLE_LIB_DIR" -type f)" ]
}

@test "two plans for one GPU: the second unit takes over, now and at the next boot" {
    { echo '{"plans": [' && plan A100 a ok 1140 1140 && echo , && plan A100 b ok 1200 1200 && echo ']}'; } >plan.json
    deploy --without-wattle
    grep -qx 'After=wattle-a100-a.service' out/systemd/wattle-a100-b.service
    with_fakes ./out/install.sh install wattle-a100-a
    run with_fakes ./out/install.sh install wattle-a100-b
    [ "$status" -eq 0 ]
    [[ $output == *"wattle-a100-a.service is stopped and disabled: it is for the same GPUs"* ]]
    [ "$(lock_of $A)" = 1200,1200 ]
    [ "$(ls "$FAKE_DIR/enabled")" = wattle-a100-b.service ]
    with_fakes ./out/install.sh uninstall wattle-a100-b
    assert_untouched # not back to the lock of a plan that is no longer in force
}

@test "a GPU of another type is taken when it is named, and said to be of another type" {
    deploy --without-wattle
    run clocks apply $SD $B
    [ "$status" -eq 0 ]
    [[ $output != *"taken because"* ]]
    clocks rollback
    run clocks apply $SD $C
    [ "$status" -eq 0 ]
    [[ $output == *"$C is a Tesla V100-PCIE-32GB, and the plan is for A100: taken because it was named"* ]]
    [ "$(lock_of $C)" = 1140,1140 ]
}
