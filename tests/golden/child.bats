#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# -- COMMAND: signals at the moments between its parts, a terminal that goes away, what the caller ignores,
# and output that cannot be written. In a virtual machine room, whose devices have threads of their own.

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_FILE_TMPDIR/state WATTLE_RUN_DIR=$BATS_FILE_TMPDIR/run
    "$WATTLE" sim start --gpu v100 -q
    # $SIGNAL at the moment $AT: before the check of what was noted, between it and the fork, between
    # fork and exec, and when the command (exit 7) is no process any more. Or no word of its end.
    cat >at_call.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static int is_at(const char *call)
{
    return getenv("AT") && strcmp(getenv("AT"), call) == 0;
}
static void at(const char *call)
{
    if (is_at(call))
        kill(getpid(), atoi(getenv("SIGNAL")));
}
int pipe2(int ends[2], int flags)
{
    int (*real)(int *, int) = dlsym(RTLD_NEXT, "pipe2");
    if (flags == O_CLOEXEC)
        at("pipe2");
    return real(ends, flags);
}
pid_t fork(void)
{
    pid_t (*real)(void) = dlsym(RTLD_NEXT, "fork");
    sigset_t mask;
    if (sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, SIGTERM) == 1) {
        at("fork");
        usleep(100000); /* a thread takes it */
    }
    return real();
}
int execvp(const char *file, char *const words[])
{
    int (*real)(const char *, char *const *) = dlsym(RTLD_NEXT, "execvp");
    at("execvp");
    return real(file, words);
}
int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    int (*real)(idtype_t, id_t, siginfo_t *, int) = dlsym(RTLD_NEXT, "waitid");
    int rc = real(type, id, info, options);
    if (!is_at("waitid"))
        return rc;
    errno = ECHILD;
    return -1;
}
pid_t waitpid(pid_t pid, int *status, int options)
{
    pid_t (*real)(pid_t, int *, int) = dlsym(RTLD_NEXT, "waitpid");
    pid_t got = real(pid, status, options);
    if (got > 0 && WIFEXITED(*status) && WEXITSTATUS(*status) == 7)
        at("waitpid");
    return got;
}
END
    cc -shared -fPIC -o at_call.so at_call.c -ldl || true
}

teardown_file() { "$WATTLE" sim stop -q; }

setup() { cd "$BATS_FILE_TMPDIR" || return 1; }

limit() { "$WATTLE" sim list --json | python3 -c 'import json, sys
print(int(json.load(sys.stdin)["gpus"][0]["power_limit_w"]))'; }

put_back() {
    [ "$(limit)" = 250 ]
    [ "$("$WATTLE" status)" = "nothing is leased" ]
}

# trapped CALL SIGNAL COMMAND...: with the signal at that moment. Whoever runs the tests may have
# signals ignored.
trapped() {
    [ -e at_call.so ] || skip "no C compiler to build the trap with"
    ! nm -D "$WATTLE" | grep -q __asan_init || skip "a sanitizer must be loaded first"
    local call=$1 signal=$2
    shift 2
    run timeout -s KILL 20 env --default-signal AT="$call" SIGNAL="$signal" \
        LD_PRELOAD="$PWD/at_call.so" "$WATTLE" cap 200W -i 0 -- "$@"
    [[ $output == *"held until"*"put back"* ]]
    put_back
}

@test "a signal before the command is begun: it is not run" {
    for signal in 1 2 15; do
        trapped pipe2 $signal touch ran
        [ "$status" -eq $((128 + signal)) ]
        [ ! -e ran ]
    done
}

@test "a signal while the command is begun, or before its first instruction, is the command's" {
    for signal in 1 2 15; do
        trapped fork $signal sleep 60
        [ "$status" -eq $((128 + signal)) ]
        trapped execvp $signal touch ran
        [ "$status" -eq $((128 + signal)) ]
        [ ! -e ran ]
    done
}

@test "a signal when the command is no process any more is not sent to its number" {
    trapped waitpid 15 sh -c 'exit 7'
    [ "$status" -eq 143 ]
}

@test "an end that is not told is a failure of ours" {
    trapped waitid 0 true
    [ "$status" -eq 125 ]
    [[ $output == *'how "true" ended is not known'* ]]
}

@test "SIGCHLD ignored by the caller: the status counts, and the command has it ignored, too" {
    run bash -c 'trap "" CHLD; exec "$WATTLE" cap 200W -i 0 -q -- false'
    [ "$status" -eq 1 ]
    run bash -c 'trap "" CHLD; exec "$WATTLE" cap 200W -i 0 -q -- grep SigIgn /proc/self/status'
    [ "$status" -eq 0 ]
    [ $((0x${output##*[[:space:]]} >> 16 & 1)) -eq 1 ]
    run env --default-signal "$WATTLE" cap 200W -i 0 -q -- grep SigIgn /proc/self/status
    [ $((0x${output##*[[:space:]]})) -eq 0 ]
}

@test "a terminal that goes away: the command is told" {
    cat >hang_up.py <<'END'
import os, pty, signal, sys
ready, told = os.pipe()
os.set_inheritable(told, True)
command = """
import os, signal, sys
def end(number, frame): sys.exit(9)
signal.signal(signal.SIGHUP, end)
os.write(%d, b"r")
for _ in range(100): signal.sigtimedwait([], 0.1)
""" % told
words = ["cap", "200W", "-i", "0", "-q", "--", sys.executable, "-c", command]
pid, terminal = pty.fork()
if pid == 0:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.execv(os.environ["WATTLE"], ["wattle"] + words)
os.close(told)
assert os.read(ready, 1) == b"r"
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    run timeout -s KILL 30 python3 hang_up.py
    [ "$output" = 9 ]
    put_back
}

@test "output that cannot be written: the loan is put back by its holder, without a guardian" {
    cat >no_reader.py <<'END'
import fcntl, os, signal, subprocess, sys, time
def limit():
    return subprocess.run(sys.argv[1:], capture_output=True, text=True).stdout.strip()
def guardian():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open("/proc/%s/cmdline" % pid, "rb").read().split(b"\0")
            state = os.environ["WATTLE_STATE_DIR"].encode()
            if words[1:2] == [b"guardian"] and state in open("/proc/%s/environ" % pid, "rb").read():
                return int(pid)
        except OSError:
            pass
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
reader, writer = os.pipe()
os.write(writer, b"." * fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096))
wattle = subprocess.Popen([os.environ["WATTLE"], "cap", "200W", "-i", "0", "--json", "--", "touch", "ran"],
                          stderr=writer, restore_signals=False)
os.close(writer)
while limit() != "200" and wattle.poll() is None:
    time.sleep(0.01)
pid = guardian() # which would put it back, too
os.kill(pid, signal.SIGSTOP)
os.close(reader)
try:
    status = wattle.wait(timeout=20)
    print(status, limit())
finally:
    os.kill(pid, signal.SIGCONT)
END
    run timeout -s KILL 40 python3 no_reader.py bash -c "$(declare -f limit); limit"
    [ "$output" = "125 250" ]
    [ ! -e ran ]
    for _ in $(seq 100); do "$WATTLE" status | grep -q "nothing is leased" && break; sleep 0.02; done
    put_back
}
