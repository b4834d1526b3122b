#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle sweep` of a command with markers, in real time: seconds.

load sweep_world

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    cat >work.py <<'END'
import os, socket, sys, time
batch = int(sys.argv[1])
assert os.environ["SIZE"] == f"b{batch}"
wattle = socket.socket(socket.AF_UNIX)
wattle.connect(os.environ["WATTLE_MARKERS"])
if "--crash" in sys.argv and batch == 4:
    sys.exit(3)
wattle.sendall(b"ready\n")
while True:
    wattle.sendall(b"begin b\n")
    time.sleep(0.01)
    wattle.sendall(b"end b work=%d unit=items\n" % batch)
END
    cat >spec.yaml <<'END'
name: cmd
devices: estimate:cpu
workloads:
  - name: sleeper
    command: [python3, work.py, "{batch}"]
    env: ["SIZE=b{batch}"]
    unit: items
points: {batches: [1, 4]}
protocol:
  blocks_min: 2
  blocks_max: 2
  settle: 50ms
  warm_up: 50ms
  warm_up_max: 100ms
  window_min: 200ms
  window_max: 300ms
  thermal_band: no
  idle: no
  attempts: 2
END
}

# workers: those of this folder that run.
workers() {
    local p
    for p in $(pgrep -f 'python3 work\.py'); do
        [ "$(readlink "/proc/$p/cwd")" != "$PWD" ] || echo "$p"
    done
}

@test "a command is measured at its points, and ends with the sweep" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    "$WATTLE" sweep spec.yaml >out 3>&- &
    sweep=$!
    for _ in $(seq 100); do
        [ -z "$(workers)" ] || break
        sleep 0.05
    done
    [ -n "$(workers)" ]
    wait "$sweep"
    [ -z "$(workers)" ]
    grep -q 'cmd: 6 runs in "cmd.wattle"' out
    python3 - <<'END'
import sqlite3
rows = sqlite3.connect("cmd.wattle").execute(
    "select batch, work_units / time_s, energy_class, unit, window from run").fetchall()
assert len(rows) == 6 and {r[0] for r in rows} == {1, 4}, rows
for batch, rate, kind, unit, window in rows:
    assert unit == "items" and window and kind == "D", rows
    assert 0.2 * 100 * batch < rate <= 100 * batch, rows  # 10 ms of sleep each, and more on a busy machine
END
    run "$WATTLE" sweep spec.yaml
    [[ $output == *"after 6 visits of earlier starts"* ]]
    sed -i 's/unit: items/unit: things/' spec.yaml # the runs that are there say "items"
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 2 ]
    [[ $output == *"was another one: workloads is"* ]]
}

@test "a second sweep into the same campaign is told who writes it, and harms nothing" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    "$WATTLE" sweep spec.yaml >out 3>&- &
    sweep=$!
    for _ in $(seq 100); do
        [ -z "$(workers)" ] || break
        sleep 0.05
    done
    ln -s cmd.wattle same.wattle # by another name
    run "$WATTLE" sweep spec.yaml -o same.wattle
    [ "$status" -eq 1 ]
    [[ $output == *'another sweep is writing "same.wattle": process '"$sweep"$'\n'*"\`kill $sweep\`"*"another campaign with -o"* ]]
    run "$WATTLE" sweep spec.yaml --dry-run # touches nothing
    [ "$status" -eq 0 ]
    wait "$sweep"
    grep -q 'cmd: 6 runs in "cmd.wattle"' out
    [ ! -e cmd.wattle-sweep ]
    # A claim ends with its process, whatever ends it.
    sed -i 's/^name: .*/name: killed/' spec.yaml
    "$WATTLE" sweep spec.yaml -q 3>&- &
    sweep=$!
    for _ in $(seq 100); do
        [ ! -e killed.wattle-sweep ] || break
        sleep 0.05
    done
    kill -9 "$sweep"
    wait "$sweep" || true
    [ -e killed.wattle-sweep ]
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [ ! -e killed.wattle-sweep ]
}

@test "what a command started is gone before the next point begins" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    cat >stray.sh <<'END'
trap 'sleep 1; exit' TERM # ends, but not at once
while :; do sleep 0.01; done
END
    cat >start.sh <<'END'
pgrep -f "^sh $PWD/stray.sh" >>seen
sh "$PWD/stray.sh" &
exec python3 work.py "$1"
END
    sed -i 's/python3, work.py/sh, start.sh/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [[ $output == *'cmd: 6 runs in "cmd.wattle"'* ]]
    [ -e seen ] && [ ! -s seen ]
    ! pgrep -f "^sh $PWD/stray.sh" || return 1
}

@test "a command is stopped for its idle power, unless it must not be" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    sed -i 's/^  idle: no/  idle: yes/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"cmd: 6 runs"* ]]
    sed -e 's/^name: .*/name: never/' -e 's/unit: items/&\n    pause: no/' spec.yaml >never.yaml
    "$WATTLE" sweep never.yaml -q
    python3 - <<'END'
import sqlite3
def idle(path):
    return [row[0] for row in sqlite3.connect(path).execute("select idle_power_w from run")]
assert len(idle("cmd.wattle")) == 6 and all(w > 0 for w in idle("cmd.wattle")), idle("cmd.wattle")
assert idle("never.wattle") == 6 * [None], idle("never.wattle")
END
}

@test "a command that ignores signals does not outlive a sweep that is killed" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    cat >stubborn.sh <<'END'
trap "" TERM HUP PIPE
echo $$ >pid
while :; do sleep 0.1; done
END
    sed -i 's/python3, work.py/sh, stubborn.sh/' spec.yaml
    "$WATTLE" sweep spec.yaml -q 3>&- &
    sweep=$!
    for _ in $(seq 100); do
        [ ! -s pid ] || break
        sleep 0.05
    done
    kill -9 "$sweep"
    wait "$sweep" || true
    for _ in $(seq 40); do
        [ -d "/proc/$(cat pid)" ] || break
        sleep 0.05
    done
    [ ! -d "/proc/$(cat pid)" ]
}

@test "a command that fails is said, repeated, and given up" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    sed -i 's/"{batch}"\]/"{batch}", --crash]/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"sleeper at batch 4: invalid: python3 ended by itself, with status 3"* ]]
    [[ $output == *"cmd: 4 runs"* ]]
}

@test "a sweep of which nothing came is no success, and tries again" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    sed -i -e 's/\[python3, work.py, "{batch}"\]/[sh, late.sh, "{batch}"]/' spec.yaml
    sed -i 's/^points:/  - {name: other, command: [python3, work.py, "{batch}"], env: ["SIZE=b{batch}"]}\n&/' spec.yaml
    echo '[ -e there ] && exec python3 work.py "$1"; exit 3' >late.sh
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 1 ]
    [[ $output == *"cmd: 6 runs"*"no run of sleeper counts: sh ended by itself, with status 3"*"tries again"* ]]
    touch there
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"cmd: 12 runs"* ]]
    [[ $output != *"other at"* ]] # which had its end
    run "$WATTLE" sweep spec.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"cmd: 12 runs"* ]]
}

# marks LINE...: a command that sends these for ever, 20 ms each, measured at one point.
marks() {
    cat >marks.py <<'END'
import os, socket, sys, time
wattle = socket.socket(socket.AF_UNIX)
wattle.connect(os.environ["WATTLE_MARKERS"])
print(os.getpid(), file=open("starts", "a"))
n = 0
while True:
    time.sleep(0.02)
    for line in sys.argv[1:]:
        n += 1
        wattle.sendall(line.replace("N", str(100 - n)).encode() + b"\n")
END
    local words
    printf -v words ', "%s"' "$@"
    sed -e "s|\[python3, work.py.*|[python3, marks.py$words]\n    ready_timeout: 1s|" -e '/env:/d' \
        -e 's/^name: .*/name: marks/' -e 's/^points: .*/points: {}/' -e 's/thermal_band: no/thermal_band: yes/' spec.yaml >marks.yaml
    rm -f starts marks.wattle
    run "$WATTLE" sweep marks.yaml
}

@test "a command that marks no work is said once, with what it sent instead" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    marks "begin b" "end b"
    [ "$status" -eq 1 ]
    [[ $output == *'workload "sleeper": not ready after 1 s: python3 ended '*' windows, none with work=N (docs/markers.md)'* ]]
    [[ $output == *"hint: it has to send"*"end NAME work=N"* ]]
    [ "$(wc -l <starts)" -eq 1 ] # and not at each attempt
    marks "begin b"
    [[ $output == *'not ready after 1 s: python3 sent '*' lines and ended no window'* ]]
    marks
    [[ $output == *'not ready after 1 s: python3 sent no markers to $WATTLE_MARKERS'* ]]
    marks ready # it waits for work, then, for 5 s
    [[ $output == *'no work in 5 s: python3 sent '*' lines and ended no window'* ]]
    [ "$(wc -l <starts)" -eq 1 ]
}

@test "work that cannot be understood is named by its line" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    marks ready "begin b" "end b work=abc"
    [ "$status" -eq 1 ]
    [[ $output == *'python3 sent "end b work=abc", which is no marker (docs/markers.md)'* ]]
    [ "$(wc -l <starts)" -eq 1 ]
    marks ready "begin b" "end b work=N" # below 0 after two seconds: by then it has worked
    [[ $output == *'sleeper, as it is: invalid: python3 sent "end b work=-'*'", which is no marker'* ]]
}

@test "a template that names nothing is an error at its place" {
    sed -i 's/{batch}"\]/{bach}"]/' spec.yaml
    run "$WATTLE" sweep spec.yaml
    [ "$status" -ne 0 ]
    [[ $output == *"spec.yaml:4:"*"there is no {bach}"*"did you mean {batch}"* ]]
    sed -i -e 's/{bach}/{batch}/' -e '/command:/s/\]/, "{threads}"]/' spec.yaml # a name that there is, but no point has it
    run "$WATTLE" sweep spec.yaml --dry-run
    [ "$status" -eq 2 ]
    [[ $output == *'"sleeper" at batch '*': "{threads}": the point sets no threads'* ]]
}

@test "a sweep over NVML that is killed: the clock is put back by the guardian, and the next start goes on" {
    "$WATTLE" sim start --gpu a100 3>&- >/dev/null
    id=$(gpu_ids)
    make_gpu_program
    sed -e "s/^devices: .*/devices: \"$id\"/" -e 's/^name: .*/name: room/' -e "s|\[python3, work.py.*|[python3, gpu.py, $WATTLE, \"0\"]|" \
        -e '/env:/d' -e 's/^points: .*/points: {clocks: [810, 1410]}/' -e 's/window_min: .*/window_min: 1s/' \
        -e 's/window_max: .*/window_max: 1s/' spec.yaml >room.yaml
    echo 'budget: 2' >>room.yaml
    "$WATTLE" sweep room.yaml -q 3>&- &
    sweep=$!
    for _ in $(seq 100); do
        [ "$(room 0 sm_clock_lock)" = None ] || break
        sleep 0.05
    done
    [ "$(room 0 sm_clock_lock)" = "{'min_mhz': 1410, 'max_mhz': 1410}" ]
    kill -9 "$sweep"
    wait "$sweep" || true
    for _ in $(seq 40); do
        [ "$(room 0 sm_clock_lock)" != None ] || break
        sleep 0.05
    done
    [ "$(room 0 sm_clock_lock)" = None ]
    [[ $("$WATTLE" status) == *"nothing is leased"* ]]
    run "$WATTLE" sweep room.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"The budget of 2 runs is used up."* ]]
    [ "$(room 0 sm_clock_lock)" = None ]
    python3 - <<'END'
import sqlite3
rows = sqlite3.connect("room.wattle").execute(
    "select clock_mhz, sm_clock_match, energy_class, device from run").fetchall()
assert len(rows) == 2 and all(match > 0.95 and kind == "A" for _, match, kind, _ in rows), rows
END
}

teardown() { "$WATTLE" sim stop >/dev/null 2>&1 || true; }

@test "a signal: what there is so far is said, into a pipe, too" {
    [ -r /proc/stat ] || skip "no /proc/stat"
    sed -i 's/blocks_m\(..\): 2/blocks_m\1: 50/' spec.yaml
    run timeout --preserve-status -s TERM 3 "$WATTLE" sweep spec.yaml
    [ "$status" -eq 143 ]
    [[ $output == *"the same command goes on"* ]]
    run timeout --preserve-status -s TERM 3 "$WATTLE" sweep spec.yaml
    [[ $output == *"of earlier starts"* ]]
}
