#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`wattle sweep` on a virtual board, killed (SIGKILL) at random SWEEP_KILLS times (200), then left to end.

After each kill the campaign opens and is consistent: every visit that is done has its run, and no run is there
without its visit. In the end visits and runs are those of a sweep that nobody disturbed, figure by figure; only start
times differ.
"""
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import time

wattle = os.environ["WATTLE"]
kills = int(os.environ.get("SWEEP_KILLS", "200"))
work = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
os.environ["WATTLE_STATE_DIR"] = work.name + "/state"
os.environ["WATTLE_RUN_DIR"] = work.name + "/run"
os.chdir(work.name)
# Long enough that every start is cut short: some hundred visits of a few milliseconds each.
SPEC = f"""name: s
devices: "virtual:a100,seed=5"
workloads: [{{name: vgg19, virtual: vgg19}}, {{name: llm, virtual: llm}}]
points: {{clocks: all}}
protocol: {{blocks_min: {2 + kills // 20}, blocks_max: {2 + kills // 20}}}
"""
with open("s.yaml", "w", encoding="utf-8") as f:
    f.write(SPEC)


def start(path):
    return subprocess.Popen([wattle, "sweep", "s.yaml", "-q", "-o", path], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def tables(path):
    """Visits and runs without the time of day; of samples the number of chunks a run: they hold the time of
    day, and what they say else is in the metrics of the run that come of them."""
    db = sqlite3.connect(path)
    names = [row[1] for row in db.execute("pragma table_info(run)") if row[1] != "start_ns"]
    return (db.execute("select * from visit order by block, position, attempt").fetchall(),
            db.execute(f"select {', '.join(names)} from run order by id").fetchall(),
            db.execute("select run_id, count(*) from sample group by run_id order by run_id").fetchall())


def check(path):
    """What is stored belongs together. The next opening rolls a cut transaction back."""
    db = sqlite3.connect(path)
    assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
    if not db.execute("select 1 from sqlite_master where name='visit'").fetchall():
        return 0
    (orphans,) = db.execute("select count(*) from run where id not in (select run_id from visit)").fetchone()
    (lacking,) = db.execute("select count(*) from visit where outcome='done' and run_id not in (select id from run)"
                            ).fetchone()
    assert orphans == 0 and lacking == 0, (orphans, lacking)
    return db.execute("select count(*) from visit").fetchone()[0]


began = time.monotonic()
whole = start("whole.wattle")
assert whole.wait() == 0, whole.stderr.read()
seconds = time.monotonic() - began
total = check("whole.wattle")
began = time.monotonic()
assert start("whole.wattle").wait() == 0
idle = time.monotonic() - began  # of a start that finds nothing left to do

def compare():
    """The killed sweep is over: it holds what the undisturbed one does."""
    # A kill may leave the rollback journal of a transaction; whoever opens the file next rolls it back.
    last = start("killed.wattle")
    assert last.wait() == 0, last.stderr.read()
    for what, x, y in zip(("visits", "runs", "samples"), tables("whole.wattle"), tables("killed.wattle")):
        assert x == y, f"{what} differ: {len(x)} and {len(y)}"


rng = random.Random(int(os.environ.get("SWEEP_SEED", "1")))
killed, sweeps, stored = 0, 0, []
while killed < kills and sweeps < 20:
    process = start("killed.wattle")
    time.sleep(rng.uniform(0, idle + 2 * seconds / kills))
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    if process.wait() == -signal.SIGKILL:
        killed += 1
    else:
        assert process.returncode == 0, process.stderr.read()
    process.stderr.close()
    if os.path.exists("killed.wattle") and os.path.getsize("killed.wattle"):
        stored.append(check("killed.wattle"))
    if process.returncode == 0:  # sooner than thought: another one
        compare()
        os.unlink("killed.wattle")
        sweeps += 1
compare()
different = len(set(stored))
print(f"# killed {killed} times at {different} different places in {sweeps + 1} sweeps; {total} visits, all the same")
assert killed == kills, f"only {killed} kills in {sweeps} sweeps"
# Nothing is left lent.
restored = subprocess.run([wattle, "restore"], capture_output=True, text=True, check=False)
assert restored.returncode == 0, restored.stderr
