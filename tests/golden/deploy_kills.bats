#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The scripts of `wattle deploy` fail at every call, or are killed before and after it: thousands of
# runs. What is tested here is the shell, which is the same whatever wattle was built with.

load deploy_world

# From the world kept as "fresh": every call of an apply fails in turn.
fail_each_call() {
    local n status calls
    set +T
    for ((n = 1; n < 200; n++)); do
        put_back fresh
        status=0
        FAIL_AT=$n clocks apply $SD >/dev/null 2>&1 || status=$?
        calls=$(<"$FAKE_DIR/count")
        if [ "$status" -eq 0 ] && [ "$calls" -ge "$n" ]; then
            # sync may fail once, the script then falls back to a full sync; old drivers have no MIG
            [[ $(sed -n "${n}p" "$FAKE_DIR/calls") == @(sync*|*mig.mode.current*) ]] || {
                echo "call $n failed unseen: $(sed -n "${n}p" "$FAKE_DIR/calls")" >&2
                return 1
            }
        fi
        clocks rollback >/dev/null
        assert_untouched || {
            echo "changed after failure at call $n" >&2
            cat "$FAKE_DIR/calls" >&2
            return 1
        }
        [ "$calls" -ge "$n" ] || break
    done
    [ "$n" -gt 15 ]
}

@test "a failure at any call undoes what was done: nothing is left changed" {
    deploy --without-wattle
    keep fresh
    fail_each_call
}

# sweep COMMAND...: from the world kept as "before" kills the command before each of its calls and,
# where the last one had its effect, after it; then runs every check of CHECKS on what the kill left.
# Between two calls the scripts do nothing that lasts.
sweep() {
    local n killed when=before check
    set +T # bats looks at every command of a function: not at these thousands
    for ((n = 1; n < 300; n++)); do
        put_back before
        forget_calls
        KILL_AT=$n KILL_WHEN=$when clocks "$@" >/dev/null 2>&1 || true
        killed=no
        [ ! -e "$FAKE_DIR/killed" ] || killed=yes
        keep killed
        for check in "${CHECKS[@]}"; do
            put_back killed
            $check || {
                echo "wrong after a kill $when call $n of: $*, by $check" >&2
                cat "$FAKE_DIR/calls" >&2
                return 1
            }
        done
        [ $when = before ] || break
        if [ $killed = no ]; then
            when=after n=$((n - 2))
        fi
    done
    [ "$n" -gt 5 ] || return 1
    echo "# $*: $n kill points" >&3
}

@test "apply killed at every call: rollback leaves nothing changed, the next apply finishes" {
    deploy --without-wattle
    keep before
    undone() { clocks rollback >/dev/null 2>&1 && assert_untouched && ! grep -q GPU- "$WATTLE_STATE_DIR/state" 2>/dev/null; }
    finished() {
        clocks apply $SD >/dev/null 2>&1 && [ "$(lock_of $A)" = 1140,1140 ] &&
            [ "$(lock_of $B)" = 1140,1140 ] && undone
    }
    CHECKS=(undone finished)
    sweep apply $SD
}

@test "a second apply killed at every call: recover goes back to the first lock" {
    { echo '{"plans": [' && plan A100 a ok 1140 1140 && echo , && plan A100 b ok 1200 1200 && echo ']}'; } >plan.json
    deploy --without-wattle
    clocks apply a >/dev/null
    keep before
    back_to_first() {
        clocks recover >/dev/null 2>&1
        [ "$(lock_of $A)" = "$(lock_of $B)" ] || return 1
        case $(lock_of $A) in
        1140,1140) ;;
        1200,1200) clocks rollback >/dev/null && [ "$(lock_of $A)" = 1140,1140 ] || return 1 ;;
        *) return 1 ;;
        esac
        clocks rollback >/dev/null && assert_untouched
    }
    CHECKS=(back_to_first)
    sweep apply b
}

@test "rollback killed at every call: the next rollback finishes" {
    deploy --without-wattle
    clocks apply $SD >/dev/null
    keep before
    undone() { clocks rollback >/dev/null 2>&1 && assert_untouched; }
    CHECKS=(undone)
    sweep rollback
}

# From the world kept as "fresh": every call of an install fails (or kills it) in turn.
spoil_each_call() { # before|fail
    local n killed
    set +T
    for ((n = 1; n < 100; n++)); do
        put_back fresh
        killed=no
        if [ "$1" = fail ]; then
            FAIL_AT=$n with_fakes ./out/install.sh install $SD >/dev/null 2>&1 || true
            [ "$(<"$FAKE_DIR/count")" -lt "$n" ] || killed=yes
        else
            KILL_AT=$n KILL_WHEN=before with_fakes ./out/install.sh install $SD >/dev/null 2>&1 || true
            [ ! -e "$FAKE_DIR/killed" ] || killed=yes
        fi
        # the script of a unit that never became active may have been cut off as well
        with_fakes ./out/install.sh uninstall $SD >/dev/null 2>&1 || {
            echo "uninstall after $1 $n" >&2 && cat "$FAKE_DIR/calls" >&2
            return 1
        }
        with_fakes ./out/clocks.sh rollback >/dev/null 2>&1 || true
        assert_untouched || {
            echo "changed after $1 $n" >&2 && cat "$FAKE_DIR/calls" >&2
            return 1
        }
        [ -z "$(find "$WATTLE_UNIT_DIR" "$WATTLE_LIB_DIR" "$FAKE_DIR/enabled" "$FAKE_DIR/active" -type f 2>/dev/null)" ] || {
            echo "files left after $1 $n" >&2 && find "$WATTLE_UNIT_DIR" "$WATTLE_LIB_DIR" -type f >&2
            return 1
        }
        [ $killed = yes ] || break
    done
    [ "$n" -gt 15 ]
}

@test "an install that failed at any call is taken back by uninstall" {
    deploy --without-wattle
    keep fresh
    spoil_each_call fail
}

@test "an install that was killed at any call is taken back by uninstall" {
    deploy --without-wattle
    keep fresh
    spoil_each_call before
}
