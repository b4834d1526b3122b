#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle load triton and openai against a server of our own on loopback (infer_server.py): what requests hold,
# how each way to fail is told, queues that only an open loop sees, signals, markers.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    if "$WATTLE" load triton http://127.0.0.1:1 -m m --rate 1/s 2>&1 | grep -q 'has no libcurl'; then
        skip "this build has no libcurl"
    fi
    unset http_proxy https_proxy all_proxy
}

teardown() { [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true; }

# start [OPTION...]: the server, at $url.
start() {
    python3 "$WATTLE_SOURCE/tests/golden/infer_server.py" address "$@" 3>&- 2>server.err &
    server=$!
    for _ in $(seq 200); do
        [ -s address ] && break
        sleep 0.05
    done
    url=http://$(cat address)
}

# ask: what the server saw.
ask() { python3 -c 'import json, sys, urllib.request as u; print(json.dumps(json.load(u.urlopen(sys.argv[1] + "/state"))))' "$url"; }

# check FILE EXPRESSION...: Python about the document d.
check() {
    python3 - "$@" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
for e in sys.argv[2:]:
    assert eval(e), (e, json.dumps(d, indent=1))
END
}

@test "triton: inputs by the metadata, as bytes and as JSON" {
    start
    "$WATTLE" load triton "$url" -m plain --rate 100/s -n 30 --warmup 100ms -b 4 --inputs 2 --unit item --json >out.json
    check out.json 'd["requests"]["ok"] == 30' 'd["requests"]["failed"] == 0' 'd["options"]["tensors"] == "binary"' \
        'd["window"]["work"] == 4 * d["window"]["requests"]' 'd["window"]["unit"] == "item"' 'd["http"] == "HTTP/1.1"' \
        'd["latency"]["n"] == 30' 'd["warmup"]["sent"] > 0' 'd["loop"]["kind"] == "open"' 'd["interrupted"] is False'
    ask >state.json
    python3 - <<'END'
import json
bodies = json.load(open("state.json"))["bodies"]
assert len(set(bodies)) == 2, len(set(bodies))
head = json.JSONDecoder().raw_decode(bodies[0])[0]
assert [i["shape"] for i in head["inputs"]] == [[4, 3, 2, 2], [4, 4]], head
END
    "$WATTLE" load triton "$url/v2/" -m plain --closed 2 -n 10 --warmup 0s --tensors json --json >out.json
    check out.json 'd["requests"]["ok"] == 10' 'd["options"]["tensors"] == "json"' 'd["loop"]["kind"] == "closed"' \
        'd["connections"] == 2'
}

@test "triton: a server and a model that are not ready, or not there" {
    READY_AFTER=3 start
    "$WATTLE" load triton "$url" -m plain --closed 1 -n 1 --warmup 0s --wait 10s >out
    run -1 "$WATTLE" load triton "$url" -m notready --closed 1 -n 1
    [[ $output == *"not ready: $url/v2/models/notready/ready says 400"* ]]
    run -1 "$WATTLE" load triton "$url" -m unknown --closed 1 -n 1
    [[ $output == *"unknown model"* ]]
    run -1 "$WATTLE" load triton http://127.0.0.1:1 -m m --closed 1 -n 1
    [[ $output == *"does not answer"* ]]
}

@test "openai: streams, chats, whole answers; tokens by the server's count or by events" {
    start
    "$WATTLE" load openai "$url/v1" -m tokens-12 --rate 50/s -n 20 --warmup 0s --output-tokens 40 --json >out.json
    check out.json 'd["requests"]["ok"] == 20' 'd["tokens"]["out"] == 240' 'd["tokens"]["in"] == 140' \
        'd["tokens"]["requests_counted_by"] == {"server": 20, "events": 0}' 'd["window"]["work"] == 240' \
        'd["between_events"]["n"] == 220' 'd["first_token"]["n"] == 20' 'd["per_token"]["n"] == 20' \
        'd["first_token"]["mean_s"] < d["latency"]["mean_s"]' 'd["window"]["unit"] == "token"' \
        'd["options"]["temperature"] == 0'
    "$WATTLE" load openai "$url" -m tokens-12 --chat --no-usage --rate 50/s -n 10 --warmup 0s --json >out.json
    check out.json 'd["tokens"]["out"] == 120' 'd["tokens"]["requests_counted_by"] == {"server": 0, "events": 10}'
    "$WATTLE" load openai "$url" -m nousage --output-tokens 5 --rate 50/s -n 10 --warmup 0s >out
    grep -q 'tokens .*; counted as events with content$' out
    "$WATTLE" load openai "$url" -m tokens-12 --no-stream --unit request --rate 50/s -n 10 --warmup 0s --json >out.json
    check out.json 'd["tokens"]["out"] == 120' 'd["first_token"] is None' 'd["window"]["work"] == 10'
}

@test "openai: prompts, lengths of a trace, what is passed on" {
    start
    printf '%s\n' TIMESTAMP,ContextTokens,GeneratedTokens '2023-11-16 18:15:46.6805900,3,2' \
        '2023-11-16 18:15:47.6805900,5,4' >azure.csv
    "$WATTLE" load openai "$url" -m tokens-99 --trace azure.csv --speed 10 --warmup 0s --ignore-eos \
        --extra '{"top_p": 0.5}' --log log.jsonl --json >out.json
    check out.json 'd["tokens"]["out"] == 6' 'd["loop"]["arrivals"] == "trace"' 'd["loop"]["speed"] == 10' \
        'd["options"]["output_tokens"] == "trace"' 'd["window"]["length_s"] < 1'
    printf '"one"\n{"prompt": "two", "max_tokens": 3}\n' >prompts.jsonl
    "$WATTLE" load openai "$url" -m tokens-99 --prompts prompts.jsonl --output-tokens 1 --closed 1 -n 2 --warmup 0s >out
    ask >state.json
    python3 - <<'END'
import json
log = [json.loads(line) for line in open("log.jsonl")]
assert [r["request"] for r in sorted(log, key=lambda r: r["due_s"])] == [0, 1]
assert abs(log[1]["due_s"] - log[0]["due_s"] - 0.1) < 1e-6, log
for r in log:
    assert r["due_s"] <= r["sent_s"] <= r["first_token_s"] <= r["last_token_s"] <= r["end_s"], r
    assert abs(r["latency_s"] - (r["end_s"] - r["due_s"])) < 1e-9, r
bodies = [json.loads(b) for b in json.load(open("state.json"))["bodies"]]
assert [(len(b["prompt"].split()), b["max_tokens"]) for b in bodies[:2]] == [(3, 2), (5, 4)], bodies
assert all(b["ignore_eos"] is True and b["top_p"] == 0.5 and b["temperature"] == 0 for b in bodies[:2])
assert [(b["prompt"], b["max_tokens"]) for b in bodies[2:]] == [("one", 1), ("two", 3)], bodies
END
}

@test "openai: a model that the server does not have" {
    MODELS=llama,tokens-3 start
    "$WATTLE" load openai "$url" -m tokens-3 --closed 1 -n 1 --warmup 0s >out
    run -1 "$WATTLE" load openai "$url" -m mistral --closed 1 -n 1 --json
    [[ $output == *'no model'*'"mistral'* && $output == *'it has llama, tokens-3'* ]]
}

@test "every way to fail is told as what it is" {
    start
    while read -r verb model reason status why; do
        options=(); [ "$verb" = triton ] || options=(--output-tokens 6)
        "$WATTLE" load "$verb" "$url" -m "$model" --closed 1 -n 3 --warmup 0s --timeout 500ms "${options[@]}" --json \
            >out.json 2>err && { echo "$verb $model succeeded"; return 1; }
        python3 - "$verb $model" "${reason//_/ }" "$status" "${why//_/ }" <<'END'
import json, sys
_, case, reason, status, why = sys.argv
d = json.load(open("out.json"))
got = d["requests"]["reasons"]
want = {"reason": reason, "http_status": int(status) if reason == "HTTP status" else None, "n": 3}
assert got == [want], (case, got)
first = d["requests"]["first_failure"]
assert why in first["why"] and (first["http_status"] or 0) == int(status), (case, first)
assert d["latency"] is None and d["requests"]["ok"] == 0, case
END
        number=; [ "$reason" != HTTP_status ] || number=" $status"
        grep -q "no request succeeded; the first failed: ${reason//_/ }$number: " err
    done <<'END'
triton busy HTTP_status 429 too_many_requests
triton down HTTP_status 503 down_for_maintenance
triton html wrong_answer 200 text/html
triton badjson wrong_answer 200 JSON
triton nooutputs wrong_answer 200 no_"outputs"
triton shortbinary wrong_answer 200 bytes_behind
triton errorin error_in_answer 200 out_of_device_memory
triton slow timeout 0 timed_out
triton halfclosed broken_connection 200 _
triton reset broken_connection 0 _
triton nohttp wrong_answer 0 _
openai busy HTTP_status 429 too_many_requests
openai html wrong_answer 200 text/html
openai errorin error_in_answer 200 out_of_device_memory
openai truncated truncated 200 after_6_events
openai cutoff broken_connection 200 _
openai endless timeout 200 timed_out
openai huge too_large 200 event
END
}

@test "some failures among successes, counted, and status 0" {
    start
    { "$WATTLE" load triton "$url" -m plain --rate 200/s -d 1s --warmup 100ms --log log.jsonl >out; } 2>err
    grep -q ' 0 failed$' out
    [ "$(grep -c '"outcome":"ok"' log.jsonl)" = "$(wc -l <log.jsonl)" ]
    # The server ends in the middle: the rest has no connection, and that is a result.
    "$WATTLE" load triton "$url" -m plain --rate 100/s -d 2s --warmup 100ms --json >out.json 3>&- &
    load=$!
    sleep 0.8
    kill "$server"
    wait "$load"
    check out.json 'd["requests"]["ok"] > 10' 'd["requests"]["failed"] > 10' \
        'd["requests"]["sent"] == d["requests"]["ok"] + d["requests"]["failed"]' \
        '{r["reason"] for r in d["requests"]["reasons"]} <= {"no connection", "broken connection"}' \
        'abs(d["window"]["length_s"] - 2) < 1e-6' \
        'abs(d["window"]["rate"]["per_s"] * 2 - d["window"]["work"]) < 1e-6 * d["window"]["work"]' \
        'd["window"]["rate"]["hi_per_s"] - d["window"]["rate"]["lo_per_s"] > 0.2 * d["window"]["rate"]["per_s"]'
}

# Latencies of an open loop against the recursion of Lindley over its own times of sending: a server that
# takes 5 ms for one request after the other. How late this machine runs Python shifts single requests, so
# that the median of the differences is compared, and it must be far below the waits themselves.
@test "an open loop shows the queue of a single server, and a closed one hides it" {
    start
    "$WATTLE" load triton "$url" -m md1-5 --rate 160/s -d 3s --warmup 0s --log open.jsonl --json >open.json 2>err
    "$WATTLE" load triton "$url" -m md1-5 --closed 1 -d 2s --warmup 0s --log closed.jsonl --json >closed.json 2>>err
    python3 - <<'END'
import json, statistics
def read(name):
    return sorted((json.loads(l) for l in open(name)), key=lambda r: r["request"])
log, busy, model, seen = read("open.jsonl"), 0.0, [], []
assert len(log) > 400 and all(r["outcome"] == "ok" for r in log)
for r in log:
    busy = max(busy, r["sent_s"]) + 0.005
    model.append(busy - r["due_s"])
    seen.append(r["latency_s"])
waits = [m - 0.005 for m in model]
off = statistics.median(abs(a - b) for a, b in zip(seen, model))
print(f"# mean wait {1e3 * statistics.mean(waits):.2f} ms, latencies off by {1e3 * off:.2f} ms (median)")
assert statistics.mean(waits) > 0.004, waits           # 10 ms in the mean at a load of 0.8 (Pollaczek, Khinchine)
assert off < 0.25 * statistics.mean(seen), (off, statistics.mean(seen))
closed = statistics.median(r["latency_s"] for r in read("closed.jsonl"))
assert 0.005 <= closed < statistics.mean(model), (closed, statistics.mean(model))
END
}

# Half a second of nothing: about 50 of the requests that are due every 10 ms wait for over 100 ms or more; the one worker of
# a closed loop has seen it once.
@test "a stall is seen by all that were due in it" {
    start
    "$WATTLE" load triton "$url" -m stall-1 --rate 100/s --arrivals uniform -d 2s --warmup 0s --log open.jsonl >out 2>err
    [ "$(python3 -c 'import json; print(sum(json.loads(l)["latency_s"] > 0.1 for l in open("open.jsonl")))')" -ge 35 ]
    kill "$server"
    rm address
    start
    "$WATTLE" load triton "$url" -m stall-1 --closed 1 -d 2s --warmup 0s --log closed.jsonl >out 2>err
    n=$(python3 -c 'import json; print(sum(json.loads(l)["latency_s"] > 0.3 for l in open("closed.jsonl")))')
    [ "$n" = 1 ]
}

@test "requests beyond those in flight are sent late, not dropped, and say so" {
    start
    "$WATTLE" load triton "$url" -m md1-10 --rate 200/s --arrivals uniform -n 100 --max-in-flight 2 --warmup 0s --json >out.json 2>err
    check out.json 'd["requests"]["sent"] == 100' 'd["requests"]["ok"] == 100' 'd["generator"]["waited"]["max_s"] > 0.2' \
        'd["latency"]["max_s"] > d["generator"]["waited"]["max_s"]' 'd["connections"] == 2' \
        'd["generator"]["late"]["mean_s"] < 0.1 * d["generator"]["waited"]["mean_s"]'
    "$WATTLE" load triton "$url" -m md1-10 --rate 200/s -n 20 --max-in-flight 2 --warmup 0s >out 2>err
    grep -q 'requests waited for one of 2 in flight to end: ' out
}

@test "a signal ends the load: what is in flight drains or is cut, and the results are there" {
    start
    "$WATTLE" load triton "$url" -m md1-100 --rate 20/s -d 60s --warmup 0s --drain 0s --json >out.json 2>err 3>&- &
    load=$!
    sleep 1.5
    kill -TERM "$load"
    status=0
    wait "$load" || status=$?
    [ "$status" = 143 ]
    check out.json 'd["interrupted"] is True' 'd["requests"]["ok"] > 3' 'd["requests"]["cut"] > 0' \
        'd["requests"]["sent"] == d["requests"]["ok"] + d["requests"]["cut"]' 'd["window"]["length_s"] < 10'
    # One that runs until it is told to end has ended well.
    "$WATTLE" load triton "$url" -m plain --rate 50/s -d 0s --warmup 0s >out 2>err 3>&- &
    load=$!
    sleep 1
    kill -INT "$load" 2>/dev/null
    sleep 0.2
    kill -TERM "$load" 2>/dev/null || true
    wait "$load"
    grep -q 'ended *early, when told to: ' out
    grep -q ' 0 failed$' out
}

@test "markers: ready after the warm-up, a window with its work, latencies" {
    start
    cat >listen.py <<'END'
import socket, subprocess, sys, threading, os
path = "markers.sock"
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
got = []
def serve():
    c, _ = s.accept()
    data = b""
    while True:
        more = c.recv(65536)
        if not more:
            break
        data += more
    got.extend(data.decode().splitlines())
t = threading.Thread(target=serve, daemon=True)
t.start()
subprocess.run(sys.argv[1:], check=True, env=dict(os.environ, WATTLE_MARKERS=path), stdout=open("out.json", "w"))
t.join(5)
print("\n".join(got))
END
    python3 listen.py "$WATTLE" load openai "$url" -m tokens-4 --rate 50/s -d 1s --warmup 300ms --json >lines
    python3 - <<'END'
import json
d = json.load(open("out.json"))
lines = [l.split() for l in open("lines").read().splitlines()]
words = [l[0] for l in lines]
assert words.count("ready") == 1 and 2 <= words.count("begin") == words.count("end") <= 11, words
assert words.index("ready") < words.index("begin") < words.index("end"), words
ends = [dict(w.split("=") for w in l[2:]) for l in lines if l[0] == "end"]
begins = [dict(w.split("=") for w in l[2:]) for l in lines if l[0] == "begin"]
assert all(e["unit"] == "token" for e in ends) and sum(float(e["work"]) for e in ends) == d["window"]["work"] > 0, ends
assert [b["t"] for b in begins[1:]] == [e["t"] for e in ends[:-1]], lines # one behind the other
assert abs(int(ends[-1]["t"]) - int(begins[0]["t"]) - 1e9) < 1000, (begins[0], ends[-1])
latencies = [float(x) for l in lines if l[0] == "latency" for x in l[1:]]
assert abs(len(latencies) - d["latency"]["n"]) <= 5 and len(latencies) > 20, (len(latencies), d["latency"]["n"])
END
}

@test "a token from the environment or a file, and never in what is printed" {
    NEED_TOKEN=1 start
    run -1 "$WATTLE" load triton "$url" -m plain --closed 1 -n 1
    [[ $output == *401* ]]
    TOK=secret-4711 "$WATTLE" load triton "$url" -m plain --closed 1 -n 2 --warmup 0s --token-env TOK -v >out 2>&1
    grep -q '2 ok' out
    ! grep -q secret out
    echo secret-4711 >token
    "$WATTLE" load openai "$url" -m tokens-3 --closed 1 -n 2 --warmup 0s --token-file token >out 2>&1
    grep -q '2 ok' out
    run -1 "$WATTLE" load triton "$url" -m plain --closed 1 -n 1 --token-env NOT_SET
    run -2 "$WATTLE" load triton "http://me:secret@h" -m plain --closed 1 -n 1
    [[ $output != *secret* ]]
}

@test "a Unix socket; TLS with a certificate of its own" {
    start --unix "$PWD/s.sock"
    "$WATTLE" load openai http://model -m tokens-3 --unix-socket s.sock --rate 50/s -n 5 --warmup 0s >out
    grep -q '5 ok' out
    kill "$server"
    rm address
    command -v openssl >/dev/null || skip "no openssl to make a certificate with"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
        -keyout key.pem -out cert.pem 2>/dev/null
    cat key.pem cert.pem >both.pem
    start --cert both.pem
    url=https://${url#http://}
    "$WATTLE" load openai "$url" -m tokens-3 --cacert cert.pem --rate 50/s -n 5 --warmup 0s >out
    grep -q '5 ok' out
    "$WATTLE" load openai "$url" -m tokens-3 --insecure --rate 50/s -n 5 --warmup 0s >out
    grep -q 'its certificate was not looked at' out
    run -1 "$WATTLE" load openai "$url" -m tokens-3 --rate 50/s -n 5 --warmup 0s
    [[ $output == *"does not answer"* ]]
}

# Debian 12's libcurl breaks the second request of such a connection, and must not be asked to.
@test "HTTP/2 without TLS where libcurl has it, and a reason where it does not" {
    start
    run "$WATTLE" load triton "$url" -m plain --closed 1 -n 3 --warmup 0s --http 2
    [ "$status" = 3 ] && [[ $output == *"libcurl from version 8.0"* ]] || [ "$status" = 1 ] # this server has none
}

@test "libcurl is loaded when a load begins; where it is missing, what to install" {
    ldd "$WATTLE" >needed
    run -1 grep libcurl needed
    mkdir lib
    : >lib/libcurl.so.4 # no library at all, before the system's
    for kind in triton openai; do
        run -3 env LD_LIBRARY_PATH="$PWD/lib" "$WATTLE" load "$kind" http://127.0.0.1:1 -m m --rate 1/s
        [[ $output == *"cannot load libcurl"*"apt-get install libcurl4"* ]]
    done
    ln -sf "$(awk '$1 ~ /^libz[.]so/ { print $3 }' needed)" lib/libcurl.so.4
    run -3 env LD_LIBRARY_PATH="$PWD/lib" "$WATTLE" load triton http://127.0.0.1:1 -m m --rate 1/s
    [[ $output == *"libcurl.so.4 has no curl_global_init"* ]]
}

@test "wrong usage says what is missing" {
    run -2 "$WATTLE" load triton http://h --rate 1/s
    [[ $output == *"-m MODEL"* ]]
    run -2 "$WATTLE" load triton http://h -m m
    [[ $output == *"how many requests a second"* ]]
    run -2 "$WATTLE" load triton http://h -m m --rate 1/s --closed 2
    run -2 "$WATTLE" load triton http://h -m m --rate 1/s --speed 2
    run -2 "$WATTLE" load openai ftp://h -m m --rate 1/s
    run -2 "$WATTLE" load openai http://h -m m --rate 1/s --prompt-tokens many
    run -2 "$WATTLE" load openai http://h -m m --rate 1/s --extra '{"model": "x"}'
    run -1 "$WATTLE" load openai http://h -m m --trace nowhere.csv
    printf 'time\n1\nsoon\n' >bad.csv
    run -1 "$WATTLE" load openai http://h -m m --trace bad.csv
    [[ $output == *"bad.csv:3:1: "* ]]
}
