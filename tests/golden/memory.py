#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command with its n-th allocation failing, those of the libraries included (TAP).

Either exit status 1, one error that says "out of memory", and every file as it was; or, where the
loss does no harm, exit status, output and files as in an undisturbed run. Never a crash, a hang or
half an output.

By hand:  memory.py [--limit N] [--from] [--only TEXT] [--at N...] [--show]
    --limit N    at most so many values of n a command (0: all of them)
    --from       all allocations from the n-th on fail instead of one
    --only TEXT  only the commands whose name contains TEXT
    --at N...    these values of n
    --show       print the stack of the request that failed badly
"""
import argparse
import concurrent.futures
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import scenario

FAILMALLOC = os.environ["FAILMALLOC"]
# cairo 1.16 crashes, or leaves out fonts of a PDF in silence, where a request of its own or of pixman
# fails; src/report/canvas.c therefore makes sure beforehand that there is memory (the last test).
# Where figures are drawn, what cairo asks for is spared.
DRAWING = "libcairo.so libpixman libfreetype libfontconfig libpng libz.so libc.so"
GOLDEN_RATIO = 0.6180339887498949


def environment(case, **settings):
    env = dict(scenario.ENVIRONMENT, LD_PRELOAD=FAILMALLOC, **settings)
    if case.draws:
        env["FAILMALLOC_SPARE"] = DRAWING
    if scenario.SANITIZED:
        env["LD_PRELOAD"] += " " + scenario.SANITIZED
        if case.threads: # AddressSanitizer asks libc about a new one's stack, and dies without memory
            env["FAILMALLOC_SPARE"] = "libc.so"
        env["ASAN_OPTIONS"] = "verify_asan_link_order=0:allocator_may_return_null=1"
    return env


def execute(case, folder, **settings):
    return subprocess.run(case.argv, cwd=folder, env=environment(case, **settings),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=case.seconds, check=False)


def reference(case, root):
    """(number of requests, exit status, output, files) of an undisturbed run."""
    with scenario.folder_for(case, root, "reference") as folder:
        done = execute(case, folder, FAILMALLOC_COUNT=str(root / "count"))
        assert done.returncode == case.status, (case.name, done.returncode, done.stderr)
        return (int((root / "count").read_text()), done.returncode, done.stdout,
                scenario.contents(folder))


def errors_in(stderr):
    return [line for line in stderr.decode("utf-8", "replace").splitlines()
            if line.startswith("wattle: ")]


def judge(case, done, before, after, want):
    """None, or what is wrong with the outcome of a disturbed run."""
    _, status, output, files = want
    if done.returncode < 0:
        return f"killed by signal {-done.returncode}"
    if done.returncode == status and not errors_in(done.stderr):
        if done.stdout != output:
            return "success with other output"
        if after != files:
            names = [n for n in after.keys() | files.keys() if after.get(n) != files.get(n)]
            return f"success with other files: {sorted(names)}"
        return None
    if done.returncode != 1:
        return f"exit status {done.returncode}"
    messages = errors_in(done.stderr)
    if len(messages) != 1 or "out of memory" not in messages[0].lower():
        return f"messages {messages}"
    hurt = scenario.harm(case, before, after, files)
    return f"failure that {hurt}" if hurt else None


def disturb(case, root, variable, n, want, show):
    with scenario.folder_for(case, root, f"{n}") as folder:
        before = scenario.contents(folder)
        settings = {variable: str(n)}
        if show:
            settings["FAILMALLOC_TRACE"] = "1"
        try:
            done = execute(case, folder, **settings)
        except subprocess.TimeoutExpired:
            return f"n = {n}: hangs"
        wrong = judge(case, done, before, scenario.contents(folder), want)
    if not wrong:
        return None
    text = f"n = {n}: {wrong}"
    if show or scenario.SANITIZED:
        text += "\n" + done.stderr.decode("utf-8", "replace")
    return text


def chosen(count, limit):
    """All n, or the first third of `limit` and the rest spread evenly over 1..count."""
    if not limit or count <= limit:
        return list(range(1, count + 1))
    first = limit // 3
    spread = {first + 1 + int(k * GOLDEN_RATIO % 1 * (count - first)) for k in range(1, limit - first + 1)}
    return list(range(1, first + 1)) + sorted(spread)


def sweep(case, root, pool, options):
    """[(n, what is wrong)], number of n tried, number of requests."""
    want = reference(case, root)
    variable = "FAILMALLOC_FROM" if options.fail_from else "FAILMALLOC_AT"
    tried = options.at or chosen(want[0], options.limit)
    wrong = pool.map(lambda n: disturb(case, root, variable, n, want, options.show), tried)
    return [w for w in wrong if w], len(tried), want[0]


def limited(case, root, want, mebibytes):
    """(exit status, None or what is wrong) where the address space is limited."""
    size = mebibytes << 20
    with scenario.folder_for(case, root, "limited") as folder:
        before = scenario.contents(folder)
        done = subprocess.run(
            case.argv, cwd=folder, env=scenario.ENVIRONMENT, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=case.seconds, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)))
        if done.returncode == 127:  # not even the libraries could be loaded
            return 127, None
        wrong = judge(case, done, before, scenario.contents(folder), want)
        return done.returncode, wrong and f"{mebibytes} MiB: {wrong}"


def ladder(case, root):
    """[what is wrong] where memory is short for good, at every 4 MiB up to where it suffices."""
    want = reference(case, root)
    tried = [limited(case, root, want, mebibytes) for mebibytes in range(16, 161, 4)]
    statuses = {status for status, _ in tried}
    wrong = [text for _, text in tried if text]
    return wrong if {0, 1} <= statuses else wrong + [f"only the exit statuses {statuses}"]


def report(number, name, wrong):
    print(f"{'not ok' if wrong else 'ok'} {number} - {name}", flush=True)
    for line in "\n".join(wrong).splitlines():
        print(f"# {line}")
    return bool(wrong)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=4 if scenario.SANITIZED else 24)
    parser.add_argument("--from", dest="fail_from", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--at", type=int, nargs="+")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    cases = [c for c in scenario.cases() if options.only in c.name]
    ladders = [c for c in cases if c.draws and not scenario.SANITIZED and not options.at]
    print(f"1..{len(cases) + len(ladders)}", flush=True)
    failures = 0
    with tempfile.TemporaryDirectory(dir=scenario.fast_place()) as name, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        root = pathlib.Path(name)
        scenario.make_inputs(root / "in")
        for number, case in enumerate(cases, 1):
            wrong, tried, requests = sweep(case, root, pool, options)
            failures += report(number, f"{case.name}: {tried} of {requests} allocations fail, one a run",
                               wrong)
        for number, case in enumerate(ladders, len(cases) + 1):
            failures += report(number, f"{case.name}: little address space", ladder(case, root))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
