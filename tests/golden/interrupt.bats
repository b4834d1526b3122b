#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A command that is told to end while its temporary files are on the disk takes them away, leaves the
# files of before as they were and ends by the signal.

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    # The moment between writing a temporary file and renaming it: its fsync() sends $SIGNAL.
    cat >at_fsync.c <<'END'
#include <signal.h>
#include <stdlib.h>
int fsync(int fd)
{
    const char *name = getenv("SIGNAL");
    (void)fd;
    raise(name ? atoi(name) : SIGTERM);
    return 0;
}
END
    command -v cc >/dev/null || skip "no C compiler to build the trap with"
    cc -shared -fPIC -o at_fsync.so at_fsync.c
    awk -F, 'NR == 1 || $1 == "V100" && $2 == "stablediffusion"' \
        "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" >runs.csv
    "$WATTLE" import -q runs.csv -o c.wattle
    "$WATTLE" optimize c.wattle -q -o plan.json
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
    ! nm -D "$WATTLE" | grep -q __asan_init || skip "a sanitizer must be loaded first"
}

left_over() { find . -name '*.part'; }

# ended SIGNAL COMMAND...: it is ended by it, and nothing is left.
ended() {
    local signal=$1 status=0
    shift
    # Whoever runs the tests may ignore signals (nohup does), and a shell cannot take that back.
    env --default-signal SIGNAL="$signal" LD_PRELOAD="$PWD/at_fsync.so" "$WATTLE" "$@" >out 2>&1 ||
        status=$?
    [ "$status" -eq $((128 + signal)) ] || { echo "$*: status $status" >&2 && cat out >&2 && return 1; }
    [ -z "$(left_over)" ] || { echo "$*: $(left_over)" >&2 && return 1; }
}

@test "temporary files of every command that writes files go with it" {
    cp plan.json before.json
    for signal in 2 15 1; do
        ended $signal optimize c.wattle --objective energy -q -o plan.json
        cmp plan.json before.json
        ended $signal deploy plan.json -o dep --without-wattle
        [ ! -e dep ] || [ -z "$(find dep -type f)" ]
        ended $signal report c.wattle -p plan.json -o rep --figures svg
        ended $signal export c.wattle --csv runs -o runs-out.csv
        [ ! -e runs-out.csv ]
    done
}

@test "a signal that was ignored stays ignored" {
    (
        trap '' HUP
        SIGNAL=1 LD_PRELOAD=$PWD/at_fsync.so "$WATTLE" optimize c.wattle -q -o other.json
    )
    [ -s other.json ]
    [ -z "$(left_over)" ]
}
