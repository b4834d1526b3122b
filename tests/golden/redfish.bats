#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# BMCs over the network, played by redfish_server.py on loopback: where power stands, and all that goes wrong.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    export WATTLE_REDFISH_PASSWORD='secret word'
    status=0
    "$WATTLE" devices -i redfish:https://127.0.0.1:1 >/dev/null 2>why || status=$?
    [ "$status" -ne 3 ] || skip "$(head -n 1 why)"
}

teardown() {
    if [ -n "${server:-}" ]; then
        exec {hold}>&-
        wait "$server" || true
    fi
}

# serve [CERTIFICATE KEY]: the service runs until the test ends; $base is its URL behind the scheme.
serve() {
    mkfifo stdin
    python3 "$WATTLE_SOURCE/tests/golden/redfish_server.py" port "$@" <stdin >server.out 2>&1 3>&- &
    server=$!
    exec {hold}>stdin
    for _ in {1..100}; do [ -e port ] && break || sleep 0.05; done
    base=monitor@127.0.0.1:$(<port)
}

json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

# at CHASSIS [OPTION]: the name of that device.
at() { echo "redfish:http://$base/redfish/v1/Chassis/$1,insecure${2:+,$2}"; }

@test "power and energy where services have them; one connection" {
    serve
    "$WATTLE" devices --json -i "$(at env)" -i "$(at power)" -i "$(at sensors)" -i "$(at null)" >d.json
    [ "$(json d.json '[(x["id"].split("/")[-1], x["kind"], x["driver"], x["knobs"]) for x in d["devices"]]')" = \
        "[('env', 'node', 'Redfish EnvironmentMetrics', []), ('power', 'node', 'Redfish PowerControl', []), ('sensors', 'node', 'Redfish Sensor', []), ('null', 'node', 'Redfish EnvironmentMetrics', [])]" ]
    [ "$(json d.json '[[(s["name"], s["value"], s["absence"], s["period_s"]) for s in x["sensors"]] for x in d["devices"]]')" = \
        "[[('power_w', 374.5, None, 1), ('energy_counter_j', 45000000, None, 1)], [('power_w', 214, None, 1)], [('power_w', 199.25, None, 5)], [('power_w', None, 'not yet', 1)]]" ]
    run -1 grep -c secret d.json
    "$WATTLE" devices -i "$(at power name=rack7)" >text
    grep -q '^redfish:rack7  node (BMC at 127.0.0.1:' text
    [ "$(tail -n 4 port.log | cut -d' ' -f1 | sort -u | wc -l)" -eq 1 ]
}

@test "the only chassis need not be named" {
    serve
    "$WATTLE" devices -i "redfish:http://$base,insecure" >text
    grep -q '^redfish:127.0.0.1:[0-9]*/env ' text
    grep -q 'reads  power 374.5 W, energy counter 45 MJ' text
}

@test "stat: the outermost meter of a node counts, once" {
    serve
    "$WATTLE" stat --json -o d.json -i "$(at power)" -i virtual:plain,load=plain \
        -i 'meter:exec:while echo 300; do sleep 0.05; done,period=50ms' -- sleep 1
    [ "$(json d.json '[x["part_of_another"] for x in d["devices"]]')" = "[True, True, False]" ]
    [ "$(json d.json 'd["total"]["energy_j"] == d["devices"][2]["energy"]["energy_j"]')" = True ]
    "$WATTLE" stat --json -o d.json -i "$(at power)" -i virtual:plain,load=plain -- sleep 2
    [ "$(json d.json '[x["part_of_another"] for x in d["devices"]]')" = "[False, True]" ]
    [ "$(json d.json '203 < d["total"]["energy_j"] / d["time_s"] < 225')" = True ]
}

@test "it is asked once a second at most" {
    serve
    "$WATTLE" top --json -n 11 -d 100ms -i "$(at power)" >lines.json
    [ "$(grep -c '"power_w":214' lines.json)" -eq 11 ]
    [ "$(grep -c '/Chassis/power/P' port.log)" -le 4 ]
}

@test "what goes wrong says what, and what to do" {
    serve
    run -4 env WATTLE_REDFISH_PASSWORD=wrong "$WATTLE" devices -i "$(at env)"
    [[ $output == *"refuses this user and password: status 401"*"hint: "* ]]
    run -2 env -u WATTLE_REDFISH_PASSWORD "$WATTLE" devices -i "$(at env)"
    [[ $output == *"there is no password for monitor"*"WATTLE_REDFISH_PASSWORD"* ]]
    run -1 "$WATTLE" devices -i "$(at 7)"
    [[ $output == *"has no /redfish/v1/Chassis/7"* ]]
    run -1 "$WATTLE" devices -i "$(at bad)"
    [[ $output == *"is no JSON"* ]]
    run -1 "$WATTLE" devices -i "$(at huge)"
    [[ $output == *"more than 1048576 bytes"* ]]
    run -1 "$WATTLE" devices -i "$(at moved)"
    [[ $output == *"sends elsewhere"* ]]
    run -1 "$WATTLE" devices -i "$(at busy)"
    [[ $output == *"too busy"* ]]
    run -1 "$WATTLE" devices -i "$(at text)"
    [[ $output == *"PowerControl[0].PowerConsumedWatts: a number is expected"* ]]
    run -3 "$WATTLE" devices -i "$(at none)"
    [[ $output == *"tells no power"* ]]
    run -3 "$WATTLE" devices -i "$(at away)" # links to other hosts are not followed
    [[ $output == *"tells no power"* ]]
    run -1 "$WATTLE" devices -i redfish:https://127.0.0.1:1/redfish/v1/Chassis/1
    [[ $output == *"127.0.0.1:1 is not reached"* ]]
}

@test "a service that is slow is given up in time" {
    serve
    SECONDS=0
    run -1 "$WATTLE" devices -i "$(at slow)"
    [[ $output == *"did not answer within 4 s"* ]]
    [ "$SECONDS" -lt 15 ]
}

@test "passwords: a file that is its owner's alone; never on the command line" {
    serve
    unset WATTLE_REDFISH_PASSWORD
    echo 'secret word' >pw
    chmod 600 pw
    run -0 "$WATTLE" devices -i "$(at power password-file=pw)"
    [[ $output == *"power 214 W"* ]]
    chmod 644 pw
    run -4 "$WATTLE" devices -i "$(at power password-file=pw)"
    [[ $output == *"others may read it"*"hint: chmod 600 pw"* ]]
    run -2 "$WATTLE" devices -i "redfish:http://monitor:secret@127.0.0.1,insecure"
    [[ $output == *"everybody's to see"* ]]
    run -2 "$WATTLE" devices -i "$(at power password=secret)"
    [[ $output == *"everybody's to see"* ]]
    run -2 "$WATTLE" devices -i "redfish:http://monitor@127.0.0.1"
    [[ $output == *"over http everybody"* ]]
    # Nor where it would not be used: moving knobs opens no such device.
    run "$WATTLE" cap 1kW -i "redfish:http://monitor:hunter2@127.0.0.1"
    [ "$status" -ne 0 ] && [[ $output != *hunter2* ]]
}

@test "certificates are checked, unless that is switched off" {
    command -v openssl >/dev/null || skip "no openssl to make a certificate with"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=bmc \
        -addext subjectAltName=IP:127.0.0.1 2>/dev/null
    serve cert key
    run -4 "$WATTLE" devices -i "redfish:https://$base/redfish/v1/Chassis/power"
    [[ $output == *"certificate of 127.0.0.1:"*"not to be trusted"*",insecure"* ]]
    run -0 "$WATTLE" devices -i "redfish:https://$base/redfish/v1/Chassis/power,insecure"
    [[ $output == *"power 214 W"* ]]
    run -0 "$WATTLE" devices -i "redfish:https://$base/redfish/v1/Chassis/power,ca-file=cert"
    [[ $output == *"power 214 W"* ]]
    run -1 "$WATTLE" devices -i "redfish:https://$base/redfish/v1/Chassis/power,ca-file=nowhere"
    [[ $output == *"certificates for 127.0.0.1:"*"cannot be read"* ]]
}

@test "passwords are not handed on to other people's programs" {
    echo 60 >w
    "$WATTLE" stat -i meter:file:w -- env >seen 2>/dev/null
    "$WATTLE" devices -i 'meter:exec:env >>seen; while echo 5; do sleep 0.05; done' >/dev/null
    grep -q ^WATTLE_STATE_DIR= seen
    run ! grep WATTLE_REDFISH_PASSWORD seen
}
