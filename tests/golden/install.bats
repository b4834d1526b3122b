#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `./dev install` leaves behind, put below a directory of the test.

@test "an installation has the program, its library, data, man pages and completion" {
    top=$BATS_TEST_TMPDIR/top
    # a program of that name elsewhere is not asked for the pages
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nexit 9\n' >"$BATS_TEST_TMPDIR/bin/wattle"
    chmod +x "$BATS_TEST_TMPDIR/bin/wattle"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH DESTDIR=$top \
        meson install -C "$WATTLE_BUILD" --no-rebuild --quiet >"$BATS_TEST_TMPDIR/log" 2>&1 || {
        cat "$BATS_TEST_TMPDIR/log" >&2
        return 1
    }
    prefix=$(dirname "$(dirname "$(find "$top" -path '*/bin/wattle' -type f)")")
    [ -x "$prefix/bin/wattle" ]
    find "$prefix" -name wattle.pc | grep -q .
    find "$prefix" -name 'libwattle.so' | grep -q .
    [ -f "$prefix/include/wattle/wattle.h" ]
    [ -f "$prefix/share/wattle/frequency/runs_v100_a100.csv" ]
    [ -f "$prefix/share/wattle/policies/categories.yaml" ]
    [ -s "$prefix/share/man/man1/wattle.1" ]
    "$WATTLE" help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' >"$BATS_TEST_TMPDIR/commands"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/commands")" -ge 12 ]
    while read -r command; do
        "$WATTLE" help --man "$command" | cmp - "$prefix/share/man/man1/wattle-$command.1"
    done <"$BATS_TEST_TMPDIR/commands"
    "$WATTLE" help --completion bash | cmp - "$prefix/share/bash-completion/completions/wattle"
    "$WATTLE" help --completion zsh | cmp - "$prefix/share/zsh/site-functions/_wattle"
    "$WATTLE" help --completion fish | cmp - "$prefix/share/fish/vendor_completions.d/wattle.fish"
}
