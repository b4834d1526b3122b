#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle calibrate: windows and lags of virtual boards against their profiles, and a command that is stopped and continued.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state
    mkdir -m 700 "$WATTLE_RUN_DIR" "$WATTLE_STATE_DIR"
}

@test "virtual boards: what their profiles say is found out" {
    while read -r board update window; do
        "$WATTLE" calibrate -i "virtual:$board" --json >out.json
        python3 - "$update" "$window" <<'END'
import json, sys
update, window = (float(x) / 1e3 for x in sys.argv[1:])
d = json.load(open("out.json"))
assert abs(d["power"]["period_s"] - update) < 0.001, d
assert abs(d["power"]["window_s"] - window) < 0.004, d
assert d["power"]["lag_s"] < 0.004, d
assert d["counter"] is None or abs(d["counter"]["period_s"] - 0.1) < 0.001, d
assert d["unexplained"] < 0.05 and d["n"] > 100, d
END
    done <<'END'
a100 100 25
v100 20 10
h100 100 25
rtx3080ti 100 100
p40 100 100
END
    [ -z "$(ls "$WATTLE_STATE_DIR")" ] # nothing of this process is worth keeping
}

# A meter whose reading depends on whether the command works, as a GPU's does: every 20 ms.
make_meter() {
    cat >meter.py <<'END'
import os, sys, time
next = time.monotonic()
while True:
    try: age = time.time() - os.stat(sys.argv[1]).st_mtime
    except OSError: age = 9
    print(200 if age < 0.02 else 50, flush=True)
    next += 0.02
    time.sleep(max(0, next - time.monotonic()))
END
    cat >work.py <<'END'
import os, sys, time
open(sys.argv[1], "w").close()
while True:
    os.utime(sys.argv[1])
    time.sleep(0.002)
END
}

@test "a command is stopped and continued, and ended at the end" {
    make_meter
    "$WATTLE" calibrate -i "meter:exec:python3 meter.py beat" --warmup 1s --json -- python3 work.py beat 2>out.json
    ! pgrep -f "work.py beat" || return 1
    python3 - <<'END'
import json
d = json.load(open("out.json"))
assert 40 < d["low_w"] < 70 and 180 < d["high_w"] < 210, d
assert abs(d["power"]["period_s"] - 0.02) < 0.004, d
# what it shows is at most 20 ms old, and 20 ms late at most
assert d["power"]["window_s"] + d["power"]["lag_s"] < 0.08, d
END
}

@test "nothing of what the command started outlives the calibration" {
    echo 60 >constant
    cat >stray.sh <<'END'
trap 'sleep 1; exit' TERM # ends, but not at once
while :; do sleep 0.01; done
END
    # Into a file: a pipe would be read until the stray has closed it, too.
    ! "$WATTLE" calibrate -i meter:file:constant --waves 6 --warmup 0.2s -- \
        sh -c "sh $PWD/stray.sh & exec sleep 60" >out 2>&1 3>&- || return 1
    grep -q "do not follow the load" out
    ! pgrep -f "^sh $PWD/stray.sh" || return 1
}

@test "what cannot be learned from, and commands that end, are said" {
    run "$WATTLE" calibrate
    [ "$status" -eq 2 ]
    run "$WATTLE" calibrate -i estimate:cpu
    [ "$status" -eq 2 ]
    [[ "$output" == *"needs a command"* ]]
    run "$WATTLE" calibrate -i estimate:cpu --warmup 0.1s -- true
    [ "$status" -eq 125 ]
    [[ "$output" == *"the command ended while it was needed"* ]]
    run -125 "$WATTLE" calibrate -i estimate:cpu --warmup 0s -- /no/such/program
    echo 60 >constant
    run "$WATTLE" calibrate -i meter:file:constant --waves 6 --warmup 0s -- sleep 60
    [ "$status" -eq 125 ]
    [[ "$output" == *"do not follow the load"* ]]
    ! pgrep -f '^sleep 60$' || return 1
}

@test "against a meter: the gain of a card is found, kept and used; savings stay" {
    cat >s.yaml <<'END'
name: s
devices: "virtual:a100,seed=7"
workloads: [{name: vgg19, virtual: vgg19}]
points: {clocks: 810-1410 every 60MHz}
protocol: {idle: no, samples: no}
END
    "$WATTLE" sweep s.yaml -q -o before.wattle >/dev/null
    run -2 "$WATTLE" calibrate -i virtual:a100,seed=7 --against truth
    [[ "$output" == *"--accuracy PERCENT"* ]]
    run -2 "$WATTLE" calibrate -i virtual:a100,seed=7 --alone
    run -2 "$WATTLE" calibrate -i virtual:a100,seed=7 --against meter:file:x --accuracy 1%
    [[ "$output" == *"simulated time"* ]]
    run -0 "$WATTLE" calibrate -i virtual:a100,seed=7 --against truth --accuracy 0.3% --alone
    [[ "$output" == *"against   truth, which is up to 0.3 % off and sees this device alone"* ]]
    [[ "$output" == *"counter   gain 0.95"*"joules    are corrected from now on"* ]]
    # What was learned of the sensor before or after stays beside it.
    cp "$WATTLE_STATE_DIR/sensors/virtual_a100,seed=7.json" facts.json
    # A card is the same whatever runs on it; one of another seed, or without an error, is another.
    for name in load=plain,seed=7 seed=7,load=plain@50%,on=1s/3s#0 seed=8 seed=7,exact; do
        "$WATTLE" stat -i "virtual:a100,$name" --for 0.3s --json >out.json
        python3 -c 'import json; print(json.load(open("out.json"))["devices"][0]["energy"].get("gain", 1) < 0.99)'
    done >corrected
    [ "$(paste -sd ' ' corrected)" = "True True False False" ]
    run -0 "$WATTLE" sweep s.yaml --dry-run
    [[ "$output" == *"gain"*"are corrected by 0.95"*"as calibrated against truth"* ]]
    "$WATTLE" sweep s.yaml -q -o after.wattle >/dev/null
    for name in before after; do
        "$WATTLE" optimize $name.wattle --objective energy -o $name.json -q >/dev/null
    done
    python3 - <<'END'
import json, sqlite3
facts = json.load(open("facts.json"))["calibration"]
gain, offset = facts["counter"]["gain"], facts["counter"]["offset_w"]
assert facts["counter"]["lo"] < gain < facts["counter"]["hi"] and facts["alone"], facts
def runs(name):
    return sqlite3.connect(name + ".wattle").execute(
        "select energy_j, time_s, energy_class, energy_gain, energy_calibration, clock_mhz from run order by seq").fetchall()
b, a = runs("before"), runs("after")
assert len(a) == len(b) > 50
for x, y in zip(b, a):
    assert x[1] == y[1] and x[3] is None and x[4] is None and x[2] == y[2] == "A"
    assert abs(y[0] - (gain * x[0] + offset * x[1])) < 1e-6 * y[0] and abs(y[3] - gain) < 1e-12 and 0.003 < y[4] < 0.005, y
p, q = (json.load(open(n + ".json"))["plans"][0] for n in ("before", "after"))
assert p["clock_mhz"] == q["clock_mhz"] and abs(p["saving"]["value"] - q["saving"]["value"]) < 0.005
assert any("corrected by a gain of" in n for n in q["notes"]) and not any("gain" in n for n in p["notes"])
END
    run -0 "$WATTLE" show after.wattle
    [[ "$output" == *"corrected by a gain of 0.95"* ]]
    "$WATTLE" report after.wattle -o page -q >/dev/null
    grep -q "corrected by a gain of" page/report.html
    # A sweep goes on with the gain that it began with.
    run -2 "$WATTLE" sweep s.yaml -o before.wattle
    [[ "$output" == *gains* ]]
}

@test "against a meter of the machine: stat corrects, and says how far it can be off" {
    # A card whose sensor shows 0.8 of its power, in a machine that draws 100 W beside it; its load works unless it is
    # stopped.
    cat >meter.py <<'END'
import sys, time
factor, more = float(sys.argv[1]), float(sys.argv[2])
def works():
    try: return open("/proc/%s/stat" % open("pid").read()).read().rsplit(")", 1)[1].split()[0] not in "TZ"
    except (OSError, IndexError): return False
next = time.monotonic()
while True:
    print("%.3f" % (factor * (253.7 if works() else 51.3) + more), flush=True)
    next += 0.02
    time.sleep(max(0, next - time.monotonic()))
END
    card="meter:exec:python3 meter.py 0.8 0,name=card,period=20ms"
    wall="meter:exec:python3 meter.py 1 100,name=wall,period=20ms"
    "$WATTLE" calibrate -i "$card" --against "$wall" --accuracy 0.5% --windows 6 --window 400ms --warmup 0s --json \
        -- sh -c 'printf %s $$ >pid; exec sleep 60' 2>out.json
    python3 - <<'END'
import json
c = json.load(open("out.json"))["calibration"]
assert c["counter"] is None and abs(c["power"]["gain"] - 1.25) < 0.01, c
assert abs(c["rest_w"] - 100) < 2 and c["against"] == "meter:wall" and not c["alone"], c
END
    [ -s "$WATTLE_STATE_DIR/sensors/meter_card.json" ]
    # 41.0 W by the sensor, 51.3 W in truth, corrected.
    run -0 "$WATTLE" stat -i "$card" --json -o stat.json -- sleep 1
    python3 - <<'END'
import json
d = json.load(open("stat.json"))["devices"][0]
e = d["energy"]
assert abs(d["mean_w"] - 51.3) < 1 and abs(e["gain"] - 1.25) < 0.02 and 0.02 < e["calibration"] < 0.06, d
assert d["peak_w"] < 60, d
END
    "$WATTLE" stat -i "$card" -- sleep 0.3 2>text
    grep -Eq " A [0-9.]+ %  [dp]" text
    grep -q "corrected by 1.2" text
    ! kill -0 "$(cat pid)" 2>/dev/null
}

@test "what is not kept is said; what cannot be kept, before it is measured or after it is told" {
    run -0 "$WATTLE" calibrate -i virtual:a100
    [[ "$output" == *"not kept  it lives in this command alone"* ]]
    run -0 "$WATTLE" calibrate -i virtual:a100 --against truth --accuracy 0.5% -n
    [[ "$output" == *"joules    would be corrected by it"*"not kept  --dry-run"* ]]
    [ -z "$(ls -A "$WATTLE_STATE_DIR/sensors" 2>/dev/null)" ]
    "$WATTLE" calibrate -i virtual:a100 --against truth --accuracy 0.5% -q >/dev/null
    file=$(ls "$WATTLE_STATE_DIR"/sensors/*.json)
    rm "$file" && mkdir "$file" # in its way only at the very end
    run -1 --separate-stderr "$WATTLE" calibrate -i virtual:a100 --against truth --accuracy 0.5%
    [[ "$output" == *"counter   gain "*"would be corrected by it"* && "$output" != *kept* ]]
    [[ "$stderr" == *"cannot write "*"Is a directory"* ]]
    run -1 --separate-stderr "$WATTLE" calibrate -i virtual:a100 --against truth --accuracy 0.5% --json
    [[ "$output" == *'"gain"'* ]]
    WATTLE_STATE_DIR=/dev/null/x run -1 "$WATTLE" calibrate -i virtual:a100 --against truth --accuracy 0.5%
    [[ "$output" == *"cannot create directory"* && "$output" != *gain* ]]
}
