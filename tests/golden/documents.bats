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
print(next(p["clock_mhz"] for p in json.load(open(sys.argv[1]))["plans"] if (p["gpu"], p["workload"]) == ("V100", "prefill")))' "$D/plan.json")
    set --
    for _ in 1 2 3 4 5 6 7 8; do set -- "$@" 1380 "$CLOCK" "$CLOCK" 1380; done
    "$MAKE_RUNS" 1 1 2 0 "$@" >"$D/fresh.csv"
    "$WATTLE" import -q "$D/fresh.csv" -o "$D/fresh.wattle" >/dev/null
    "$MAKE_RUNS" 1 1 3 0 1380 900 900 1380 >"$D/more.csv"
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

@test "the report shows stored and given verdicts and held-out errors, and no section without them" {
    "$WATTLE" report runs.wattle -o none --figures none -q >/dev/null
    ! grep -q 'Fresh runs against the plan\|had not seen' none/report.html none/summary.md
    "$WATTLE" validate plan.json fresh.wattle --json --save june >v.json || [ $? -ge 6 ]
    "$WATTLE" fit runs.wattle -o m.json --save all >/dev/null
    "$WATTLE" report fresh.wattle -o fresh --figures none -q >/dev/null
    "$WATTLE" report runs.wattle -o both --figures none -q --verdict v.json --model m.json >/dev/null
    python3 - <<'END'
import html, json, re
v = json.load(open("v.json"))
(entry,) = [x for x in v["verdicts"] if x["verdict"]]
saving = entry["saving"]["fresh"]
figures = "%.1f %% (%.1f to %.1f)" % tuple(100 * saving[k] for k in ("value", "lo", "hi"))
def text(path):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", open(path).read())).replace("\\", ""))
for page, name in (("fresh/report.html", "june"), ("fresh/summary.md", "june"), ("both/report.html", "v.json"), ("both/summary.md", "v.json")):
    t = text(page)
    assert f'Verdict "{name}" of ' in t, page
    section = t[t.index(f'Verdict "{name}" of '):]
    assert figures.replace("-", "\u2212") in section, (page, figures)
    assert entry["verdict"] in section and "%d / 1380" % entry["clock_mhz"] in section, page
    assert "%d + %d (%d)" % (entry["n_candidate"], entry["n_baseline"], entry["n_rejected"]) in section, page
m = json.load(open("m.json"))
for page in ("both/report.html", "both/summary.md"):
    t = text(page).replace("|", " ")
    t = re.sub(r"\s+", " ", t)
    for name in ("m.json", "all"):
        assert f'Predictor "{name}" of ' in t, page
    assert len(m["heldout"]) >= 10
    for h in m["heldout"]:
        split = {"gpu": "GPU"}.get(h["left_out"], h["left_out"])
        row = "%s %s %s %d %.1f %.1f %.1f %.1f" % (split, h["method"], h["n_probes"] or "\u2013", h["n"], 100 * h["regret"]["median"], 100 * h["regret"]["p90"], 100 * h["broken"], 100 * h["loss"]["mean"])
        assert row in t, (page, row)
END
    if command -v pdftotext >/dev/null; then
        pdftotext -layout both/report.pdf - >both.txt
        grep -q "Predictors on what they had not seen" both.txt
        grep -q "Fresh runs against the plan" both.txt
    fi
}

@test "a verdict of other runs is said to be so, a damaged one is named" {
    "$WATTLE" validate plan.json fresh.wattle --save june >/dev/null || [ $? -ge 6 ]
    "$WATTLE" import -q "$D/more.csv" -o fresh.wattle >/dev/null
    cp fresh.wattle runs.wattle
    change "insert into document values('verdict', 'torn', '{\"format\": 1', 0)"
    "$WATTLE" report runs.wattle -o r --figures none -q >/dev/null
    grep -q 'which are not the ones that this campaign holds now' r/summary.md
    grep -q 'The stored verdict &quot;torn&quot; is not shown' r/report.html
    run "$WATTLE" report runs.wattle -o r2 --verdict plan.json
    [ "$status" -eq 1 ]
    [[ $output == *"is not a verdict"* ]]
    [ ! -e r2/report.html ]
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

@test "predicted plans are kept in the campaign of the probe, as they are written" {
    "$WATTLE" fit runs.wattle -o m.json -q >/dev/null
    "$WATTLE" import -q "$D/more.csv" -o probe.wattle >/dev/null
    "$WATTLE" predict m.json --probe probe.wattle --max-slowdown 5% -o p.json --save guess >/dev/null
    "$WATTLE" show probe.wattle --document plan/guess >kept.json
    cmp p.json kept.json
    "$WATTLE" show probe.wattle | grep -q '^  plan  *guess .* these runs  1 plan: 1 '
    cp probe.wattle before
    "$WATTLE" predict m.json --probe probe.wattle -o p2.json >/dev/null
    cmp before probe.wattle
    for probe in "--probe $D/more.csv" "--model fgcs-v100 --fp 0.3 --dram 0.2 --time 10s"; do
        model=m.json
        [[ $probe != *fgcs* ]] || model=
        # shellcheck disable=SC2086
        run "$WATTLE" predict $model $probe --save guess -o never.json
        [ "$status" -eq 2 ]
        [[ $output == *"is kept in the campaign of its probe: "*"wattle import RUNS -o CAMPAIGN"* ]]
        [ ! -e never.json ]
    done
    run "$WATTLE" predict m.json --probe probe.wattle --save a/b
    [ "$status" -eq 2 ]
    cmp before probe.wattle
}

@test "runs that a prediction was made from never confirm it, others of the same campaign may" {
    "$WATTLE" fit runs.wattle -o m.json -q >/dev/null
    "$WATTLE" import -q "$D/more.csv" -o probe.wattle >/dev/null
    "$WATTLE" predict m.json --probe probe.wattle --at 1380 --max-slowdown 5% -o part.json >/dev/null
    "$WATTLE" predict m.json --probe probe.wattle --max-slowdown 5% -o all.json >/dev/null
    run "$WATTLE" validate all.json probe.wattle
    [ "$status" -eq 2 ]
    [[ $output == *"holds the very runs that the plan was made from"* ]]
    run --separate-stderr "$WATTLE" validate part.json probe.wattle --json
    python3 - "$output" <<'END'
import json, sys
(v,) = json.loads(sys.argv[1])["verdicts"]
assert v["n_known"] == 2, v  # two of four runs are at 1380 MHz
END
}

@test "delete takes all that are named or none, and nothing else" {
    "$WATTLE" optimize runs.wattle -q --save a >/dev/null
    "$WATTLE" optimize runs.wattle -q --save 'b c' >/dev/null
    "$WATTLE" fit runs.wattle -q --save a >/dev/null
    change "insert into document values('recipe', 'x', '{}', 0)"
    change "insert into document values('verdict', 'torn', '{\"format\": 1', 0)"
    "$WATTLE" export runs.wattle --csv runs -q -o before.csv
    cp runs.wattle before
    run "$WATTLE" delete runs.wattle plan/a plan/none
    [ "$status" -eq 1 ]
    [[ $output == *'has no document "plan/none"'*"it has: plan/a, plan/b c, predictor/a, recipe/x, verdict/torn" ]]
    "$WATTLE" show runs.wattle --document plan/a >/dev/null # it is still there
    for name in a plan '' 'plan/a plan/a'; do
        # shellcheck disable=SC2086
        run "$WATTLE" delete runs.wattle ${name:-''}
        [ "$status" -eq 2 ]
    done
    run "$WATTLE" delete runs.wattle
    [ "$status" -eq 2 ]
    run "$WATTLE" delete none.wattle plan/a
    [ "$status" -eq 1 ]
    [ ! -e none.wattle ]
    run --separate-stderr "$WATTLE" delete runs.wattle plan/a 'plan/b c' recipe/x verdict/torn
    [ "$status" -eq 0 ]
    [ "$output" = $'deleted plan/a\ndeleted plan/b c\ndeleted recipe/x\ndeleted verdict/torn' ]
    "$WATTLE" show runs.wattle --json | python3 -c 'import json, sys
d = json.load(sys.stdin)["documents"]
assert [(x["kind"], x["name"]) for x in d] == [("predictor", "a")], d'
    "$WATTLE" export runs.wattle --csv runs -q -o after.csv
    cmp before.csv after.csv
    [ "$("$WATTLE" delete runs.wattle predictor/a --json | python3 -c 'import json, sys
print(json.load(sys.stdin))')" = "{'campaign': 'runs.wattle', 'deleted': ['predictor/a']}" ]
    run "$WATTLE" delete runs.wattle predictor/a
    [ "$status" -eq 1 ]
    [[ $output == *"--save NAME of optimize, predict, fit and validate keeps one"* ]]
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
