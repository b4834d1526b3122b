#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command with output that fails, campaigns that cannot be used, and kills (TAP).

A failure has exit status 1 or 4 (permission), one error that names the file, and leaves all files as
they were. What needs root (a small file system) is skipped otherwise.
"""
import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

import scenario

CASES = {c.name: c for c in scenario.cases()}
WRITERS = [c for c in CASES.values() if " -o " in c.arguments or "--pdf" in c.arguments]
PRINTERS = [c for c in CASES.values() if c.name not in ("export measurements", "export plans")]
SMALL = ("import again", "export measurements", "export plans")  # nothing that could not fit
KILLED = ["import a tree", "import more", "fit", "predict and keep", "delete", "optimize", "report", "deploy",
          "analyse"]
# A kill is nothing that a sanitizer sees: there a few are enough.
MOMENTS = 2 if scenario.SANITIZED else 8


def execute(case, folder, **how):
    how.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(case.argv, cwd=folder, env=scenario.ENVIRONMENT, stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=case.seconds, check=False, **how)


def error_of(done):
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines()
             if line.startswith("wattle: ")]
    return lines[0] if len(lines) == 1 else f"messages {lines}, exit status {done.returncode}"


def reference(case, root):
    with scenario.folder_for(case, root, "reference") as folder:
        execute(case, folder)
        return scenario.contents(folder)


@contextlib.contextmanager
def small_disk(root, kibibytes, options=""):
    place = root / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k{options}", "none", place],
                   check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
        place.rmdir()


def can_mount(root):
    try:
        with small_disk(root, 64):
            return True
    except (OSError, subprocess.CalledProcessError):
        (root / "disk").rmdir()
        return False


def full_disk(case, root, want):
    """At every size below what is needed: an error, and nothing changed."""
    need = sum(len(data or b"") for data in want.values()) // 1024 + 1
    failed = 0
    for share in (0.0, 0.3, 0.6, 0.9):
        copies = sum((root / "in" / name).stat().st_size for name in case.copies) // 1024
        with small_disk(root, copies + int(share * max(0, need - copies)) + 12) as disk:
            folder = disk / "work"
            folder.mkdir()
            for name in case.copies:
                shutil.copy(root / "in" / name, folder / name)
            (disk / "in").symlink_to(root / "in")
            before = scenario.contents(folder)
            done = execute(case, folder)
            if done.returncode == case.status:
                continue
            failed += 1
            message = error_of(done)
            hurt = scenario.harm(case, before, scenario.contents(folder), want)
            if done.returncode != 1 or not message.startswith("wattle: ") or '"' not in message:
                return f"{share}: exit status {done.returncode}, {message}"
            if hurt:
                return f"{share}: {hurt} ({message})"
    return None if failed else "no size was too small"


def full_for_a_campaign(case, root, _):
    """No room for the journal: an error, the campaign as it was, and the same again when there is room."""
    (name,) = case.copies
    with small_disk(root, 2048) as disk:
        folder = disk / "work"
        folder.mkdir()
        shutil.copy(root / "in" / name, folder / name)
        (disk / "in").symlink_to(root / "in")
        with contextlib.suppress(OSError), open(disk / "filler", "wb", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass
        before = scenario.contents(folder)
        done = execute(case, folder)
        message, after = error_of(done), scenario.contents(folder)
        (disk / "filler").unlink()
        again = execute(case, folder)
    if done.returncode != 1 or not message.startswith("wattle: ") or name not in message:
        return f"exit status {done.returncode}, {message}"
    if before != after:
        return f"changed {[n for n in after if after[n] != before.get(n)]}"
    return None if again.returncode == case.status else f"with room: {error_of(again)}"


def read_only(case, root, want):
    with small_disk(root, 8192) as disk:
        folder = disk / "work"
        folder.mkdir()
        for name in case.copies:
            shutil.copy(root / "in" / name, folder / name)
        (disk / "in").symlink_to(root / "in")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        done = execute(case, folder)
    message = error_of(done)
    if done.returncode not in (1, 4) or "read-only" not in message.lower():
        return f"exit status {done.returncode}, {message}"
    return None


def full_output(case, root, _):
    with scenario.folder_for(case, root, "work") as folder, open("/dev/full", "wb") as full:
        done = execute(case, folder, stdout=full)
        message = error_of(done)
    if done.returncode != 1 or "standard output" not in message:
        return f"exit status {done.returncode}, {message}"
    return None


def closed_output(case, root, _):
    """A file that the command opens must not become its standard output."""
    with scenario.folder_for(case, root, "work") as folder:
        line = " ".join(case.argv) + " >&-"
        done = subprocess.run(["sh", "-c", line], cwd=folder, env=scenario.ENVIRONMENT, check=False,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=case.seconds)
        after = scenario.contents(folder)
    message = error_of(done)
    if done.returncode != 1 or "standard output" not in message:
        return f"exit status {done.returncode}, {message}"
    want = reference(case, root)
    wrong = [n for n in after if after[n] != want.get(n)]
    return f"files {wrong} took what was printed" if wrong else None


def broken_pipe(case, root, _):
    with scenario.folder_for(case, root, "work") as folder:
        line = " ".join(case.argv) + " | head -n 1"
        done = subprocess.run(["bash", "-c", line], cwd=folder, env=scenario.ENVIRONMENT, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=case.seconds)
    return None if b"Sanitizer" not in done.stderr and done.returncode == 0 else error_of(done)


def killed(case, root, want):
    """Killed at moments of its time: every file is as it was, or whole; and the command can be run again."""
    with scenario.folder_for(case, root, "timing") as folder:
        start = time.monotonic()
        execute(case, folder)
        takes = time.monotonic() - start
    for k in range(MOMENTS):
        with scenario.folder_for(case, root, "work") as folder:
            before = scenario.contents(folder)
            child = subprocess.Popen(case.argv, cwd=folder, env=scenario.ENVIRONMENT,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(takes * (k + 0.5) / MOMENTS)
            child.kill()
            child.wait()
            for name, data in scenario.contents(folder).items():
                left = name.endswith(".part") or ".wattle" in name
                if data is not None and not left and data not in (before.get(name), want.get(name)):
                    return f"moment {k}: {name} is neither old nor new"
            done = execute(case, folder)
            after = {n: d for n, d in scenario.contents(folder).items() if not n.endswith(".part")}
            if done.returncode != case.status and not (case.once and after == want):
                return f"moment {k}: not to be run again: {error_of(done)}"
            lost = [n for n in want if n not in after]
            if lost:
                return f"moment {k}: run again, it lacks {lost}"
    return None


def refuses(root, name, arguments, words):
    """None, or what is wrong with the refusal; the file must stay as it is."""
    before = (root / name).read_bytes() if (root / name).is_file() else None
    done = scenario.run(arguments, root)
    message = error_of(done)
    after = (root / name).read_bytes() if (root / name).is_file() else None
    if done.returncode not in (1, 4) or words not in message:
        return f"{arguments}: exit status {done.returncode}, {message}"
    return None if before == after else f"{arguments}: {name} was changed"


def bad_campaigns(root):
    """[(what, wrong)]"""
    good = (root / "in/one.wattle").read_bytes()
    (root / "noise.wattle").write_bytes(bytes(range(256)) * 40)
    (root / "short.wattle").write_bytes(good[:len(good) // 2])
    (root / "newer.wattle").write_bytes(good)
    (root / "held.wattle").write_bytes(good)
    (root / "folder.wattle").mkdir()
    with contextlib.closing(sqlite3.connect(root / "newer.wattle")) as db:
        db.execute("PRAGMA user_version=99")
    with contextlib.closing(sqlite3.connect(root / "other.wattle")) as db:
        db.execute("CREATE TABLE t(x)")
        db.commit()
    found = []
    for command in ("show {}", "optimize {} --replicates 100", "export {}", "fit {} -o m.json",
                    "report {} -o r", "validate in/plan.json {}", "import in/one.csv -o {}"):
        for name, words in (("noise", "not a database"), ("short", "malformed"), ("newer", "version 99"),
                            ("other", "not a campaign"), ("folder", "directory")):
            path = f"{name}.wattle"
            found.append((command.format(path), refuses(root, path, command.format(path), words)))
    # In a process of its own: to close the file here would drop the lock.
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sqlite3, sys\n"
         "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
         "db.execute('BEGIN EXCLUSIVE')\nprint(flush=True)\ninput()", root / "held.wattle"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    for command in ("show {}", "import in/one.csv -o {}"):
        line = command.format("held.wattle")
        found.append((line + ", locked", refuses(root, "held.wattle", line, "locked")))
    holder.communicate(b"\n")
    return found


def main():
    with tempfile.TemporaryDirectory(dir=scenario.fast_place()) as name:
        root = pathlib.Path(name)
        scenario.make_inputs(root / "in")
        root_user = os.geteuid() == 0 and can_mount(root)
        lines = []
        for test, cases, needs_root in (
                (full_disk, [c for c in WRITERS if c.name not in SMALL][::2], True),
                (full_for_a_campaign, [CASES["delete"], CASES["predict and keep"]], True),
                (read_only, WRITERS[::4] + WRITERS[-3:] + [CASES["delete"]], True),
                (full_output, PRINTERS[::2] + PRINTERS[25:], False), (closed_output, PRINTERS[16:], False),
                (broken_pipe, PRINTERS[24:], False),
                (killed, [CASES[n] for n in KILLED], False)):
            if needs_root and not root_user:
                lines.append((True, f"{test.__name__} # SKIP mounting a file system needs root"))
                continue
            for case in cases:
                wants = test in (full_disk, killed)
                wrong = test(case, root, reference(case, root) if wants else None)
                lines.append((not wrong, f"{test.__name__}: {case.name}" + (f": {wrong}" if wrong else "")))
        lines += [(not wrong, what + (f": {wrong}" if wrong else ""))
                  for what, wrong in bad_campaigns(root)]
    print(f"1..{len(lines)}")
    for number, (good, text) in enumerate(lines, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {text}")
    return 0 if all(good for good, _ in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
