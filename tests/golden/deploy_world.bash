# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of deployments share: three GPUs in files, plans, and runs with the fakes in front.

FAKES=$BATS_TEST_DIRNAME/fake
A=GPU-aaaa1111-0000-0000-0000-000000000001
B=GPU-bbbb2222-0000-0000-0000-000000000002
C=GPU-cccc3333-0000-0000-0000-000000000003

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    # Everything that a script can change is in one folder, so that it can be kept and put back.
    WORLD=$BATS_TEST_TMPDIR/world
    export FAKE_DIR=$WORLD/fake FAKE_BIN=$FAKES WATTLE_STATE_DIR=$WORLD/state WATTLE_BOOT_ID=boot-1
    export WATTLE_UNIT_DIR=$WORLD/units WATTLE_ETC_DIR=$WORLD/etc WATTLE_LIB_DIR=$WORLD/lib
    write_plan
    machine
}

gpu() { # UUID NAME PERSISTENCE CAP CLOCKS
    mkdir -p "$FAKE_DIR/gpu/$1"
    (
        cd "$FAKE_DIR/gpu/$1" || exit 1
        echo "$2" >name && echo "$3" >pm && echo "$4" >cap && echo none >lock
        echo none >memlock && echo 0 >util && echo 210 >sm
        echo 0x0000000000000001 >reasons && eval "$5" >clocks && printf '1215\n810\n' >memclocks
    )
}

machine() {
    rm -rf "$WORLD"
    mkdir -p "$FAKE_DIR"
    gpu $A "NVIDIA A100-PCIE-40GB" Disabled 8.0 "seq 1410 -15 210"
    gpu $B "NVIDIA A100-PCIE-40GB" Enabled 8.0 "seq 1410 -15 210"
    gpu $C "Tesla V100-PCIE-32GB" Disabled 7.0 "seq 1380 -15 135"
}

keep() { rm -rf "$BATS_TEST_TMPDIR/kept-$1" && /bin/cp -r "$WORLD" "$BATS_TEST_TMPDIR/kept-$1"; }
put_back() { rm -rf "$WORLD" && /bin/cp -r "$BATS_TEST_TMPDIR/kept-$1" "$WORLD"; }

# plan GPU WORKLOAD STATUS CLOCK TIED
plan() {
    cat <<END
{"gpu": "$1", "workload": "$2", "status": "$3", "objective": "edp", "clock_mhz": $4,
 "tied_clocks_mhz": [$5], "baseline": {"kind": "max", "clock_mhz": 1410},
 "saving": {"value": 0.221, "lo": 0.19, "hi": 0.25}, "slowdown": {"value": 0.04, "lo": 0.03, "hi": 0.048},
 "n_runs": 170, "n_rejected": 7, "rejected": {"cold_start": 7}, "pareto": [], "notes": ["why not"]}
END
}

write_plan() {
    {
        echo '{"format": "wattle-plan", "version": 1, "plans": ['
        plan A100 "Stable Diffusion" ok 1140 1140
        echo ,
        plan A100 llama undecided null ''
        echo ,
        # shellcheck disable=SC2016
        plan V100 '$(touch pwned)`touch pwned`'"'"'; touch pwned #\\\\ %h \u0001\n*' ok 1110 1110
        echo ,
        plan H100 whisper infeasible null ''
        echo ,
        plan A100 odd ok 1057 1057
        echo ']}'
    } >plan.json
}

deploy() { "$WATTLE" deploy plan.json -q -o out "$@"; }

# A run of a script with the fakes in front, in a process group of its own.
with_fakes() { PATH=$FAKES:$PATH setsid --wait "$@"; }
clocks() { with_fakes ./out/clocks.sh "$@"; }

lock_of() { echo "$(<"$FAKE_DIR/gpu/$1/lock")"; }
pm_of() { echo "$(<"$FAKE_DIR/gpu/$1/pm")"; }
forget_calls() { rm -f "$FAKE_DIR/count" "$FAKE_DIR/calls" "$FAKE_DIR/killed"; }

assert_untouched() {
    [ "$(lock_of $A)" = none ] && [ "$(lock_of $B)" = none ] && [ "$(lock_of $C)" = none ] &&
        [ "$(pm_of $A)" = Disabled ] && [ "$(pm_of $B)" = Enabled ] && [ "$(pm_of $C)" = Disabled ]
}

SD=wattle-a100-stablediffusion
