#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle top: printed screens and JSON of virtual, recorded and faulty devices; the live screen in tmux: keys,
# size, a device that hangs, signals that leave the terminal as it was.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    TMUX_SOCKET=wattle-top-$$-$BATS_TEST_NUMBER
    python3 - >two.csv <<'END'
print("timestamp, index, name, power.draw [W], power.limit [W], clocks.sm [MHz], temperature.gpu, utilization.gpu [%], clocks_event_reasons.active")
for i in range(600):
    for gpu, name in enumerate(["NVIDIA A100-PCIE-40GB", "Tesla V100-PCIE-32GB"]):
        print(f"2026/11/21 10:{i // 60:02d}:{i % 60:02d}.000, {gpu}, {name}, {100 + i % 50 + gpu:.2f} W, 250.00 W, "
              f"{'1200 MHz' if i else '[N/A]'}, {50 + gpu}, {40 + gpu} %, 0x{4 if gpu else 0:016x}")
END
}

teardown() { tmux -L "$TMUX_SOCKET" kill-server 2>/dev/null || true; }

@test "one screen of a recorded trace" {
    "$WATTLE" top --once --no-wait -n 11 -d 1s --size 80x24 -i replay:two.csv >out
    grep -q '^ wattle top  2 devices  221.0 W  2.110 kJ in 0:10 ' out
    grep -q '^─ 0 NVIDIA A100-PCIE-40GB recorded replay:two.csv#0 ─' out
    grep -q '^─ 1 Tesla V100-PCIE-32GB recorded replay:two.csv#1 ─.* held by power limit ──$' out
    grep -q '^ Power .* 110.0/250 W ' out
    grep -q '^ Memory .* -  clock 1200 MHz  mem -$' out
    grep -q '^ 51 °C  energy (from power) 1.060 kJ$' out
    [ "$("$WATTLE" top --once --no-wait -n 11 -d 1s --size 80x24 -i replay:two.csv | md5sum)" = "$(md5sum <out)" ]
    "$WATTLE" top --once --no-wait -n 11 -d 1s --size 80x24 --ascii -i replay:two.csv >ascii
    ! LC_ALL=C grep -q '[^ -~]' ascii
    grep -q '^ 51 C  energy' ascii
    for locale in C POSIX; do # no UTF-8 there: the same without being asked
        LC_ALL=$locale "$WATTLE" top --once --no-wait -n 11 -d 1s --size 80x24 -i replay:two.csv | cmp - ascii
    done
}

@test "a screen at each reading" {
    "$WATTLE" top -b --no-wait -n 3 -d 1s -i replay:two.csv#1 >out
    [ "$(grep -c '^ wattle top  1 device ' out)" -eq 3 ]
}

@test "JSON lines: the parts sum up to the board's power" {
    "$WATTLE" top --json --no-wait -n 40 -d 500ms -i virtual:plain,load=plain/4@30%,load=plain@60%,on=2s/5s -i replay:two.csv#1 >out
    python3 - <<'END'
import json
lines = [json.loads(line) for line in open("out")]
assert len(lines) == 40, len(lines)
busy = 0
for i, line in enumerate(lines):
    assert abs(line["elapsed_s"] - 0.5 * i) < 1e-6
    gpu, recorded = line["devices"]
    assert gpu["virtual"] and not gpu["recorded"] and recorded["recorded"]
    assert gpu["state"] == recorded["state"] == "ok"
    shares = [p["power_w_estimated"] for p in gpu["processes"] if "power_w_estimated" in p]
    whole = gpu.get("idle_w", 0) + gpu["unattributed_w"] + sum(shares)
    # below the idle part seen so far there is nothing to share
    assert abs(whole - gpu["power_w"]) < 1e-6 or gpu["power_w"] < gpu["idle_w"], (i, whole, gpu["power_w"])
    busy += sum(s > 0 for s in shares)
    if "energy_j" in line:
        assert abs(line["energy_j"] - gpu["energy_j"] - recorded["energy_j"]) < 1e-6
assert busy > 20, busy
assert lines[0]["devices"][1]["absent"] == {"sm_clock_mhz": "no value so far"}
assert lines[-1]["devices"][1]["sensors"]["event_reasons"] == ["sw_power_cap"]
assert lines[-1]["devices"][0]["sensors"]["energy_counter_j"] > lines[0]["devices"][0]["sensors"]["energy_counter_j"]
END
}

@test "a recording that is over, a device that is lost or refuses: never 0" {
    "$WATTLE" top --once --no-wait -n 3 -d 60s --size 80x24 -i "replay:two.csv,speed=10#0" \
        -i faulty:read.lost@2:virtual:plain -i faulty:read/power_w.denied:virtual:plain#1 >out
    grep -q ' recording is over ──$' out || grep -q ' over$' out
    "$WATTLE" top --json --no-wait -n 3 -d 60s -i "replay:two.csv,speed=10#0" \
        -i faulty:read.lost@2:virtual:plain -i faulty:read/power_w.denied:virtual:plain#1 | tail -n 1 >last
    python3 - <<'END'
import json
over, lost, denied = json.load(open("last"))["devices"]
for d in (over, lost):
    assert d["state"] == "lost" and "power_w" not in d and d["sensors"] == {}, d
assert "recording is over after 600 s" in over["trouble"], over["trouble"]
assert denied["absent"] == {"power_w": "no permission"}, denied["absent"]
assert denied["sensors"]["temp_c"] > 0 and denied["power_from"] == "sensor"  # the instant one
END
}

@test "wrong usage is said" {
    run -2 "$WATTLE" top -i virtual:plain </dev/null
    [[ $output == *"no terminal"*"--once"* ]]
    run -2 "$WATTLE" top --once --size 10x10 -i virtual:plain
    [[ $output == *"40x8"* ]]
    run -2 "$WATTLE" top --once --json -i virtual:plain
    run -2 "$WATTLE" top --json --no-wait -i virtual:plain
    [[ $output == *"-n N"* ]]
    if "$WATTLE" devices -q -i cgroup:/ >/dev/null 2>&1; then # not where /sys/fs/cgroup is hidden
        run -2 "$WATTLE" top --once --no-wait -i cgroup:/
        [[ $output == *"neither virtual nor recorded"* ]]
    fi
    run -2 "$WATTLE" top --once -d 1 -i virtual:plain
    run -1 "$WATTLE" top --once -i virtual:nosuchboard
    run -2 "$WATTLE" top --once -s colour -i virtual:plain
}

# ---- The live screen ----------------------------------------------------------------------------

# live COLUMNS ROWS OPTION...: in a terminal of that size; afterwards "EXIT n" and the terminal's settings.
live() {
    command -v tmux >/dev/null || skip "no tmux"
    ! no_live || skip "a build without ncurses"
    local columns=$1 rows=$2
    shift 2
    { echo 'echo $$ >pid' && printf 'exec ' && printf '%q ' "$WATTLE" top "$@"; } >command
    cat >shell <<'END'
stty -a >before
LC_ALL=C.UTF-8 bash ./command
status=$?
stty -a >after
echo "EXIT $status"
sleep 60
END
    env -u TMUX tmux -L "$TMUX_SOCKET" -f /dev/null new-session -d -x "$columns" -y "$rows" bash ./shell
}

screen() { tmux -L "$TMUX_SOCKET" capture-pane -p; }
keys() { tmux -L "$TMUX_SOCKET" send-keys "$@"; }

# shows PATTERN: within ten seconds.
shows() {
    for ((i = 0; i < 100; i++)); do
        screen | grep -Eq -- "$1" && return 0
        read -rt 0.1 <> <(:) || true
    done
    echo "not on the screen: $1" >&2
    screen >&2
    return 1
}

no_live() { ldd "$WATTLE" 2>/dev/null | grep -q ncurses && return 1 || return 0; }

@test "live: keys, pages, sizes, and the terminal as it was" {
    live 80 24 -d 100ms -i replay:two.csv -i virtual:plain,load=plain
    shows '^▸ 0 NVIDIA A100-PCIE-40GB recorded'
    shows '2 +compute .* plain$'
    shows '^F1Help F2Details .* F10Quit$'
    keys Down
    shows '^▸ 1 Tesla V100-PCIE-32GB recorded.* held by power limit ──$|^ 1 .*at limit'
    keys F2
    shows 'temp_c +51 C'
    shows 'fb_used_b|Sensors'
    keys Escape
    keys F1
    shows 'q, F10 +quit'
    keys q
    shows '^▸ 1 Tesla'
    keys +
    shows 'every 0.2 s'
    keys Space
    shows 'PAUSED  every 0.2 s'
    keys Space
    tmux -L "$TMUX_SOCKET" resize-window -x 132 -y 45
    shows '^.{100,}every 0.2 s'
    shows 'power of 1, the last'
    tmux -L "$TMUX_SOCKET" resize-window -x 60 -y 16
    shows '^.{30,60}every 0.2 s|^ wattle top  3 devices'
    tmux -L "$TMUX_SOCKET" resize-window -x 30 -y 5
    shows 'too small'
    tmux -L "$TMUX_SOCKET" resize-window -x 80 -y 24
    shows '^▸ 1 Tesla'
    keys q
    shows '^EXIT 0$'
    cmp before after
}

@test "live: a device that hangs holds up nothing" {
    live 80 24 -d 100ms -i faulty:read.hang@3:virtual:plain -i virtual:plain#1,load=plain
    shows 'not answering ──$'
    shows '^. 1 Wattle Plain Board virtual'
    keys F2
    shows 'trouble +'
    keys q q
    shows '^EXIT 0$'
}

@test "live: a paused screen stays as it is, whatever hangs" {
    live 80 24 -d 100ms -i faulty:any.hang=1s@40-:virtual:plain # each call in time, all together not
    shows 'every 0.1 s'
    keys Space
    shows 'PAUSED'
    for ((i = 0; i < 60; i++)); do # the hang, 2 s until it is said, and more
        [[ $(screen) != *'not answering'* ]]
        read -rt 0.1 <> <(:) || true
    done
    screen | grep -Eq '^ Power +[^ ]* +[0-9.]+/'
    keys Space
    shows 'not answering ──$'
}

@test "live: signals leave the terminal as it was" {
    for signal in INT TERM HUP; do
        rm -f after
        live 80 24 -d 100ms -i virtual:plain
        shows '^─ 0 Wattle Plain Board virtual'
        kill -"$signal" "$(<pid)"
        number=$(kill -l "$signal")
        shows "^EXIT $((128 + number))$"
        cmp before after
        tmux -L "$TMUX_SOCKET" kill-server
    done
}

@test "live: stopped, the terminal is as it was; continued, the screen is back" {
    command -v tmux >/dev/null || skip "no tmux"
    ! no_live || skip "a build without ncurses"
    # Only a shell with job control can have it stopped.
    env -u TMUX PS1='ready> ' LC_ALL=C.UTF-8 tmux -L "$TMUX_SOCKET" -f /dev/null new-session -d -x 80 -y 24 \
        bash --norc --noprofile -i
    shows 'ready>'
    keys "stty -a >before; '$WATTLE' top -d 100ms -i virtual:plain" Enter
    shows '^─ 0 Wattle Plain Board virtual'
    keys C-z
    shows 'Stopped'
    keys 'stty -a >stopped; fg' Enter
    shows '^─ 0 Wattle Plain Board virtual'
    keys q
    shows 'ready>$'
    keys 'stty -a >after; echo EXI""T $?' Enter
    shows '^EXIT 0$'
    cmp before stopped
    cmp before after
}

@test "live: monochrome, 8 and 256 colours; no cursor, no screen" {
    for term in vt100 xterm xterm-256color; do
        TERM=$term
        live 80 24 -d 100ms -i virtual:plain
        shows '^─ 0 Wattle Plain Board virtual'
        tmux -L "$TMUX_SOCKET" kill-server
    done
    command -v script >/dev/null || skip "no script"
    run script -qec "TERM=dumb '$WATTLE' top -i virtual:plain" /dev/null
    [[ $output == *"cannot move its cursor"* ]]
}
