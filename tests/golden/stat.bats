#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# wattle stat: what passes through, what is printed, windows and requests of programs that mark them, parts that add up.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$WATTLE_RUN_DIR"
    cat >mark.py <<'END'
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["WATTLE_MARKERS"])
def say(text): s.sendall((text + "\n").encode())
def now(): return time.monotonic_ns()
END
}

teardown() { "$WATTLE" sim stop >/dev/null 2>&1 || true; }

@test "output, status and signals of the command pass through" {
    run --separate-stderr "$WATTLE" stat --tdp 40W -- sh -c 'echo out; echo err >&2; exit 7'
    [ "$status" -eq 7 ]
    [ "$output" = out ]
    [[ "$stderr" == *err* ]]
    [[ "$stderr" == *"Energy of 'sh -c echo out"* ]]
    run --separate-stderr "$WATTLE" stat --tdp 40W -- sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
    run -127 --separate-stderr "$WATTLE" stat --tdp 40W -- "$BATS_TEST_TMPDIR/no-such-program"
    [[ "$stderr" == *"no-such-program"* ]]
    "$WATTLE" stat --tdp 40W -- sh -c 'trap "echo ended; exit 3" TERM; while :; do sleep 0.05; done' >out 2>err 3>&- &
    sleep 1.2 # it has begun by then
    kill -TERM $!
    wait $! || status=$?
    [ "$status" -eq 3 ]
    grep -q ended out
    grep -q 'Energy of' err
}

@test "a machine without sensors: an estimate that says so, or nothing to measure" {
    "$WATTLE" stat -i estimate:cpu,tdp=100W --json -o out.json -- true
    python3 - <<'END'
import json
d = json.load(open("out.json"))
(gpu,) = d["devices"]
e = gpu["energy"]
assert e["method"] == "estimated" and e["class"] == "D", e
assert e["interval_j"] == [e["energy_j"] / 2, e["energy_j"] * 2], e
assert d["command"] == ["true"] and d["exit_status"] == 0
assert d["total"]["class"] == "D"
END
    "$WATTLE" stat -i estimate:cpu,tdp=100W -- true 2>err
    grep -q 'D off by up to a factor of 2' err
    run "$WATTLE" stat -i estimate:gpu -- true
    [ "$status" -eq 125 ]
    run "$WATTLE" stat -r 3
    [ "$status" -eq 2 ]
    [[ "$output" == *"--repeat needs a command"* ]]
}

@test "a virtual GPU against its own power, and the file of -o" {
    "$WATTLE" stat -i virtual:a100,load=resnet50/64,exact --for 3s --json >out.json
    python3 - <<'END'
import json
d = json.load(open("out.json"))
(gpu,) = d["devices"]
e = gpu["energy"]
assert e["method"] == "counter_edges" and e["class"] == "A"
lo, hi = e["interval_j"]
assert lo <= e["energy_j"] <= hi
assert abs(gpu["mean_w"] * e["time_s"] - e["energy_j"]) < 1e-6
assert 0.9 < e["check"] < 1.1
a = gpu["attribution"]
parts = sum(p["energy_j"] for p in a["processes"]) + a["unattributed_j"] + (a["idle_j"] or 0)
assert abs(parts - e["energy_j"]) < 1e-6 * e["energy_j"], (parts, e)
assert [p["name"] for p in a["processes"]] == ["resnet50"]
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -o summary.txt -- sleep 0.3 >out 2>err
    [ ! -s out ] && [ ! -s err ]
    grep -q 'NVIDIA A100-PCIE-40GB .* J  *+- .* A  counter, at its edges$' summary.txt
    grep -q 'shorter than the sensor can tell' summary.txt
    run "$WATTLE" stat -i virtual:a100 -o /no/such/folder/x -- touch ran
    [ "$status" -eq 125 ]
    [[ "$output" == *"cannot write"* ]]
    [ ! -e ran ] # said before the command runs
    run "$WATTLE" stat -i virtual:a100,load=resnet50/64 -o /dev/full -- true
    [ "$status" -eq 125 ]
    [[ "$output" == *"counter, at its edges"*"cannot write"* ]] # printed after all
}

@test "repeats: de-phased, with an interval from their spread" {
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -r 4 --json -o out.json -- sleep 0.2
    python3 - <<'END'
import json
m = json.load(open("out.json"))["mean"]
assert m["n"] == 4
(e,) = m["devices"].values()
assert e["interval_j"][0] < e["energy_j"] < e["interval_j"][1]
assert abs(e["time_s"] - m["time_s"]) < 0.05
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -r 3 -- true 2>err
    grep -q 'mean of 3 runs' err
    cat >>mark.py <<'END'
say(f"begin a_window_of_more_than_24_letters t={now()}")
time.sleep(0.1)
say(f"end a_window_of_more_than_24_letters t={now()} work=5 unit=images")
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -i estimate:cpu -r 3 -- python3 mark.py 2>err
    grep -q 'Windows that were marked, mean of a run' err
    grep -q ' a_window_of_more_than_24_letters .* J  *+- .* 1 time  .*/image$' err
    run "$WATTLE" stat --tdp 10W -r 5 -o err -- sh -c 'echo x >>count; exit 4'
    [ "$status" -eq 4 ] # a run that fails is the last one
    [ "$(wc -l <count)" -eq 1 ]
    run "$WATTLE" stat -i virtual:a100 -r 5 --json -o out.json -- sh -c 'test -e was && exit 3; touch was; sleep 0.3'
    [ "$status" -eq 3 ]
    [[ $output == *"run 2 of 5 ended with status 3: it is not in the mean"* ]]
    [ "$(python3 -c 'import json; print(json.load(open("out.json"))["mean"]["n"])')" -eq 1 ]
}

@test "without a command the document is on standard output, beside one on standard error or in FILE" {
    run -0 --separate-stderr "$WATTLE" stat --tdp 10W --for 0.1s --json
    python3 -c 'import json, sys; json.loads(sys.argv[1])' "$output"
    [ "$stderr" = "" ]
    run -0 --separate-stderr "$WATTLE" stat --tdp 10W --json -- echo mine
    python3 -c 'import json, sys; json.loads(sys.argv[1])' "$stderr"
    [ "$output" = mine ]
    run -0 --separate-stderr "$WATTLE" stat --tdp 10W --json -o doc.json -- sh -c 'echo mine >&2'
    python3 -m json.tool doc.json >/dev/null
    [ "$stderr" = mine ] && [ "$output" = "" ]
    run -0 "$WATTLE" stat --help
    [[ $(tr -s ' \n' ' ' <<<"$output") == *"with --json too, as standard output is the command's; -o FILE keeps it apart"*"with -- COMMAND on standard error"* ]]
}

@test "a repeat that failed is told of, not with -q, and not into the document" {
    again() {
        rm -f was
        run -1 --separate-stderr "$WATTLE" stat --tdp 10W -r 3 "$@" -- sh -c 'test -e was && exit 1; touch was'
    }
    again
    [[ "$stderr" == "run 2 of 3 ended with status 1: it is not in the mean"* ]]
    again -q
    [[ "$stderr" != *"not in the mean"* && "$stderr" == *"Energy of "* ]]
    again --json
    python3 -c 'import json, sys; assert json.loads(sys.argv[1])["mean"]["n"] == 1' "$stderr"
    again --json -o doc.json
    [[ "$stderr" == "run 2 of 3 ended with status 1: it is not in the mean" ]]
}

@test "a hundred devices: one line of warning, not one name after the other" {
    ids=()
    for i in $(seq 100); do ids+=(-i "virtual:a100,seed=$i"); done
    "$WATTLE" stat "${ids[@]}" --for 0.2s >out
    grep -q '^  warning: all 100 devices: shorter than the sensor can tell' out
    [ "$(wc -L <out)" -le 120 ]
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -- true 2>err
    grep -Eq ' (> 100 %|[+]- [0-9]+ %) ' err # of 2 ms; not 2.1e+02
}

@test "repeats begin in all phases of the sensor" {
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -r 16 -o out -- date +%s%N >times
    python3 - <<'END'
import cmath
begun = [int(line) for line in open("times")]
assert len(begun) == 16
# 1: all in one phase of 100 ms; of all phases alike 0, of random ones about 0.25
together = abs(sum(cmath.exp(2j * cmath.pi * (t % 100_000_000) / 1e8) for t in begun)) / 16
assert together < 0.75, (together, [t // 1_000_000 % 100 for t in begun])
END
}

@test "a signal ends the repeats, and a command that it kept from being run is no run" {
    # At the third pipe for a command (never: 0) a signal comes, before the command is there.
    cat >at_pipe.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
int pipe2(int ends[2], int flags)
{
    static int n;
    int (*real)(int *, int) = dlsym(RTLD_NEXT, "pipe2");
    if (flags == O_CLOEXEC && ++n == atoi(getenv("AT")))
        kill(getpid(), SIGTERM);
    return real(ends, flags);
}
END
    cc -shared -fPIC -o at_pipe.so at_pipe.c -ldl || skip "no compiler"
    early() { env AT="$1" LD_PRELOAD=./at_pipe.so "$WATTLE" "${@:2}"; }
    early 0 stat --tdp 10W -o out -- true || skip "nothing can be put before the C library here"
    run -143 early 1 stat --tdp 10W -o none -- sh -c 'echo ran >>ran'
    [ ! -e none ] && [ ! -e ran ]
    run -143 early 3 stat --tdp 10W -o out -r 8 -- sh -c 'echo ran >>ran'
    grep -q 'mean of 2 runs' out
    [ "$(wc -l <ran)" -eq 2 ]
    run -143 early 1 record --tdp 10W -o none.csv -- sh -c 'echo ran >>record'
    [ ! -e record ]
    # A command that takes it well: it is the last one, and its status counts.
    run -0 "$WATTLE" stat --tdp 10W -o out -r 8 -- sh -c 'trap : TERM; echo ran >>well; kill -TERM $PPID; sleep 0.1'
    [ "$(wc -l <well)" -eq 1 ]
    grep -q "Energy of 'sh -c" out
}

@test "a later run that cannot be begun leaves the figures of the earlier ones" {
    cat >>mark.py <<'END'
say(f"begin w t={now()}"); time.sleep(0.1)
say(f"end w t={now()} work=3 unit=images requests=ann:1,bob:2 latency=0.1")
os.unlink("once.sh")
END
    printf '#!/bin/sh\nexec python3 mark.py\n' >once.sh
    chmod +x once.sh
    run -127 env MALLOC_PERTURB_=165 "$WATTLE" stat -i virtual:a100,load=resnet50/64 -r 2 -o out -- ./once.sh
    grep -q '^  w .* J .* 1 time ' out
    grep -q '^    bob  .* 2 units of work' out
    grep -q '^  1 latency: 50 % within 100.0 ms, 90 %' out
    grep -q '^    resnet50 .* pid' out
}

@test "readings that fail are counted, and said" {
    run -0 "$WATTLE" stat -i faulty:read.error@every10:virtual:a100,load=resnet50/64 --for 1s
    [[ $output == *"warning: NVIDIA A100-PCIE-40GB: "*" readings failed"* ]]
}

@test "windows, work and requests; what is wrong is counted and disturbs nobody" {
    cat >>mark.py <<'END'
say(f"begin all t={now()}")
for i in range(10):
    say(f"begin step t={now()}")
    time.sleep(0.03)
    say(f"end step t={now()} work=8 unit=images requests=a:3,b:5")
s.sendall(f"begin asked t={now()}\n".encode()); time.sleep(0.3)
s.sendall(f"end asked t={now()} reply=1\n".encode())
print(s.makefile().readline(), end="", flush=True)
say("latency 0.01 0.02 0.03")
say("ready")
say("end never-begun")
say("what is this")
say("begin")
say("end all work=x")
say(f"end all t={now()}")
say("begin left-open")
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 --json -o out.json -- python3 mark.py >answer
    python3 - <<'END'
import json
d = json.load(open("out.json"))
w = {x["name"]: x for x in d["windows"]}
assert set(w) == {"all", "step", "asked", "never-begun", "left-open"}, set(w)
assert w["step"]["count"] == 10 and w["step"]["work"] == 80 and w["step"]["unit"] == "images"
assert 0.3 < w["step"]["time_s"] < 1.5
assert w["left-open"]["cut"] == 1 and w["never-begun"]["count"] == 0
whole = d["total"]["energy_j"]
assert 0 < w["step"]["energy"]["energy_j"] < w["all"]["energy"]["energy_j"] < whole
# windows of one name that do not overlap: their energy is what was drawn while one was open
assert abs(w["step"]["inside_j"] - w["step"]["energy"]["energy_j"]) < 1e-6 * whole
r = {x["id"]: x for x in d["requests"]}
assert r["a"]["work"] == 30 and r["b"]["work"] == 50 and r["a"]["windows"] == 10
assert abs(r["a"]["energy_j"] + r["b"]["energy_j"] - w["step"]["inside_j"]) < 1e-6 * whole
assert abs(r["a"]["energy_j"] / r["b"]["energy_j"] - 0.6) < 1e-6
assert d["latency"]["n"] == 3 and abs(d["latency"]["p50_s"] - 0.02) < 1e-9
m = d["markers"]
assert m["bad_lines"] == 3 and m["unmatched"] == 1 and m["programs"] == 1, m
answer = json.load(open("answer"))
assert answer["name"] == "asked" and abs(answer["time_s"] - 0.3) < 0.1
device = answer["devices"]["virtual:a100,load=resnet50/64"]
assert device["lo_j"] <= w["asked"]["energy"]["energy_j"] <= device["hi_j"], (device, w["asked"])
END
}

@test "names that are no JSON, or no UTF-8, break no document" {
    cat >>mark.py <<'END'
import json
window = b'w"\\\xff'
s.sendall(b"begin " + window + b" t=%d\n" % now()); time.sleep(0.3)
s.sendall(b"end " + window + b' t=%d work=4 unit=\xfe"\\ requests=r"\\\xfd:4 reply=1\n' % now())
answer = json.loads(s.makefile(errors="strict").readline())
assert answer["name"] == 'w"\\?', answer
assert answer["energy_j"] > 0 and len(answer["devices"]) == 1, answer
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 --json -o out.json -- python3 mark.py
    python3 - <<'END'
import json
d = json.load(open("out.json"))
(w,), (r,) = d["windows"], d["requests"]
assert w["name"] == 'w"\\?' and w["unit"] == '?"\\' and r["id"] == 'r"\\?', (w, r)
assert d["mean"]["windows"][0]["name"] == w["name"]
END
    "$WATTLE" record -i virtual:a100,load=resnet50/64 -o out.jsonl -- python3 mark.py
    grep -q '"recording"' out.jsonl
}

@test "windows that overlap share: requests and the rest are the whole" {
    cat >>mark.py <<'END'
import threading
def work(name):
    c = socket.socket(socket.AF_UNIX); c.connect(os.environ["WATTLE_MARKERS"])
    for i in range(6):
        c.sendall(f"begin batch t={now()}\n".encode()); time.sleep(0.05)
        c.sendall(f"end batch t={now()} work=1 requests={name}{i}:1\n".encode())
threads = [threading.Thread(target=work, args=(n,)) for n in "xyz"]
[t.start() for t in threads]; [t.join() for t in threads]
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 --json -o out.json -- python3 mark.py
    python3 - <<'END'
import json
d = json.load(open("out.json"))
(w,) = d["windows"]
whole = d["total"]["energy_j"]
requests = sum(r["energy_j"] for r in d["requests"])
assert len(d["requests"]) == 18 and w["count"] == 18
assert abs(requests - w["inside_j"]) < 1e-6 * whole, (requests, w)
assert w["energy"]["energy_j"] > 1.5 * requests  # three at a time: each window has all of it
assert requests < whole
END
}

@test "windows laid end to end are known as well as the whole" {
    cat >>mark.py <<'END'
begun = now()
say(f"begin whole t={begun}")
while now() - begun < 2e9:
    say(f"begin load t={now()}"); time.sleep(0.02); say(f"end load t={now()} work=8")
say(f"end whole t={now()}")
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 --json -o out.json -- python3 mark.py
    python3 - <<'END'
import json
w = {x["name"]: x["energy"] for x in json.load(open("out.json"))["windows"]}
width = {k: (e["interval_j"][1] - e["interval_j"][0]) / e["energy_j"] for k, e in w.items()}
assert width["load"] < 2 * width["whole"], width
assert abs(w["load"]["energy_j"] / w["whole"]["energy_j"] - 1) < 0.1, w
END
}

@test "the machine room: MPS clients, two boards, the total" {
    "$WATTLE" sim start --gpu a100,v100 >/dev/null 3>&-
    "$WATTLE" sim load resnet50 -i 0 --share 40% >/dev/null
    "$WATTLE" sim load mobilenet_v2 -i 0 --share 40% >/dev/null
    "$WATTLE" stat --no-estimate -i 0 -i 1 --json -o out.json -- sleep 2.5
    python3 - <<'END'
import json
d = json.load(open("out.json"))
assert len(d["devices"]) == 2
total = 0
for g in d["devices"]:
    e = g["energy"]
    total += e["energy_j"]
    a = g["attribution"]
    parts = sum(p["energy_j"] for p in a["processes"]) + a["unattributed_j"] + (a["idle_j"] or 0)
    assert abs(parts - e["energy_j"]) < 1e-6 * e["energy_j"], (parts, e)
assert abs(total - d["total"]["energy_j"]) < 1e-9 * total
clients = d["devices"][0]["attribution"]["processes"]
assert sorted(p["name"] for p in clients) == ["mobilenet_v2", "resnet50"]
assert {p["kind"] for p in clients} == {"mps_client"}
END
}

@test "a device that hangs, is lost or fails holds nobody up" {
    timeout 60 "$WATTLE" stat -i "faulty:read.hang=5s@3:virtual:a100" -i virtual:v100,load=resnet50/64 --json -o out.json -- sleep 1
    python3 - <<'END'
import json
a, b = json.load(open("out.json"))["devices"]
assert b["energy"]["method"] == "counter_edges", b
END
    "$WATTLE" stat -i "faulty:read.lost@60:virtual:a100,load=resnet50/64" --json -o out.json -- sleep 2
    python3 - <<'END'
import json
(a,) = json.load(open("out.json"))["devices"]
assert a["trouble"], a
e = a["energy"]
assert e is None or "gap" in e["troubles"], a
END
}

@test "a device that hangs at the end keeps nobody else from being closed" {
    run -1 timeout 60 "$WATTLE" stat -i "faulty:read.hang=40s@3:virtual:a100" \
        -i "meter:exec:echo 300; exec sleep 4321.$$" -o out --for 0.5s
    [[ $output == *"nothing could be measured"*"a call hangs in the driver"* ]]
    run ! pgrep -f "sleep 4321.$$"
}

@test "a counter that stands still is not believed, and said" {
    "$WATTLE" stat -i faulty:read/energy_counter_j.lie=5J:virtual:a100,load=plain --json --for 1.5s >out.json
    "$WATTLE" stat -i faulty:read/energy_counter_j.lie=5J:virtual:a100,load=plain -o out --for 1.2s
    grep -q 'polled power' out
    grep -q 'warning: .*: the energy counter stood still while the device drew power: it is not believed' out
    python3 - <<'END'
import json
(d,) = json.load(open("out.json"))["devices"]
e = d["energy"]
assert (e["method"], e["class"], "stuck" in e["troubles"]) == ("polled", "B", True), e
assert abs(e["energy_j"] / e["time_s"] / d["peak_w"] - 1) < 0.1 and "partial" not in e["troubles"], d
END
}

@test "what was seen of a device that is lost, and nothing else" {
    # Readings are milliseconds apart at first, and rarer the busier the machine.
    "$WATTLE" stat -i faulty:read.lost@130:virtual:a100,load=plain --json --for 8s >out.json 3>&- &
    "$WATTLE" stat -i faulty:read.lost@130:virtual:a100,load=plain -o out --for 8s
    wait $!
    grep -Eq 'warning: .*: measured for [0-7][.0-9]* of 8[.0-9]* s: energy and mean power are of that part' out
    python3 - <<'END'
import json
d = json.load(open("out.json"))
e, whole = d["devices"][0]["energy"], d["time_s"]
assert {"partial", "gap"} <= set(e["troubles"]) and 0 < e["time_s"] < 7.9 < whole, (e, whole)
assert abs(d["devices"][0]["mean_w"] / d["devices"][0]["peak_w"] - 1) < 0.1, d
assert "partial" in d["total"]["troubles"], d
END
}

@test "the driver's samples, which come later than polls, give the energy of the whole" {
    "$WATTLE" stat -i virtual:p40,load=plain --json --for 1.5s >out.json
    python3 - <<'END'
import json
(d,) = json.load(open("out.json"))["devices"]
assert d["energy"]["method"] == "ring" and abs(d["mean_w"] / d["peak_w"] - 1) < 0.1, d
END
}

@test "idle power is not measured while somebody works" {
    for load in load=plain load=plain@30% load=plain,on=600ms/1s; do
        "$WATTLE" stat -i "virtual:a100,$load" --baseline 1s --json --for 0.5s >out.json
        python3 - <<'END'
import json
(d,) = json.load(open("out.json"))["devices"]
assert d["idle_w"] is None and d["attribution"]["idle_j"] is None, d
assert "meanwhile" in d["idle_trouble"], d
END
    done
    "$WATTLE" stat -i virtual:a100,load=plain --baseline 0.5s -o out --for 0.2s
    grep -q 'warning: .*: what it draws without work is not known: .*plain (pid .*) used .*% of it meanwhile' out
    "$WATTLE" stat -i virtual:a100 --baseline 0.5s --json --for 0.5s >out.json
    python3 -c 'import json; (d,) = json.load(open("out.json"))["devices"]; assert 25 < d["idle_w"] < 60 and d["idle_trouble"] is None, d'
}

@test "no markers wanted: no socket" {
    "$WATTLE" stat --tdp 10W --no-markers -o out -- sh -c '[ -z "${WATTLE_MARKERS+x}" ]'
    "$WATTLE" stat --tdp 10W -o out -- sh -c '[ -S "$WATTLE_MARKERS" ]'
    [ -z "$(ls "$WATTLE_RUN_DIR")" ] # it is gone afterwards
}

@test "errors that the driver reports meanwhile are warnings, by number" {
    "$WATTLE" sim start --gpu a100 3>&- >/dev/null
    id=$("$WATTLE" devices --json | python3 -c '
import json, sys
print(next(d["id"] for d in json.load(sys.stdin)["devices"] if d["id"].startswith("nvml:")))')
    "$WATTLE" sim fault -i 0 --xid 13 -q # before anybody listens
    cat >fall.sh <<'END'
"$WATTLE" sim fault -i 0 --xid 31 -q
"$WATTLE" sim fault -i 0 --xid 43 -q
"$WATTLE" sim fault -i 0 --xid 31 -q
END
    "$WATTLE" stat -i "$id" --json -o out.json -- sh fall.sh
    python3 - <<'END'
import json
(gpu,) = json.load(open("out.json"))["devices"]
e = gpu["driver_errors"]
assert e["n"] == 3 and [x["number"] for x in e["newest"]] == [31, 43, 31], e
assert all(0 <= x["t_s"] < 60 for x in e["newest"]) and e["newest"][0]["text"] == "GPU memory page fault", e
END
    run "$WATTLE" stat -i "$id" -- sh fall.sh
    [ "$status" -eq 0 ]
    [[ "$output" == *"reported XID 31 (GPU memory page fault), 2 times, last after"* ]]
    [[ "$output" == *"reported XID 43 (a channel was reset), last after"* ]]
    "$WATTLE" stat -r 2 -i "$id" -o mean.txt -- sh fall.sh # those of all runs
    grep -q 'reported XID 31 (GPU memory page fault), 4 times, last after .* s of a run' mean.txt
    "$WATTLE" record -o r.wattle -i "$id" -- sh fall.sh 2>err
    grep -q 'reported XID 43' err
    [ "$(python3 -c 'import sqlite3
print(sqlite3.connect("r.wattle").execute("select stated_causes from run").fetchall())')" = "[('device_error',)]" ]
}

@test "windows that tell nothing, ends without a begin and times in the future are said" {
    cat >>mark.py <<'END'
say("begin tiny"); say("end tiny work=1")
say(f"begin ahead t={now() + 3600 * 10**9}"); time.sleep(0.3); say(f"end ahead t={now() + 3600 * 10**9}")
say("end never-begun"); say("end nor-this")
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -o text -- python3 mark.py
    grep -Eq '^  tiny .* > 100 % ' text
    grep -Eq '^  ahead .* 1 time  +0\.3' text
    ! grep -q '^  never-begun' text
    grep -q 'note: 2 windows ended that had not begun, the first of them "never-begun"' text
    grep -q 'note: 2 markers said a time in the future' text
    printf 'import os, socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(os.environ["WATTLE_MARKERS"])\ns.sendall(b"end it\\n")\n' >end.py
    "$WATTLE" stat -i virtual:a100 -o text -- python3 end.py
    grep -q 'note: 1 window ended that had not begun: "it"' text
    ! grep -q 'Windows that were marked' text
}

@test "a path that is too long for a socket, and two meters of one name: with what helps" {
    WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/$(printf 'x%.0s' $(seq 90)) run "$WATTLE" stat -i virtual:a100 -- true
    [ "$status" -eq 125 ]
    [[ "$output" == *"is too long for a socket"*"set WATTLE_RUN_DIR to a folder with a path of 60 bytes or less"* ]]
    echo 50 >a.txt && echo 60 >b.txt
    run "$WATTLE" stat -i "meter:file:$PWD/a.txt,name=x" -i "meter:file:$PWD/b.txt,name=x" -- true
    [ "$status" -eq 125 ]
    [[ "$output" == *"two devices go by the id meter:x"*"each meter needs a name of its own"* ]]
}

@test "boards of one model are told apart by their number" {
    "$WATTLE" stat -i virtual:a100 -i virtual:a100,seed=2 -i virtual:v100 -o text -- sleep 0.1
    grep -Eq '^  0: NVIDIA A100-PCIE-40GB ' text
    grep -Eq '^  1: NVIDIA A100-PCIE-40GB ' text
    grep -Eq '^  Tesla V100' text
}

@test "lines that come late with their time are of their own moment, and are told of" {
    cat >>mark.py <<'END'
t0 = now()
b = socket.socket(socket.AF_UNIX); b.connect(os.environ["WATTLE_MARKERS"])
for i in range(6):
    say(f"begin live t={now()}"); time.sleep(0.5); say(f"end live t={now()} work=5")
t1 = now()
b.sendall(f"begin late t={t0}\nend late t={t1} work=30 requests=r:30\n".encode()) # three seconds after its begin
time.sleep(1)
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -o text -- python3 mark.py
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 --json -o out.json -- python3 mark.py
    grep -q 'markers* came late' text
    python3 - <<'END'
import json
d = json.load(open("out.json"))
w = {x["name"]: x for x in d["windows"]}
live, late = w["live"], w["late"]
assert d["markers"]["late"] >= 1 and late["count"] == 1, d["markers"]
assert abs(late["time_s"] - live["time_s"]) < 0.05 and late["time_s"] > 2.9, (late["time_s"], live["time_s"])
a, b = late["energy"]["energy_j"], live["energy"]["energy_j"]
assert abs(a / b - 1) < 0.02, (a, b)
lo, hi = late["energy"]["interval_j"]
assert lo < b < hi and hi - lo > 0.001 * a, (lo, b, hi)
(r,) = d["requests"]
assert abs(r["energy_j"] / a - 1) < 0.01, (r, a)
END
}

@test "requests pay for a node once, not for the boards inside it as well" {
    cat >>mark.py <<'END'
time.sleep(0.5)
say(f"begin w t={now()}"); time.sleep(2); say(f"end w t={now()} work=1 requests=r:1")
time.sleep(0.7)
END
    "$WATTLE" stat -i 'meter:exec:while echo 200; do sleep 0.1; done,period=100ms,name=wall' \
        -i virtual:v100,load=resnet50/64 --json -o out.json -- python3 mark.py
    python3 - <<'END'
import json
d = json.load(open("out.json"))
(r,), (w,) = d["requests"], d["windows"]
assert any(x["part_of_another"] for x in d["devices"]), d["devices"]
assert abs(w["energy"]["energy_j"] - 400) < 12 and abs(r["energy_j"] / w["energy"]["energy_j"] - 1) < 0.02, (r, w)
END
}

@test "requests of overlapping windows of different names are said to be paid more than once" {
    cat >>mark.py <<'END'
say("begin a"); say("begin b"); time.sleep(2)
say("end a requests=r:1"); say("end b requests=r:1")
END
    "$WATTLE" stat -i virtual:a100,load=resnet50/64 -o text -- python3 mark.py
    grep -q 'note: that is more than the total: windows of different names' text
}

@test "a window of which a part was seen has no price a unit, and one of which nothing was has no energy" {
    cat >>mark.py <<'END'
say("begin all")
for i in range(3):
    say(f"begin w{i}"); time.sleep(1); say(f"end w{i} work=10 unit=img")
say("end all work=30 unit=img")
END
    "$WATTLE" stat -i 'meter:exec:for i in $(seq 17); do echo 200; sleep 0.1; done,period=100ms,name=wall' -o text -- python3 mark.py
    grep -Eq '^  all .* of the [01][.0-9]* s that were seen$' text
    grep -Eq '^  w0 .* J/img$' text
    grep -Eq '^  w2 +- +- +1 time ' text
    "$WATTLE" stat -i 'meter:exec:for i in $(seq 17); do echo 200; sleep 0.1; done,period=100ms,name=wall' --json -o out.json -- python3 mark.py
    python3 - <<'END'
import json
w = {x["name"]: x["energy"] for x in json.load(open("out.json"))["windows"]}
assert "partial" in w["all"]["troubles"] and "partial" not in w["w0"]["troubles"] and w["w2"] is None, w
END
}
