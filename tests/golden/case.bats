#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# docs/case-91-percent.md beyond what docs.bats checks of every page: every figure of its text stands in a
# quoted output or command; every picture is there and a command of the document writes one for each.

@test "docs/case-91-percent.md: its figures and pictures" {
    cd "$BATS_TEST_TMPDIR"
    ln -s "$WATTLE_SOURCE/data" data
    PATH=$(dirname "$WATTLE"):$PATH python3 - "$WATTLE_SOURCE/docs" <<'END'
import glob, os, re, subprocess, sys
docs = sys.argv[1]
text = open(docs + "/case-91-percent.md", encoding="utf-8").read()
NUMBER = r"-?\d+(?:\.\d+)?"

blocks = re.findall(r"^```console\n(.*?)^```$", text, re.S | re.M)
assert len(blocks) >= 10, len(blocks)
n_pictures = 0
for block in blocks:
    command = block.rstrip("\n").split("\n")[0]
    assert command.startswith("$ wattle "), command
    before = set(glob.glob("*/figures/*.png"))
    done = subprocess.run(command[2:], shell=True, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stderr)
    if " report " in command:
        n_pictures += len(set(glob.glob("*/figures/*.png")) - before)

pictures = re.findall(r"^!\[.*?\]\((.*?)\)$", text, re.M)
assert len(pictures) == n_pictures >= 3, (pictures, n_pictures)
for p in pictures:
    head = open(os.path.join(docs, p), "rb").read(8)
    assert head == b"\x89PNG\r\n\x1a\n", p

known = [abs(float(x)) for b in blocks for x in re.findall(NUMBER, b)]
prose = re.sub(r"^```console\n.*?^```$", "", text, flags=re.S | re.M)
prose = re.sub(r"^#+ \d\. |^\d\. |\(images/.*?\)|July 2025|section \d|A100|V100", "", prose, flags=re.M)
figures = re.findall(r"\d+(?:\.\d+)?", prose)
for x in figures:
    digits = len(x.partition(".")[2])
    assert any(abs(k - float(x)) <= 0.5000001 * 10.0 ** -digits for k in known), f"{x} is in no output"
assert len(figures) >= 50, len(figures)
END
}
