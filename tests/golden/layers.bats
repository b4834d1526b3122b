#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The check of the layers finds what is forbidden, each thing by itself.

setup() {
    check=$WATTLE_SOURCE/tools/check-layers
    mkdir -p "$BATS_TEST_TMPDIR/src/"{base,core,stats,runs,trace,store,flow,cli}
}

# refused FILE LINE REASON: a file with this line is refused, with this reason.
refused() {
    printf '/* SPDX */\n%s\n' "$2" >"$BATS_TEST_TMPDIR/src/$1"
    run "$check" "$BATS_TEST_TMPDIR"
    rm "$BATS_TEST_TMPDIR/src/$1"
    [ "$status" -eq 1 ] && [[ $output == *"src/$1:2: "*"$3"* ]] ||
        { echo "$1: $2: $output" >&2; return 1; }
}

@test "what a folder may not include or use is refused, whichever it is" {
    refused base/a.c '#include "codec/json.h"' 'base/ may not include codec/json.h'
    refused stats/a.c '#include "core/run.h"' 'stats/ may not include core/run.h'
    refused trace/a.c '#include "store/campaign.h"' 'trace/ may not include store/campaign.h'
    refused trace/a.c '#include "runs/judge.h"' 'trace/ may not include runs/judge.h'
    refused store/a.c '#include "runs/judge.h"' 'store/ may not include runs/judge.h'
    refused flow/a.c '#include "cli/table.h"' 'flow/ may not include cli/table.h'
    refused trace/a.c '#include <sqlite3.h>' 'trace/ may not use sqlite3.h'
    refused runs/a.c '#include "judge.h"' 'write the folder'
    refused runs/a.c '#include "base/file.h"' 'runs/ is pure and may not include base/file.h'
    refused runs/a.c '#include <time.h>' 'runs/ is pure and may not include time.h'
    refused runs/a.c '#include <pthread.h>' 'runs/ may not use pthread.h'
    refused runs/a.c 'void f(void) { printf("x"); }' 'runs/ is pure and may not use printf'
    refused runs/a.c 'void f(FILE *f) { fputs("x", f); }' 'runs/ is pure and may not use fputs'
    refused runs/a.c 'void *f(void) { return malloc(1); }' 'runs/ is pure and may not use malloc'
    refused runs/a.c 'FILE *f(void) { return stderr; }' 'runs/ is pure and may not use stderr'
    refused runs/a.c 'static int calls;' 'runs/ may not keep state'
    refused runs/a.c '    static double cache[4];' 'runs/ may not keep state'
    refused store/a.c 'static struct {' 'store/ may not keep state'
}

@test "what is allowed passes" {
    cat >"$BATS_TEST_TMPDIR/src/runs/a.c" <<'C'
/* SPDX: printf("in a comment") and static int x; */
#include "core/run.h"
#include "stats/robust.h"
#include <stdio.h>
static const double step = 1;
static int f(int x) { return snprintf(0, 0, "printf(%d", x); }
C
    printf 'static int taken;\n' >"$BATS_TEST_TMPDIR/src/cli/a.c"
    run "$check" "$BATS_TEST_TMPDIR"
    [ "$status" -eq 0 ]
    [[ $output == *"2 files, 0 forbidden"* ]]
    mkdir "$BATS_TEST_TMPDIR/src/attic"
    run "$check" "$BATS_TEST_TMPDIR"
    [ "$status" -eq 1 ]
    [[ $output == *"src/attic/: folder is not in the table"* ]]
}
