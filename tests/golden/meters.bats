#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# External meters on the command line: a command, a file; what they do wrong, and what is left of them.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    cat >psu <<'END'
#!/bin/sh
echo $$ >pid
i=0
while echo "power_w=$((200 + i)) energy_j=$((1000 + 200 * i))"; do
    i=$((i + 1))
    sleep 0.05
done
END
    chmod +x psu
}

teardown() {
    if [ -n "${server:-}" ]; then
        exec {hold}>&-
        wait "$server" || true
    fi
}

# ptd [MODE]: a PTDaemon that is played until the test ends, at $at.
ptd() {
    [ -p stdin ] || mkfifo stdin
    rm -f port
    python3 "$WATTLE_SOURCE/tests/golden/ptd_server.py" port "$@" <stdin >server.out 2>&1 3>&- &
    server=$!
    exec {hold}>stdin
    for _ in {1..100}; do [ -e port ] && break || sleep 0.05; done
    at=127.0.0.1:$(<port)
}

json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

@test "meter:exec: a command is a device while it is looked at, and gone afterwards" {
    run -0 --separate-stderr "$WATTLE" devices -i 'meter:exec:./psu,period=50ms,name=wall'
    [[ $output == *"meter:wall  wall"*"node, command (./psu)"*"reads  power 20"*" W, energy counter 1"* ]]
    [ "$stderr" = "" ]
    for _ in {1..50}; do kill -0 "$(<pid)" 2>/dev/null || break && sleep 0.05; done
    run -1 kill -0 "$(<pid)"
    "$WATTLE" devices --json -i 'meter:exec:./psu,period=50ms,name=wall' >d.json
    [ "$(json d.json '[(x["id"], x["kind"], x["knobs"]) for x in d["devices"]]')" = "[('meter:wall', 'node', [])]" ]
    [ "$(json d.json '[(s["name"], s["value"] is not None, s["period_s"]) for s in d["devices"][0]["sensors"]]')" = \
        "[('power_w', True, 0.05), ('energy_counter_j', True, 0.05)]" ]
}

@test "meter:file: in its unit; a node is not added to its parts" {
    echo 231500000 >p
    run -0 "$WATTLE" devices -i meter:file:p,unit=uW
    [[ $output == *"meter:p  p"*"node, file"*"power 231.5 W"* ]]
    touch -d @1790000000.5 p # a value keeps its time
    "$WATTLE" devices --json -i meter:file:p,unit=uW >d.json
    [ "$(json d.json '[(s["name"], s["sensor_t_s"]) for s in d["devices"][0]["sensors"]]')" = "[('power_w', 1790000000.5)]" ]
    "$WATTLE" top --json -n 1 -i meter:file:p,unit=uW -i virtual:plain,load=plain >line.json
    python3 - line.json <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
power = {x["id"]: x.get("power_w") for x in d["devices"]}
assert abs(power["meter:p"] - 231.5) < 1e-9, power
assert abs(d["power_w"] - power["virtual:plain,load=plain"]) < 1e-9, d
END
}

@test "meter: what does not work says why, at once, with its status" {
    run -1 "$WATTLE" devices -i 'meter:exec:echo rubbish; exit 4'
    [[ $output == *'meter:echo gives no reading: "rubbish" is no reading'*"hint: a reading is a line"* ]]
    run -1 "$WATTLE" devices -i 'meter:exec:no-such-program-here'
    [[ $output == *"has ended: exit status 127"*"not found"* ]]
    run -1 "$WATTLE" devices -i meter:file:nowhere
    [[ $output == *'"nowhere"'*"No such file"* ]]
    run -2 "$WATTLE" devices -i meter:watt
    [[ $output == *"meter:exec:COMMAND, meter:file:PATH"* ]]
    run -2 "$WATTLE" devices -i meter:file:p,unit=V
    [[ $output == *"uW, mW, W, kW"* ]]
}

@test "meter: a command that dies while it is watched is shown as lost" {
    "$WATTLE" top --json -n 3 -d 200ms -i 'meter:exec:echo 5; sleep 0.3; exit 3,name=m' >lines.json
    python3 - lines.json <<'END'
import json, sys
first, *_, last = [json.loads(line) for line in open(sys.argv[1])]
assert first["devices"][0]["power_w"] == 5, first
gone = last["devices"][0]
assert gone["state"] == "lost" and "has ended: exit status 3" in json.dumps(gone), gone
assert "power_w" not in last, last
END
}

@test "meter: what has stopped gives no figure, and says so" {
    run -1 --separate-stderr "$WATTLE" stat -i 'meter:exec:echo 5; sleep 0.3; exit 3,name=m' -o out --for 0.5s
    [[ $stderr == *"nothing could be measured: m: the command of meter:m has ended: exit status 3"* ]]
    grep -q 'No figure: nothing could be measured.' out
    ! grep -q 'Absolute joules' out
    "$WATTLE" stat -i 'meter:exec:echo 5; sleep 0.3; exit 3,name=m' -o out -- true || status=$?
    [ "$status" -eq 125 ]
    # By the time that its content states, by that of the file.
    echo 1790000000 100 >stated
    echo 100 >written
    touch -d @1790000000 written
    for file in stated written; do
        run -1 --separate-stderr "$WATTLE" stat -i meter:file:$file --json --for 0.3s
        [[ $stderr == *"nothing could be measured: $file: it has stopped: its newest value is "*" s old"* ]]
        printf '%s' "$output" >out.json
        [ "$(json out.json '[(x["energy"], x["trouble"][:14]) for x in d["devices"]]')" = "[(None, 'it has stopped')]" ]
    done
    # In the middle: what it told of, and of no more.
    for i in {1..10}; do
        echo "$((100 + i % 3))" >next
        mv next live
        sleep 0.1
    done &
    until [ -e live ]; do sleep 0.02; done
    "$WATTLE" stat -i meter:file:live,period=100ms --json --for 4s >out.json
    [ "$(json out.json '(lambda e: ("partial" in e["troubles"], "gap" in e["troubles"], 0.2 < e["time_s"] < 1.2, 98 < e["energy_j"] / e["time_s"] < 104))(d["devices"][0]["energy"])')" = \
        "(True, True, True, True)" ]
}

@test "meter: a command out of a plan or for a knob is not run" {
    run ! "$WATTLE" cap 100W -i 'meter:exec:touch ran; echo 5; sleep 5'
    [[ $output == *"would run a command or log in somewhere"* ]]
    [ ! -e ran ]
}

@test "meter:ptd: samples of an analyser; its measurement is ended with the device" {
    ptd
    "$WATTLE" devices --json -i "meter:ptd:$at,name=wall" >d.json
    [ "$(json d.json '[(x["id"], x["name"], x["driver"]) for x in d["devices"]]')" = \
        "[('meter:wall', 'wall', \"PTDaemon (SPECpower's Dummy Analyzer)\")]" ]
    [ "$(json d.json '[(s["name"], s["value"] >= 200, s["period_s"], s["window_s"]) for s in d["devices"][0]["sensors"]]')" = \
        "[('power_w', True, 0.1, 0.1)]" ]
    for _ in {1..50}; do [ "$(tail -n 1 port.log)" = Stop ] && break || sleep 0.05; done
    [ "$(grep -v '^RL' port.log | paste -sd' ')" = "Hello Identify Go,0,0 Stop" ]
    "$WATTLE" top --json -n 3 -d 300ms -i "meter:ptd:$at" >lines.json # new ones come
    python3 - lines.json <<'END'
import json, sys
power = [json.loads(line)["devices"][0]["power_w"] for line in open(sys.argv[1])]
assert power == sorted(power) and power[-1] > power[0] >= 200, power
END
}

@test "meter:ptd: one that does not measure says why" {
    local mode says
    while IFS='|' read -r mode says; do
        ptd "$mode"
        run "$WATTLE" devices -i "meter:ptd:$at"
        [ "$status" -ne 0 ]
        [[ $output == *"$says"* ]] || { echo "$mode: $output" && return 1; }
        exec {hold}>&-
        wait "$server" || true
        server=
    done <<'END'
busy|starts no measurement: "Meter busy"
temperature|does not measure power
stranger|is no PTDaemon: it says "220 mail ready"
mute|the analyser had no value
silent|does not answer
END
    run -1 "$WATTLE" devices -i meter:ptd:127.0.0.1:1
    [[ $output == *"no PTDaemon is reached at 127.0.0.1:1"*"port 8888"* ]]
}

@test "meter:ptd: one that goes away is lost" {
    ptd dies
    "$WATTLE" top --json -n 4 -d 300ms -i "meter:ptd:$at" >lines.json
    [ "$(tail -n 1 lines.json | python3 -c 'import json, sys; print(json.loads(sys.stdin.read())["devices"][0]["state"])')" = lost ]
}
