#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What every command owes its user: help, a man page, completion, and one source for all three.

commands() {
    "$WATTLE" help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
}

@test "no arguments: the list of commands and exit 2" {
    run "$WATTLE"
    [ "$status" -eq 2 ]
    [[ $output == *"usage: wattle COMMAND"* ]]
}

@test "version" {
    run "$WATTLE" --version
    [ "$status" -eq 0 ]
    [[ $output =~ ^wattle\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "an unknown command suggests the near one" {
    run "$WATTLE" hepl
    [ "$status" -eq 2 ]
    [[ $output == *"did you mean \`wattle help\`?"* ]]
}

@test "every command has help that fits 100 columns, --help equals help COMMAND" {
    [ "$(commands | wc -l)" -ge 1 ]
    for c in $(commands); do
        "$WATTLE" "$c" --help >"$BATS_TEST_TMPDIR/a"
        "$WATTLE" help "$c" >"$BATS_TEST_TMPDIR/b"
        cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
        grep -q "^usage: wattle $c " "$BATS_TEST_TMPDIR/a"
        if awk 'length($0) > 100 { print; bad = 1 } END { exit !bad }' "$BATS_TEST_TMPDIR/a"; then
            echo "help of $c is wider than 100 columns" >&2
            return 1
        fi
    done
}

@test "every command says how it may end" {
    n=0
    for c in $(commands); do
        # Each code once: what a command says of one stands in place of what is said in general.
        codes=$("$WATTLE" "$c" --help | sed -nE '/^exit status/,/^$/s/^  ([0-9]+)  .*/\1/p')
        for code in 0 1 2 3 4; do
            grep -qx "$code" <<<"$codes" || { echo "$c: no $code" >&2 && return 1; }
        done
        [ -z "$(uniq -d < <(sort <<<"$codes"))" ] || { echo "$c: a code twice" >&2 && return 1; }
        # Codes and texts stand in two columns, however many a command adds.
        awk '/^exit status/ { on = 1; next } /^$/ { on = 0 }
            on && /^  [0-9]/ { match($0, /[0-9]+ +/); if (at && RLENGTH != at) bad = 1; at = RLENGTH }
            END { exit bad }' < <("$WATTLE" "$c" --help) || { echo "$c: not in line" >&2 && return 1; }
        n=$((n + 1))
    done
    [ "$n" -ge 12 ] || { echo "$n commands" >&2 && return 1; }
}

@test "help of a verb is that of its --help" {
    "$WATTLE" sim fault --help >"$BATS_TEST_TMPDIR/a"
    "$WATTLE" help sim fault | cmp - "$BATS_TEST_TMPDIR/a"
    run -2 "$WATTLE" help sim fautl
    [[ $output == *"did you mean \`wattle sim fault\`?"* ]]
    run -2 "$WATTLE" help optimize fast
    [[ $output == *'wattle optimize does not know "fast"'* ]]
}

@test "the man page of wattle names every variable of the environment" {
    for name in WATTLE_DATA_DIR WATTLE_STATE_DIR WATTLE_RUN_DIR WATTLE_ONNXRUNTIME WATTLE_MARKERS WATTLE_MPS_CONTROL \
        SOURCE_DATE_EPOCH; do
        "$WATTLE" help --man | grep -qx ".It Ev $name"
    done
}

@test "every command refuses an unknown option with exit 2" {
    for c in $(commands); do
        run "$WATTLE" "$c" --no-such-option
        [ "$status" -eq 2 ]
        [[ $output == *"no option \"--no-such-option\""* ]]
    done
}

@test "man pages are clean mdoc and name every option of the help" {
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    "$WATTLE" help --man >"$BATS_TEST_TMPDIR/wattle.1"
    mandoc -Tlint -Wwarning "$BATS_TEST_TMPDIR/wattle.1"
    completion=$("$WATTLE" help --completion bash)
    for c in $(commands); do
        "$WATTLE" help --man "$c" >"$BATS_TEST_TMPDIR/wattle-$c.1"
        mandoc -Tlint -Wwarning "$BATS_TEST_TMPDIR/wattle-$c.1"
        mandoc -Tutf8 "$BATS_TEST_TMPDIR/wattle-$c.1" | sed 's/.\x08//g' >"$BATS_TEST_TMPDIR/text"
        text=$(<"$BATS_TEST_TMPDIR/text")
        line=$(grep -- " $c) " <<<"$completion")
        n=0
        for o in $("$WATTLE" help "$c" | grep -o -- '^  \(-., \|    \)--[a-z0-9-]*' | grep -o -- '--[a-z0-9-]*'); do
            [[ $text == *"$o"* ]] || { echo "$c: man page lacks $o" >&2; return 1; }
            [[ " ${line//\"/ } " == *" $o "* ]] || { echo "$c: bash completion lacks $o" >&2; return 1; }
            n=$((n + 1))
        done
        [ "$n" -ge 4 ] || { echo "$c: $n options" >&2; return 1; }
    done
}

@test "completion for fish knows every command and every option, and which take a value" {
    "$WATTLE" help --completion fish >"$BATS_TEST_TMPDIR/f"
    n=0
    for c in $(commands); do
        grep -q -- "^complete -c wattle -n __fish_use_subcommand -a $c -d '..*'\$" "$BATS_TEST_TMPDIR/f" ||
            { echo "no $c" >&2; return 1; }
        while read -r o value; do
            case $o in json | quiet | verbose | help) continue ;; esac
            [ -z "$value" ] || value=" -r"
            grep -q -- "_from $c' -l $o$value -d '" "$BATS_TEST_TMPDIR/f" ||
                { echo "$c: no --$o$value" >&2; return 1; }
            n=$((n + 1))
        done < <("$WATTLE" "$c" --help | sed -n 's/^ *\(-., \)\{0,1\} *--\([a-z-]*\)\( [^ ][^ ]*\)\{0,1\}.*/\2\3/p')
    done
    [ "$n" -ge 60 ] || { echo "$n options" >&2; return 1; }
}

@test "completion scripts parse and complete a command name" {
    "$WATTLE" help --completion bash >"$BATS_TEST_TMPDIR/c"
    run bash -c ". '$BATS_TEST_TMPDIR/c'; COMP_WORDS=(wattle he); COMP_CWORD=1; _wattle; echo \"\${COMPREPLY[@]}\""
    [ "$status" -eq 0 ]
    [ "$output" = help ]
    if command -v zsh >/dev/null; then
        "$WATTLE" help --completion zsh >"$BATS_TEST_TMPDIR/z"
        zsh -n "$BATS_TEST_TMPDIR/z"
    fi
    if command -v fish >/dev/null; then
        "$WATTLE" help --completion fish >"$BATS_TEST_TMPDIR/f"
        fish -n "$BATS_TEST_TMPDIR/f"
    fi
}

# completed WORD...: what bash offers for the last one; what stands alone is a line.
completed() {
    "$WATTLE" help --completion bash >"$BATS_TEST_TMPDIR/c"
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _wattle
        printf "%s\n" "${COMPREPLY[@]}"' _ "$BATS_TEST_TMPDIR/c" "$@"
}

@test "completion knows the verbs of a family, and each one's options" {
    verbs=$("$WATTLE" sim --help | sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p')
    [ "$(wc -w <<<"$verbs")" -ge 5 ]
    [ "$(completed wattle sim '')" = "$verbs" ]
    [ "$(completed wattle sim sto)" = stop ]
    touch stop.txt
    [ "$(completed wattle sim stop sto)" = stop.txt ] # files, no verbs
    rm stop.txt
    "$WATTLE" help --completion zsh >"$BATS_TEST_TMPDIR/z"
    "$WATTLE" help --completion fish >"$BATS_TEST_TMPDIR/f"
    n=0
    for v in $verbs; do
        options=$("$WATTLE" sim "$v" --help | sed -n 's/^ *\(-., \)\{0,1\} *\(--[a-z-]*\).*/\2/p')
        [ "$(completed wattle sim "$v" -- | sort)" = "$(sort -u <<<"$options")" ]
        grep -q "_from sim; and not __fish_seen_subcommand_from .*' -a $v -d '..*'\$" "$BATS_TEST_TMPDIR/f"
        grep -q "^        '$v:..*'\$" "$BATS_TEST_TMPDIR/z"
        line=$(sed -n '/^    sim)$/,/^    esac/p' "$BATS_TEST_TMPDIR/z" | grep "^    $v) " | tail -n 1)
        for o in $options; do
            [[ $line == *" '$o"* ]]
            case $o in --json | --quiet | --verbose | --help) continue ;; esac
            grep -q "_from sim; and __fish_seen_subcommand_from $v' -l ${o#--} " "$BATS_TEST_TMPDIR/f"
            n=$((n + 1))
        done
    done
    [ "$n" -ge 5 ]
}

@test "a full standard output is a failure, not a silent loss" {
    [ -w /dev/full ] || skip "no /dev/full"
    run bash -c "'$WATTLE' help >/dev/full"
    [ "$status" -eq 1 ]
    [[ $output == *"cannot write to standard output"* ]]
}

@test "an output named - is refused: no file of that name, no pipe that gets nothing" {
    cd "$BATS_TEST_TMPDIR"
    for command in "export c.wattle" "optimize c.wattle" "import t.csv" "report c.wattle" "fit c.wattle"; do
        # shellcheck disable=SC2086 # a command and its argument
        run "$WATTLE" $command -o -
        [ "$status" -eq 2 ]
        [[ $output == *'does not write to standard output'* ]]
        [ ! -e ./- ]
    done
}

@test "a common option that is given a value says that it takes none" {
    run "$WATTLE" show c.wattle --json=1
    [ "$status" -eq 2 ]
    [[ $output == *'--json takes no value'* ]]
}
