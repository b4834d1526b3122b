#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Plans, predictors and verdicts kept in a campaign: only when asked for, and given back as they were.

bats_require_minimum_version 1.5.0

setup_file() {
    export D=$BATS_FILE_TMPDIR MAKE_RUNS=$WATTLE_BUILD/tests/make-runs
    "$MAKE_RUNS" 2 3 >"$D/runs.csv"
    "$WATTLE" import -q "$D/runs.csv" -o "$D/runs.wattle" >/dev/null
    "$WATTLE" optimize "$D/runs.wattle" --max-slowdown 5% -q -o "$D/plan.json" >/dev/null
    CLOCK=$(python3 -c 'import json, sys
print(next(p["clock_mhz"] for p in json.load(open(sys.argv[1]))["plans"] if (p["gpu"], p["workload"]) == ("V100", "stablediffusion")))' "$D/plan.json")
    set --
    for _ in 1 2 3 4 5 6 7 8; do set -- "$@" 1380 "$CLOCK" "$CLOCK" 1380; done
    "$MAKE_RUNS" 1 1 2 0 "$@" >"$D/fresh.csv"
    "$WATTLE" import -q "$D/fresh.csv" -o "$D/fresh.wattle" >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$D"/runs.wattle "$D"/fresh.wattle "$D"/plan.json .
}

# change SQL: by hand, as another program would
change() {
    python3 -c 'import sqlite3, sys
db = sqlite3.connect("runs.wattle"); db.execute(sys.argv[1]); db.commit()' "$1"
}

@test "without --save no command that reads a campaign writes to it" {
    cp runs.wattle before
    cp fresh.wattle before-fresh
    "$WATTLE" optimize runs.wattle -q -o p.json >/dev/null
    "$WATTLE" fit runs.wattle -q -o m.json >/dev/null
    "$WATTLE" validate plan.json fresh.wattle -q -o c.json >/dev/null || [ $? -ge 6 ]
    "$WATTLE" show runs.wattle >/dev/null
    "$WATTLE" report runs.wattle -o r --figures none -q >/dev/null
    cmp before runs.wattle
    cmp before-fresh fresh.wattle
}

@test "a plan is kept under its name and given back byte by byte" {
    "$WATTLE" optimize runs.wattle --max-slowdown 5% -q -o p.json --save edp5 >/dev/null
    "$WATTLE" show runs.wattle --document plan/edp5 >kept.json
    cmp p.json kept.json
    "$WATTLE" show runs.wattle --document plan/edp5 | "$WATTLE" export - --csv plans >a.csv
    "$WATTLE" export p.json --csv plans >b.csv
    cmp a.csv b.csv
    "$WATTLE" show runs.wattle --document plan/edp5 | "$WATTLE" deploy - -o deploy -q >/dev/null
    [ -s deploy/production.json ]
    "$WATTLE" show runs.wattle | grep -q '^  plan  *edp5 .* these runs  6 plans: 6 ok'
    "$WATTLE" optimize runs.wattle --max-slowdown 5% >/dev/null # and it is not in the way
}

@test "the same name again replaces, another one is added" {
    "$WATTLE" optimize runs.wattle -q --save a >/dev/null
    "$WATTLE" optimize runs.wattle -q --save b >/dev/null
    "$WATTLE" optimize runs.wattle -q --gpu V100 --save a >/dev/null
    "$WATTLE" show runs.wattle --json >s.json
    python3 - <<'END'
import json
d = json.load(open("s.json"))["documents"]
assert [(x["kind"], x["name"], x["content"]) for x in d] == [("plan", "a", "3 plans: 3 ok"), ("plan", "b", "6 plans: 6 ok")], d
assert all(x["readable"] and x["of_these_runs"] and x["bytes"] > 1000 for x in d)
END
}

@test "a verdict is kept in the campaign of the fresh runs; a rehearsal is no verdict" {
    "$WATTLE" validate plan.json fresh.wattle --json --save june >v.json || [ $? -ge 6 ]
    "$WATTLE" show fresh.wattle --document verdict/june >kept.json
    cmp v.json kept.json
    verdict=$(python3 -c 'import json; print(json.load(open("v.json"))["verdict"])')
    "$WATTLE" show fresh.wattle | grep -q "^  verdict  june .* these runs  $verdict, 1 of 6 plans judged"
    run "$WATTLE" validate plan.json --within runs.wattle --save june
    [ "$status" -eq 2 ]
    [[ $output == *"--save needs fresh runs"* ]]
}

@test "a predictor is kept without a file" {
    "$WATTLE" fit runs.wattle --save all >/dev/null
    "$WATTLE" show runs.wattle --document predictor/all | grep -q '"format": "wattle-predictor"'
    run "$WATTLE" fit runs.wattle
    [ "$status" -eq 2 ]
    [[ $output == *"-o MODEL, or --save NAME"* ]]
}

@test "after a further import the document stays, and is of other runs" {
    "$WATTLE" optimize runs.wattle -q --save a >/dev/null
    "$WATTLE" import -q "$D/fresh.csv" -o runs.wattle >/dev/null
    "$WATTLE" show runs.wattle | grep -q '^  plan  *a .* other runs  6 plans: 6 ok'
}

@test "newer, damaged and unknown documents are said to be so and stand in nobody's way" {
    "$WATTLE" optimize runs.wattle -q --save newer >/dev/null
    "$WATTLE" optimize runs.wattle -q --save torn >/dev/null
    change "update document set json = replace(json, '\"version\": 1', '\"version\": 9') where name = 'newer'"
    change "update document set json = substr(json, 1, 500) where name = 'torn'"
    change "insert into document values('recipe', 'x', '{}', 0)"
    run --separate-stderr "$WATTLE" show runs.wattle --json
    [ "$status" -eq 0 ]
    python3 - "$output" <<'END'
import json, sys
d = {x["name"]: x for x in json.loads(sys.argv[1])["documents"]}
assert not any(x["readable"] or x["of_these_runs"] for x in d.values())
assert "version 9" in d["newer"]["content"], d
assert "not known to this wattle" in d["x"]["content"], d
assert d["torn"]["content"], d
END
    "$WATTLE" show runs.wattle | grep -q '^  plan  *newer .* ?  *the plan is of version 9'
    "$WATTLE" optimize runs.wattle -q --save torn >/dev/null
    "$WATTLE" show runs.wattle --document plan/torn >/dev/null
}

@test "names and kinds that cannot be are refused before any work" {
    for name in '' 'a/b' ' a' "$(printf 'a\nb')" "$(printf '%0100d' 0)"; do
        run "$WATTLE" optimize runs.wattle --save "$name"
        [ "$status" -eq 2 ]
        [[ $output == *"cannot be the name of a stored document"* ]]
    done
    run "$WATTLE" show runs.wattle --document plan/none
    [ "$status" -eq 1 ]
    [[ $output == *'has no document "plan/none"'*"--save NAME"* ]]
    run "$WATTLE" show runs.wattle --document recipe/x
    [ "$status" -eq 2 ]
    [[ $output == *"plan/NAME, predictor/NAME or verdict/NAME"* ]]
}

@test "while another process writes, --save says so and keeps nothing" {
    python3 - "$WATTLE" <<'END'
import sqlite3, subprocess, sys
db = sqlite3.connect("runs.wattle", isolation_level=None)
db.execute("begin immediate")
p = subprocess.run([sys.argv[1], "optimize", "runs.wattle", "-q", "--save", "a"], capture_output=True, text=True)
assert p.returncode == 1 and "another process" in p.stderr, p
p = subprocess.run([sys.argv[1], "optimize", "runs.wattle", "-q"], capture_output=True, text=True)
assert p.returncode == 0, p # reading goes on
db.execute("rollback")
END
    ! "$WATTLE" show runs.wattle | grep -q '^  plan'
}
