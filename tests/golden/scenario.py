# SPDX-License-Identifier: Apache-2.0
"""Every command on small inputs, for the tests that make memory, disk or pipe fail under it.

A Scenario is a folder of inputs. Each Case is run in a folder of its own beside it (`../in/` are the
inputs, never to be changed), with copies of the files that the command is to change.
"""
import contextlib
import dataclasses
import gzip
import lzma
import os
import pathlib
import shutil
import subprocess

WATTLE = os.environ["WATTLE"]
SOURCE = pathlib.Path(os.environ["WATTLE_SOURCE"])
BUILD = pathlib.Path(os.environ["WATTLE_BUILD"])
# The library of AddressSanitizer that it is linked to, or "".
SANITIZED = next((line.split()[2] for line in subprocess.run(
    ["ldd", WATTLE], capture_output=True, check=True, text=True).stdout.splitlines()
    if "libasan" in line), "")
ENVIRONMENT = dict(os.environ, SOURCE_DATE_EPOCH="1752024000", LC_ALL="C.UTF-8", TZ="UTC")


def fast_place():
    """A folder in memory with room for a scenario, or None: these tests sync files thousands of times."""
    place = pathlib.Path("/dev/shm")
    with contextlib.suppress(OSError):
        room = os.statvfs(place)
        if room.f_bavail * room.f_frsize >= 256 << 20 and os.access(place, os.W_OK):
            return place
    return None


@dataclasses.dataclass
class Case:
    name: str
    arguments: str        # of wattle, split at blanks
    copies: tuple = ()    # names in ../in/ that are copied into the folder
    status: int = 0       # of an undisturbed run
    seconds: float = 20   # more is a hang
    first: tuple = ()     # outputs that are complete before the others are begun
    draws: bool = False   # figures, by cairo
    threads: bool = False # drivers are opened in some
    once: bool = False    # refused a second time: there is nothing left to do

    @property
    def argv(self):
        return [WATTLE] + self.arguments.split()


PLANS = "--replicates 100 --max-slowdown 5%"
NAMES = "--gpu A100 --workload llama"
FORMATS = {
    "dcgmi/style_b": "", "dcgmi/style_a_names": "", "dcgmi/repeated": "", "nvidia_smi/units": "",
    "nvidia_smi/seventeen": "", "nvidia_smi/no_header": "", "table/published": "", "table/long": "",
    "table/own": "", "perf_times/sample": "", "perf_stat/sample": "", "power_meter/sample": "",
    "zeus/sample": "", "timing/sample": "", "experiment/sample": "",
    "mapped.csv": " --mapping ../in/mapping.yaml", "named": " --naming ../in/naming.yaml",
}


def cases():
    """Every command, its outputs in files, on standard output and as JSON."""
    found = [Case(f"import {f}", f"import ../in/{f} -o c.wattle {NAMES}{options}")
             for f, options in FORMATS.items()]
    found += [Case(f"import a compressed trace, {c}", f"import ../in/packed.{c} -o c.wattle {NAMES}")
              for c in ("gz", "zst", "xz")]
    found += [
        Case("import a tree", "import ../in/tree -o c.wattle"),
        Case("import samples", f"import ../in/packed.gz -o c.wattle --keep-samples {NAMES}"),
        Case("import more", "import ../in/tree -o one.wattle --json", ("one.wattle",)),
        Case("import again", "import ../in/one.csv -o one.wattle", ("one.wattle",)),
        Case("import with threads", "import ../in/tree -o c.wattle -j 3"),
        Case("show", "show ../in/one.wattle"),
        Case("show all", "show ../in/one.wattle --json --runs --sources"),
        Case("export", "export ../in/one.wattle"),
        Case("export measurements", "export ../in/one.wattle --csv measurements -o m.csv --json"),
        Case("export plans", "export ../in/plan.json --csv plans -o p.csv"),
        Case("fit", "fit two.wattle -o model.json --save m", ("two.wattle",)),
        Case("fit as JSON", "fit ../in/two.wattle -o model.json --json"),
        Case("predict", "predict ../in/model.json --probe ../in/probe.csv -o plan.json"),
        Case("predict from a campaign",
             "predict ../in/model.json --probe ../in/one.wattle --at 1380,1020 --json"),
        Case("predict and keep", "predict ../in/model.json --probe kept.wattle --save p --json",
             ("kept.wattle",)),
        Case("delete", "delete kept.wattle plan/free --json", ("kept.wattle",), once=True),
        Case("predict by FGCS", "predict --model fgcs-v100 --fp 0.3 --dram 0.2 --time 10s"),
        Case("optimize", f"optimize ../in/one.wattle {PLANS} -o plan.json"),
        Case("optimize as JSON", f"optimize ../in/one.wattle {PLANS} --policy categories --json"),
        Case("optimize with sensitivity", "optimize ../in/one.wattle --replicates 100 --sensitivity"),
        Case("validate", "validate ../in/plan.json ../in/fresh.wattle -o confirmed.json", status=7),
        Case("validate within", "validate ../in/plan.json --within ../in/one.wattle --json"),
        Case("compare", "compare ../in/free.json ../in/plan.json --html c.html --pdf c.pdf",
             draws=True),
        Case("compare as JSON", "compare ../in/free.json ../in/plan.json --json --price 0.3"),
        Case("report", "report ../in/one.wattle -o report -p ../in/plan.json --figures none",
             draws=True),
        Case("report figures",
             "report ../in/traced.wattle -o report --replicates 100 --only power --figures svg,png,pdf",
             draws=True),
        Case("deploy", "deploy ../in/plan.json -o deploy --json"),
        Case("deploy without wattle", "deploy ../in/plan.json -o deploy --without-wattle"),
        Case("analyse", "analyse ../in/one.csv -o all --replicates 100",
             first=("all", "all/campaign.wattle"), draws=True),
        Case("devices", "devices --root ../in/machine", threads=True),
        Case("devices as JSON", "devices --root ../in/machine --json -i rapl:0", threads=True),
        Case("devices, a meter", "devices --root ../in/machine -i meter:file:../in/watts,unit=uW --json", threads=True),
        Case("doctor", "doctor --root ../in/machine", threads=True),
        Case("doctor, gathering", "doctor --root ../in/machine --gather m.tar.gz", threads=True),
        Case("top", "top --once --no-wait -n 2 -d 1s --size 80x24 --ascii -i virtual:plain,load=plain",
             threads=True),
        Case("top as JSON", "top --json --no-wait -n 2 -d 1s -i replay:../in/packed.gz", threads=True),
        Case("a built-in model as a file", "load onnx builtin:mlp --write m.onnx --json"),
        Case("help", "help"),
        Case("help of a command", "help optimize"),
        Case("man page", "help optimize --man"),
        Case("completion", "help --completion zsh"),
        Case("version", "--version"),
    ]
    return found


def run(arguments, folder, stdout=subprocess.DEVNULL):
    """Undisturbed."""
    return subprocess.run([WATTLE] + arguments.split(), cwd=folder, env=ENVIRONMENT, stdout=stdout,
                          stderr=subprocess.PIPE, check=False)


def dcgm_trace(clock, power, rows):
    text = ["#Entity   NVIDX  DVNAM                   POWER     TOTEC        SACLK",
            "ID                                       W         mJ"]
    text += [f"GPU 0     0      NVIDIA A100-PCIE-40GB   {power:.3f}   {power * 50 * i:.0f}   {clock}"
             for i in range(1, rows + 1)]
    return "\n".join(text) + "\n"


def make_tree(tree):
    folder = tree / "results_a100_llama_job_77"
    folder.mkdir(parents=True)
    log = ["# Run Timing Summary", "# Format: run_id,frequency_mhz,duration_seconds,exit_code,status"]
    for seq, (clock, rep) in enumerate(((1410, 1), (1410, 2), (1200, 1), (1200, 2)), 1):
        trace = dcgm_trace(clock, clock / 10 + rep, 60)
        (folder / f"run_{seq}_0{rep}_freq_{clock}_profile.csv").write_text(trace)
        log.append(f"{seq}_0{rep},{clock},{11 + seq},0,success")
    (folder / "timing_summary.log").write_text("\n".join(log) + "\n")


def make_inputs(into):
    """Files for all cases; about a second."""
    into.mkdir()
    corpus = SOURCE / "tests" / "fuzz" / "corpus"
    for name in FORMATS:
        if (corpus / name).is_file():
            (into / name).parent.mkdir(exist_ok=True)
            shutil.copy(corpus / name, into / name)
    mapping, _, rows = (corpus / "mapped/sample").read_bytes().partition(b"%%\n")
    (into / "mapping.yaml").write_bytes(mapping)
    (into / "mapped.csv").write_bytes(rows)
    (into / "naming.yaml").write_text('naming:\n  - pattern: "{gpu}/{workload}/c{clock}_r{rep}.txt"\n')
    trace = dcgm_trace(1410, 140, 60)
    (into / "named/A100/bert").mkdir(parents=True)
    (into / "named/A100/bert/c1410_r2.txt").write_text(trace)
    (into / "packed.gz").write_bytes(gzip.compress(trace.encode()))
    (into / "packed.xz").write_bytes(lzma.compress(trace.encode()))
    subprocess.run(["zstd", "-q", "-o", into / "packed.zst"], input=trace.encode(), check=True)
    make_tree(into / "tree")
    shutil.copytree(SOURCE / "tests/machines/xeon-2s-user", into / "machine")
    (into / "watts").write_text("231500000\n")
    os.utime(into / "watts", (1752024000, 1752024000))
    for name, arguments in (("one", "1 1"), ("two", "2 2"), ("probe", "1 1 1 0 1380 1035 690"),
                            ("fresh", "1 1 0 0 1380 1140 1380 1140")):
        with open(into / f"{name}.csv", "wb") as out:
            subprocess.run([BUILD / "tests/make-runs"] + arguments.split(), stdout=out, check=True)
    for line in ("import one.csv -o one.wattle", "import two.csv -o two.wattle",
                 "import fresh.csv -o fresh.wattle", "import tree -o traced.wattle",
                 f"optimize one.wattle {PLANS} -o plan.json",
                 "optimize one.wattle --replicates 100 -o free.json",
                 "fit two.wattle -o model.json", "import one.csv -o kept.wattle",
                 "optimize kept.wattle --replicates 100 --save free"):
        done = run(line, into)
        assert done.returncode == 0, (line, done.stderr)


@contextlib.contextmanager
def folder_for(case, root, name):
    """The folder in which the case runs, gone afterwards."""
    folder = root / name
    folder.mkdir()
    for copy in case.copies:
        shutil.copy(root / "in" / copy, folder / copy)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def contents(folder):
    """{relative path: bytes, None for a folder}: all that is below."""
    found = {}
    for path in sorted(folder.rglob("*")):
        found[str(path.relative_to(folder))] = path.read_bytes() if path.is_file() else None
    return found


def harm(case, before, after, want):
    """None, or what a command that failed has done to its files: they are as they were, or all of
    them as an undisturbed run leaves them (`want`)."""
    changed = {n for n in before.keys() | after.keys() if before.get(n, b"-") != after.get(n, b"-")}
    wanted = {n for n in before.keys() | want.keys() if before.get(n, b"-") != want.get(n, b"-")}
    wrong = {n for n in changed if n not in wanted or after.get(n, b"-") != want.get(n, b"-")}
    if wrong:
        return f"leaves {sorted(wrong)}"
    if changed and changed != wanted and not changed <= set(case.first):
        return f"leaves only {sorted(changed)}"
    return None
