#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is refused: by which exit status, in which words, and that nothing is left behind.

bats_require_minimum_version 1.5.0

setup() {
    mkdir "$BATS_TEST_TMPDIR/work"
    cd "$BATS_TEST_TMPDIR/work"
    export SOURCE_DATE_EPOCH=1752024000
}

# refused STATUS TEXT ARGUMENT...: wattle ends with this status, says this and prints nothing else.
refused() {
    local want=$1 text=$2
    shift 2
    run --separate-stderr "$WATTLE" "$@"
    if [ "$status" -ne "$want" ] || [[ $stderr != *"$text"* ]] || [ -n "$output" ]; then
        echo "wattle $*: exit $status, not $want; said \"$stderr\", not \"$text\"; printed \"$output\"" >&2
        return 1
    fi
}

# campaign NAME ARGUMENT...: of the runs that make-runs writes for these arguments.
campaign() {
    "$WATTLE_BUILD/tests/make-runs" "${@:2}" >"$1.csv"
    "$WATTLE" import -q "$1.csv" -o "$1.wattle" >/dev/null
}

@test "options" {
    refused 2 '--replicates "abc" is not a whole number' optimize c.wattle --replicates abc
    refused 2 '--replicates "1e3" is not a whole number' optimize c.wattle --replicates=1e3
    refused 2 '--replicates "99" is outside 100 to 100000' optimize c.wattle --replicates 99
    refused 2 'did you mean --objective?' optimize c.wattle --objectiv edp
    refused 2 '--objective needs a value (NAME)' optimize c.wattle --objective
    refused 2 '--output needs a value (PLAN)' optimize c.wattle -qo
    refused 2 '--keep-going takes no value' import --keep-going=yes x
    refused 2 '--quiet takes no value' import --quiet=yes x
    refused 2 'wattle import has no option "-Z"' import -qZ x
    refused 2 'wattle import --help lists the options' import -Z x
    refused 2 'wattle deploy needs -o DIR' deploy plan.json
    refused 2 '--max-slowdown: ' optimize c.wattle --max-slowdown fast
    refused 2 '--csv "sums" is not a choice' export c.wattle --csv sums
    refused 2 'choose one of: runs' export c.wattle --csv sums
    refused 2 'options follow the command, and "-q" stands before it' -q optimize c.wattle
    refused 2 'hint: wattle optimize -q' -q optimize c.wattle
    refused 2 '`wattle help` lists the commands' --nonsense
    [ -z "$(ls -A)" ]
}

@test "options of predict that exclude one another" {
    refused 2 'wattle predict needs a MODEL' predict
    refused 2 'wattle predict needs --probe RUNS' predict m.json
    refused 2 'either a fitted MODEL or --model, not both' predict m.json --model fgcs-v100
    refused 2 'either --probe or --fp, --dram and --time' predict --model fgcs-v100 --probe x --fp 0.3
    refused 2 'fgcs-v100 needs --fp, --dram and --time' predict --model fgcs-v100 --fp 0.3
    refused 2 '--fp, --dram and --time go with --model fgcs-v100' predict m.json --probe x --dram 0.3
    refused 2 '--at: "x" is neither a clock in MHz nor a range' predict m.json --probe x --at x
}

@test "a campaign without runs: every command says so" {
    cat >timing_summary.log <<'END'
# Run Timing Summary
# Format: run_id,frequency_mhz,duration_seconds,exit_code,status
1_01,1410,11,0,success
END
    "$WATTLE" import timing_summary.log -o e.wattle >/dev/null
    refused 1 'the campaign has no runs' optimize e.wattle
    refused 1 '`wattle import PATH... -o e.wattle` adds some' optimize e.wattle
    refused 1 'no runs were found' analyse timing_summary.log -o all
    [ ! -e all/plan.json ]
    run "$WATTLE" fit e.wattle -o m.json
    [ "$status" -ne 0 ]
    [ ! -e m.json ]
}

@test "the published method has no sweeps and no held-out repetitions" {
    campaign one 1 1
    refused 2 'the published method (--baseline rep:N) has no sweeps' optimize one.wattle \
        --baseline rep:1 --sensitivity
}

# damaged FILE STATEMENT OUT: FILE with a Python statement done to its document `d`.
damaged() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
exec(sys.argv[2])
json.dump(d, open(sys.argv[3], "w"))' "$1" "$2" "$3"
}

@test "a damaged plan: the place and the reason" {
    campaign one 1 1
    "$WATTLE" optimize one.wattle --replicates 100 -o p.json >/dev/null
    n=0
    while IFS='|' read -r statement text; do
        damaged p.json "$statement" bad.json
        run --separate-stderr "$WATTLE" deploy bad.json -o out
        [ "$status" -eq 1 ] || { echo "$statement: exit $status, $output" >&2 && return 1; }
        [[ $stderr == *"bad.json: "*"$text"* ]] ||
            { echo "$statement: said \"$stderr\", not \"$text\"" >&2 && return 1; }
        [ ! -e out ]
        n=$((n + 1))
    done <<'END'
d["plans"][0]["objective"] = "speed"|plans[0].objective: 
d["plans"][0]["status"] = "OK"|plans[0].status: 
d["plans"][0]["saving"]["lo"] = 0.99|plans[0].saving: 
d["plans"][0]["saving"]["value"] = "big"|plans[0].saving.value: 
d["plans"][0]["clock_mhz"] = 1e9|plans[0].clock_mhz: 
d["plans"][0]["clock_mhz"] = 1200.5|plans[0].clock_mhz: 
d["plans"][0]["gpu"] = "x" * 5000|plans[0].gpu: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." is longer than 
d["plans"][0]["tied_clocks_mhz"] = list(range(1, 5000))|plans[0].tied_clocks_mhz: 4999 clocks, more than 
d["plans"][0]["notes"] = [1]|plans[0].notes[0]: expected a string
d["plans"][0]["n_runs"] = -1|plans[0].n_runs: 
d["plans"][0]["savings"] = 1|did you mean "saving"?
d["plans"] = {}|plans: 
END
    [ "$n" -eq 12 ]
}

@test "a campaign of an impossible version" {
    campaign one 1 1
    sqlite3 one.wattle 'PRAGMA user_version = -1'
    refused 1 'campaign "one.wattle" has the impossible version -1' show one.wattle
    refused 1 'restore the file from a copy, or import the traces again' show one.wattle
}

@test "folders nested beyond the limit" {
    mkdir -p "$(printf 'd/%.0s' $(seq 100))"
    printf 'gpu,workload,clock_mhz,time_s,energy_j\nA100,w,1410,20,4000\n' >d/ok.csv
    run --separate-stderr "$WATTLE" import d -o c.wattle
    [[ $stderr == *"is nested deeper than "*" directories"* ]]
}

# The one line on standard output is an object; MEMBER of its "error" is VALUE.
error_is() {
    python3 -c 'import json, sys
error = json.loads(sys.argv[1])["error"]
assert set(error) == {"status", "message", "hint", "exit", "file", "line", "column"}, error
assert str(error[sys.argv[2]]) == sys.argv[3], error' "$output" "$1" "$2"
}

@test "with --json an error is an object on standard output as well" {
    run --separate-stderr "$WATTLE" demo --json
    [ "$status" -eq 3 ]
    error_is status unsupported
    error_is exit 3
    error_is message "the demonstration is for people: no --json"
    error_is hint None
    [[ $stderr == *"the demonstration is for people"* ]]
    run --separate-stderr "$WATTLE" optimize nowhere.wattle --json
    [ "$status" -eq 1 ]
    error_is exit 1
    run --separate-stderr "$WATTLE" optimize --json --replicates abc
    error_is status usage
    error_is message '--replicates "abc" is not a whole number'
    run --separate-stderr "$WATTLE" optimise --json
    error_is hint 'did you mean `wattle optimize`?'
    run --separate-stderr "$WATTLE" --json optimize
    error_is exit 2
    error_is hint 'wattle optimize --json'
    run --separate-stderr "$WATTLE" sim begin --json
    error_is exit 2
    echo '{' >plan.json
    run --separate-stderr "$WATTLE" deploy plan.json -o out --json
    error_is status parse
    error_is file plan.json
    error_is line 2
    run --separate-stderr "$WATTLE" optimize -- --json # an argument, no option
    [ -z "$output" ]
}
