# SPDX-License-Identifier: Apache-2.0
# Sourced by every fake tool: counts calls over all fakes, writes them down, and can kill the process
# group (as a power cut would) before or after the n-th. Builtins only: a sweep over kill points calls
# the fakes thousands of times.
#   FAKE_DIR   state: count, calls, and what the fakes keep
#   KILL_AT    number of the call; KILL_WHEN before|after its effect
#   FAIL_AT    number of the call that fails; FAIL_CODE, FAIL_TEXT
# shellcheck shell=dash
hook_before() {
    local n=0
    [ ! -e "$FAKE_DIR/count" ] || read -r n <"$FAKE_DIR/count"
    CALL=$((n + 1))
    echo "$CALL" >"$FAKE_DIR/count"
    printf '%s %s\n' "${0##*/}" "$*" >>"$FAKE_DIR/calls"
    [ "$CALL" != "${KILL_AT:-}" ] || [ "${KILL_WHEN:-}" != before ] || hook_kill
    if [ "$CALL" = "${FAIL_AT:-}" ]; then
        printf '%s\n' "${FAIL_TEXT:-it went wrong}"
        exit "${FAIL_CODE:-1}"
    fi
}
hook_after() {
    [ "$CALL" != "${KILL_AT:-}" ] || [ "${KILL_WHEN:-}" != after ] || hook_kill
}
# The group is that of the script under test (with_fakes).
hook_kill() {
    : >"$FAKE_DIR/killed"
    kill -9 0
}
