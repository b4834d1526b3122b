#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle load onnx: over a library that only pretends, and over ONNX Runtime where there is one
# (./dev onnxruntime).

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    real=${WATTLE_ONNXRUNTIME:-$WATTLE_BUILD/onnxruntime/libonnxruntime.so.1}
    export WATTLE_ONNXRUNTIME=$WATTLE_BUILD/tests/libfake-onnxruntime.so
    unset WATTLE_MARKERS
}

use_real() {
    [ -r "$real" ] || skip "no ONNX Runtime: ./dev onnxruntime"
    export WATTLE_ONNXRUNTIME=$real
    # What it keeps for itself, of its threads above all, is not ours to free.
    echo "leak:libonnxruntime.so" >leaks
    export LSAN_OPTIONS=suppressions=$PWD/leaks:print_suppressions=0
}

field() { # field EXPRESSION: of the JSON document on standard input
    python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"
}

@test "so many batches, as text and as a document" {
    run --separate-stderr "$WATTLE" load onnx builtin:mlp --batch 8 --count 100 --warmup 0s
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ $output == *"model     builtin:mlp, batches of 8, 1 thread"* ]]
    [[ $output == *"ONNX Runtime 1.99.0"* ]]
    [[ $output == *"window    800 rows in 100 batches in "* ]]
    [[ $output == *"latency of a batch"* ]]
    "$WATTLE" load onnx builtin:mlp --batch 8 --count 100 --warmup 0s --threads 3 --json >d.json
    [ "$(field '(d["load"], d["batch"], d["threads"], d["loop"]["kind"], d["interrupted"])' <d.json)" = \
        "('onnx', 8, 3, 'closed', False)" ]
    [ "$(field '(d["window"]["work"], d["window"]["unit"], d["latency"]["n"])' <d.json)" = \
        "(800, 'rows', 100)" ]
    [ "$(field 'd["warmup"]["batches"]' <d.json)" = 0 ]
    [ "$(field 'abs(d["window"]["throughput"]["per_s"] * d["window"]["length_s"] / 800 - 1) < 1e-6' <d.json)" = True ]
    [ "$(field '[q["p"] for q in d["latency"]["quantiles"]]' <d.json)" = "[0.5, 0.9, 0.95, 0.99]" ]
}

@test "an open loop of so many items" {
    "$WATTLE" load onnx builtin:mlp --batch 4 --rate 2000/s --count 100 --warmup 0s --json >d.json
    [ "$(field '(d["loop"]["kind"], d["loop"]["rate_hz"], d["queue"]["due"], d["queue"]["unserved"])' <d.json)" = \
        "('open', 2000, 100, 0)" ]
    [ "$(field 'd["latency"]["n"] == d["queue"]["waiting"]["n"] == d["window"]["work"] == 100' <d.json)" = True ]
    run "$WATTLE" load onnx builtin:mlp --batch 4 --rate 2000/s --count 100 --warmup 0s
    [ "$status" -eq 0 ]
    [[ $output == "open loop: 2000 rows/s at random times, seed 1"* ]]
    [[ $output == *"queue     100 due, "* ]]
}

@test "no ONNX Runtime: exit 3, with what to do" {
    run -3 "$WATTLE" load onnx builtin:mlp --runtime /no/such.so
    [[ $output == *'no ONNX Runtime at "/no/such.so"'* ]]
    [[ $output == *"./dev onnxruntime"* ]]
    WATTLE_ONNXRUNTIME=/neither run -3 "$WATTLE" load onnx builtin:mlp --json
    [[ $output == *'"status":"unsupported"'* ]]
}

@test "what makes no sense is refused before anything is loaded" {
    export WATTLE_ONNXRUNTIME=/no/such.so
    run -1 "$WATTLE" load onnx builtin:convnet-x
    [[ $output == *"did you mean builtin:convnet-"* ]]
    run -2 "$WATTLE" load onnx builtin:mlp --unit "two words"
    run -2 "$WATTLE" load onnx builtin:mlp --shape input=4y4
    [[ $output == *"Nx3x224x224"* ]]
    run -2 "$WATTLE" load onnx model.onnx --write other.onnx
    run -2 "$WATTLE" load onnx builtin:mlp --batch 0
    run -2 "$WATTLE" load onnx
    run -2 "$WATTLE" load
    [[ $output == *"wattle load onnx"* ]]
    run -2 "$WATTLE" load onxn
    [[ $output == *"did you mean \`wattle load onnx\`?"* ]]
    run -1 "$WATTLE" load onnx model.onnx --runtime "$WATTLE_BUILD/tests/libfake-onnxruntime.so"
    [[ $output == *'cannot read "model.onnx"'* ]]
}

@test "shapes: what the model does not have is named" {
    run -2 "$WATTLE" load onnx builtin:mlp --shape sequence=4
    [[ $output == *'no input and no open dimension "sequence"'* ]]
    [[ $output == *"input Nx4"* ]]
    "$WATTLE" load onnx builtin:mlp --shape input=2x4 --count 3 --warmup 0s --json >d.json
    [ "$(field '(d["batch"], d["window"]["work"])' <d.json)" = "(2, 6)" ]
    run -2 "$WATTLE" load onnx builtin:mlp --shape input=2x4 --batch 3
    [[ $output == *"takes 2 items at once, not 3"* ]]
}

@test "every call of ONNX Runtime fails once" {
    n=0
    for ((at = 1; at < 60; at++)); do
        status=0
        FAKE_ORT_FAIL_AT=$at "$WATTLE" load onnx builtin:mlp --count 3 --warmup 0s >out 2>err || status=$?
        [ "$status" -eq 0 ] && break
        [ "$status" -eq 1 ] || { echo "call $at: status $status" >&2 && return 1; }
        [ ! -s out ]
        grep -q "^wattle: .*it was told to?fail" err
        n=$((n + 1))
    done
    [ "$n" -ge 15 ] || { echo "$n calls" >&2 && return 1; }
}

# waits until the load under $1's markers is warm
listen() {
    cat >listen.py <<'END'
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind("socket")
server.listen(1)
print("listening", flush=True)
connection, _ = server.accept()
text = b""
while chunk := connection.recv(65536):
    text += chunk
    if b"ready\n" in text and not os.path.exists("warm"):
        open("warm", "w").close()
lines = text.decode().split("\n")
assert lines.pop() == ""
ends = [l.split() for l in lines if l.startswith("end ")]
json.dump({"first": lines[0], "work": sum(float(w[5:]) for e in ends for w in e if w.startswith("work=")),
           "units": sorted({w for e in ends for w in e if w.startswith("unit=")}), "windows": len(ends),
           "begins": sum(l.startswith("begin ") for l in lines),
           "latencies": sum(len(l.split()) - 1 for l in lines if l.startswith("latency "))},
          open("heard.json", "w"))
END
    mkfifo said
    python3 listen.py >said 3>&- &
    listener=$!
    read -r _ <said
    export WATTLE_MARKERS=$PWD/socket
}

@test "markers say what the result says" {
    listen
    "$WATTLE" load onnx builtin:mlp --batch 2 --rate 3000/s --duration 300ms --warmup 50ms --json >d.json
    wait "$listener"
    [ "$(field '(d["first"], d["units"], d["windows"] == d["begins"])' <heard.json)" = \
        "('ready', ['unit=rows'], True)" ]
    [ "$(field 'int(d["work"])' <heard.json)" = "$(field 'd["window"]["work"]' <d.json)" ]
    [ "$(field 'd["latencies"]' <heard.json)" = "$(field 'd["latency"]["n"]' <d.json)" ]
    [ "$(field '2 <= d["windows"] <= 16' <heard.json)" = True ]
}

@test "SIGTERM ends it with the results so far: exit 0 where it was to go on until then" {
    listen
    "$WATTLE" load onnx builtin:mlp --rate 500/s --duration 0s --warmup 10ms --json >d.json 3>&- &
    load=$!
    until [ -e warm ]; do sleep 0.02; done
    kill -TERM "$load"
    status=0
    wait "$load" || status=$?
    [ "$status" -eq 0 ]
    [ "$(field 'd["interrupted"]' <d.json)" = True ]
    wait "$listener"
}

@test "SIGTERM before its time: results, and the signal has its usual effect" {
    listen
    "$WATTLE" load onnx builtin:mlp --rate 500/s --duration 60s --warmup 10ms >out 3>&- &
    load=$!
    until [ -e warm ]; do sleep 0.02; done
    kill -TERM "$load"
    status=0
    wait "$load" || status=$?
    [ "$status" -eq 143 ]
    grep -q "^  ended     early" out
    grep -q "^  window " out
    wait "$listener"
}

@test "a built-in model as a file" {
    run -0 "$WATTLE" load onnx builtin:mlp --write mlp.onnx
    [[ $output == "mlp.onnx: builtin:mlp, 94"*" bytes" ]]
    "$WATTLE" load onnx builtin:mlp --write again.onnx --json | field 'd["written"]' | grep -qx again.onnx
    cmp mlp.onnx again.onnx
}

@test "built-in models are what the onnx package takes for models" {
    /usr/bin/python3 -c 'import onnx' 2>/dev/null || skip "no python3-onnx"
    for name in convnet-s convnet-m mlp transformer; do
        "$WATTLE" load onnx "builtin:$name" --write "$name.onnx"
        /usr/bin/python3 - "$name.onnx" <<'END'
import sys
import onnx
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
shape = lambda v: [d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim]
inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
for before, after in zip(model.graph.output, inferred.graph.output):
    assert shape(before) == shape(after) and shape(after)[0] == "N", (shape(before), shape(after))
END
    done
}

@test "real inference: a file and the built-in model that it holds, closed and open loop" {
    use_real
    "$WATTLE" load onnx builtin:convnet-s --write s.onnx -q
    for model in s.onnx builtin:convnet-s; do
        "$WATTLE" load onnx "$model" --batch 4 --count 50 --warmup 50ms --unit images --json >d.json
        [ "$(field '(d["window"]["work"], d["window"]["unit"], d["latency"]["n"])' <d.json)" = "(200, 'images', 50)" ]
        [ "$(field '0 < d["latency"]["min_s"] <= d["latency"]["mean_s"] <= d["latency"]["max_s"] < 10' <d.json)" = True ]
        [ "$(field 'd["window"]["throughput"]["lo_per_s"] < d["window"]["throughput"]["per_s"] < d["window"]["throughput"]["hi_per_s"]' <d.json)" = True ]
        [ "$(field 'abs(d["window"]["busy_s"] / d["latency"]["mean_s"] / 50 - 1) < 0.001' <d.json)" = True ]
    done
    "$WATTLE" load onnx s.onnx --batch 4 --rate 200/s --count 100 --warmup 50ms --json >d.json
    [ "$(field 'd["queue"]["due"] == d["latency"]["n"] == 100 and d["service"]["n"] >= 25' <d.json)" = True ]
    [ "$(field 'd["queue"]["waiting"]["mean_s"] < d["latency"]["mean_s"]' <d.json)" = True ]
}

@test "real inference: tokens, threads, and an index that is out of range" {
    use_real
    "$WATTLE" load onnx builtin:transformer --threads 2 --count 3 --warmup 0s --json >d.json
    [ "$(field '(d["window"]["work"], d["window"]["unit"], d["threads"])' <d.json)" = "(3, 'sequences', 2)" ]
    run -1 "$WATTLE" load onnx builtin:transformer --tokens 2000000000 --count 3 --warmup 0s
    [[ $output == *"running the model: "* ]]
    [[ $output == *"--tokens"* ]]
    echo "no model" >no.onnx
    run -1 "$WATTLE" load onnx no.onnx
    [[ $output == *"loading no.onnx: "* ]]
}
