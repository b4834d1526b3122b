#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The benchmark table is made, and its contenders compute the same. No times are asserted.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    export SOURCE_DATE_EPOCH=1752024000
    bench=$WATTLE_SOURCE/bench
}

make_tree() { "$WATTLE_BUILD/bench/make-tree" tree --every 40 >/dev/null; }

@test "the table has a row for each contender, and the peers chose the same clocks" {
    make_tree
    sed -n '/figures of docs/,/end of figures/p' "$WATTLE_SOURCE/README.md" >readme.md
    run --separate-stderr "$bench/run" --build "$WATTLE_BUILD" --tree tree --rounds 2 \
        --slow-rounds 1 --sampling 1 --sampling-seconds 1 --pairs 0 --markdown page.md --readme readme.md
    [ "$status" -eq 0 ]
    [ "$output" = "$(cat page.md)" ]
    for name in 'wattle, default build' 'lean Python' 'Python with a dict a row'; do
        grep -Eq "^\\| $name \\|.*\\| 2 \\| [0-9.]+ \\|" page.md
    done
    grep -Eq '^On one core 14 MB of traces \(140 runs\) become plans with intervals in [0-9.]+ s \(import' readme.md
    [ "$(head -1 readme.md)" = '<!-- figures of docs/benchmarks.md -->' ]
    [ "$(tail -1 readme.md)" = '<!-- end of figures -->' ]
    grep -q 'chose the same clock in each of 15 sets' page.md
    grep -Eq '^\| parsing, one core \| 1.5 GB/s \| [0-9.]+ ' page.md
    grep -Eq '^\| held by its power limit \| [0-9]+ s/s \([0-9]+-[0-9]+, median of 2\), [0-9.]+ ns a step \|' page.md
    if [ -x "$WATTLE_BUILD/bench/bench-lease" ]; then # not with sanitizers
        grep -Eq '^\| added by the lease \(pairs\) \| 20000 \| [0-9.]+ \| [0-9.]+ \| us \|' page.md
        grep -q 'Allocations in 20000 sets of each kind: 0[.]' page.md
        # Nothing is allocated while sampling; the interval is kept.
        grep -Eq '^\| `wattle stat` \| every 10 ms \| [0-9.]+ \([0-9.]+–[0-9.]+\) \| 1 \| [0-9]+ \| [0-9]+ \| [0-9.]+ \| 0 \| 1, no allocation \|' page.md
        grep -Eq '^\| `wattle stat` \| at the sensors. own rate \|.*\| 0 \|  \|' page.md
        grep -Eq '^\| Python, ctypes \(as pynvml\) \| every 10 ms \| [0-9.]+ ' page.md
    fi
    grep -Eq '^\| C API \| measured here \| [0-9]+ \| [0-9]+ \| [0-9]+ \| 30 \|' page.md
    grep -Eq '^140 files, [0-9]+ MB of DCGMI text.*wattle 0.*, (commit|no commit).*gcc.*Python 3' page.md
}

@test "every contender takes the same figures from each run" {
    make_tree
    "$WATTLE" import tree -o c.wattle -q
    "$WATTLE" export c.wattle --csv runs -o runs.csv -q
    peers=(lean.txt rows.txt)
    python3 "$bench/peers/stdlib_lean.py" tree --runs >lean.txt
    python3 "$bench/peers/stdlib_rows.py" tree --runs >rows.txt
    if python3 -c 'import pandas' 2>/dev/null; then
        python3 "$bench/peers/pandas_reader.py" tree --runs >pandas.txt
        peers+=(pandas.txt)
    fi
    if [ -d "$bench/peers/node_modules/@duckdb" ]; then
        node "$bench/peers/duckdb_reader.mjs" tree 1 --runs >duckdb.txt
        peers+=(duckdb.txt)
    fi
    run python3 "$bench/peers/agree.py" runs.csv "${peers[@]}"
    [ "$status" -eq 0 ]
    [[ "$output" == "140 runs, "*" figures of ${#peers[@]} peers agree" ]]
    # the comparison can fail
    sed '1s/power_mean=/power_mean=1/' rows.txt >wrong.txt
    run ! python3 "$bench/peers/agree.py" runs.csv wrong.txt
    [[ "$output" == "wrong.txt: power_mean of a100 llama "* ]]
    sed 1d rows.txt >short.txt
    run ! python3 "$bench/peers/agree.py" runs.csv short.txt
}

# refuses WORDS ARGUMENT...: exit 2, nothing on stdout, the words and the usage on stderr.
refuses() {
    run --separate-stderr "$program" "${@:2}"
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [[ "$stderr" == *"$1"*"usage: ${program##*/} "* ]]
}

@test "what sampling does to a program is measured in both places" {
    [ "$(nproc)" -gt 1 ] || skip "one CPU"
    export WATTLE_RUN_DIR=$PWD/run WATTLE_STATE_DIR=$PWD/state
    "$WATTLE" sim start --gpu a100,v100 -q 3>&-
    eval "$("$WATTLE" sim env)"
    run --separate-stderr "$WATTLE_BUILD/bench/bench-effect" 0 6 10
    "$WATTLE" sim stop -q
    [ "$status" -eq 0 ]
    [ "$(grep -c '"n": 6, "slowdown": -*[0-9.]*, "lo": ' <<<"$output")" -eq 2 ]
    [[ "$output" == *'"other CPU"'*'"same CPU"'* ]]
}

@test "programs of proofs and benchmarks take whole numbers and nothing else" {
    for name in bench/proof-optimize bench/proof-predict bench/bench-optimize bench/bench-parse bench/bench-sim \
        bench/bench-effect bench/bench-markers bench/bench-windows bench/make-tree tests/make-runs; do
        program=$WATTLE_BUILD/$name
        for option in --help -h; do
            run --separate-stderr "$program" "$option"
            [ "$status" -eq 0 ]
            [[ "$output" == "usage: ${name##*/} "* ]]
            [ -z "$stderr" ]
        done
        refuses '' --no-such-option
    done
    for name in bench/proof-optimize bench/proof-predict bench/bench-optimize tests/make-runs; do
        program=$WATTLE_BUILD/$name
        for value in 0 -3 1x '' 99999999999999999999; do
            refuses " \"$value\" is no whole number from 1" "$value"
        done
    done
    program=$WATTLE_BUILD/bench/proof-predict
    refuses 'GPUS "13" is no whole number from 1 to 12' 3 13
    refuses '"5" is one argument too many' 1 2 3 5
    program=$WATTLE_BUILD/bench/make-tree
    refuses '--every "0" is no whole number' tree --every 0
    refuses '--seed "x" is no whole number' tree --seed x
    refuses '' tree --seed
    refuses '' tree another
    [ ! -e tree ]
    program=$WATTLE_BUILD/bench/bench-parse
    refuses '--repeat "x" is no whole number' . --repeat x
}
