#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `wattle report`: what it writes, that it is well-formed and reproducible, and how it fails.

setup_file() {
    export SOURCE_DATE_EPOCH=1795258980
    cd "$BATS_FILE_TMPDIR"
    "$WATTLE" import "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o runs.wattle
    "$WATTLE" import "$WATTLE_SOURCE/data/frequency/raw" -o traces.wattle --keep-going
    "$WATTLE" report runs.wattle -o one --gpu V100 --workload stablediffusion --figures svg,png,pdf
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

@test "it lists what it wrote, and all of it is there" {
    "$WATTLE" report runs.wattle -o listed --gpu V100 --workload stablediffusion --json >list.json
    python3 - <<'EOF'
import json, os
files = json.load(open("list.json"))["files"]
names = {os.path.relpath(f["path"], "listed") for f in files}
assert {"report.html", "report.pdf", "summary.md"} <= names, names
on_disk = {os.path.relpath(os.path.join(d, f), "listed") for d, _, fs in os.walk("listed") for f in fs}
assert names == on_disk, names ^ on_disk
for f in files:
    assert os.path.getsize(f["path"]) == f["bytes"] > 0, f
for stem in ("clock", "tradeoff", "drift", "validation"):
    for ending in ("svg", "png"):
        assert f"figures/{stem}-v100-stablediffusion.{ending}" in names, (stem, ending)
EOF
}

@test "every SVG is XML with a title, a size and no reference to elsewhere" {
    python3 - <<'EOF'
import glob, re
import xml.etree.ElementTree as tree
found = glob.glob("one/figures/*.svg")
assert len(found) >= 4
for path in found:
    text = open(path, encoding="utf-8").read()
    root = tree.fromstring(text)
    assert root.tag.endswith("svg") and root[0].tag.endswith("title") and root[0].text
    width, height = float(root.get("width")[:-2]), float(root.get("height")[:-2])
    assert 300 < width < 1000 and 100 < height < 1500
    for link in re.findall(r'href="([^"]*)"', text):
        assert link.startswith("#")
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    for link in set(re.findall(r'href="#([^"]*)"', text)):
        assert link in ids, link
    # Nothing is drawn outside the picture.
    drawn = re.sub("<defs>.*?</defs>", "", text, flags=re.S)
    words = re.findall(r'<use [^>]* x="([-0-9.]+)" y="([-0-9.]+)"', drawn)
    assert len(words) > 10
    for x, y in words:
        assert 0 <= float(x) <= width and 0 <= float(y) <= height, (path, x, y)
EOF
}

@test "the number of marks is the number of accepted runs" {
    python3 - <<'EOF'
import re
text = open("one/figures/tradeoff-v100-stablediffusion.svg", encoding="utf-8").read()
dots = len(re.findall(r'h0(?=[m"])', text))  # lines without length and with round ends
page = open("one/report.html", encoding="utf-8").read()
rejected = re.search(r'(\d+) of (\d+) runs do not count', page)
accepted = int(rejected[2]) - int(rejected[1])
assert int(rejected[2]) == 177
assert dots == accepted + 1, (dots, accepted)  # and one in the legend
EOF
}

@test "the page loads nothing, and its markup is balanced" {
    python3 - <<'EOF'
import re
from html.parser import HTMLParser
text = open("one/report.html", encoding="utf-8").read()
assert "<script" not in text and "<link" not in text and "src=" not in text
assert set(re.findall(r'https?://[^"<> )]*', text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
class Check(HTMLParser):
    VOID = {"meta", "br", "hr", "img", "path", "use", "rect"}
    def __init__(self):
        super().__init__()
        self.open = []
    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
    def handle_startendtag(self, tag, attrs):
        pass
    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open and self.open.pop() == tag, (tag, self.getpos())
check = Check()
check.feed(text)
assert not check.open, check.open
EOF
}

@test "the PDF has its text, a table of contents and page numbers" {
    command -v pdftotext >/dev/null || skip "pdftotext is not installed"
    run pdftotext -layout one/report.pdf -
    [ "$status" -eq 0 ]
    [[ $output == *"Operating points of runs.wattle"* ]]
    [[ $output == *"What is not known"* ]]
    pages=$(pdfinfo one/report.pdf | sed -n 's/^Pages: *//p')
    [[ $output == *"page $pages of $pages"* ]]
    # What the contents promise is what the pages hold.
    at=$(pdftotext -layout one/report.pdf - | sed -n 's/^ *Rejected runs *\([0-9][0-9]*\)$/\1/p' | head -1)
    pdftotext -f "$at" -l "$at" -layout one/report.pdf - | grep -q '^ *Rejected runs'
}

@test "the same input gives the same bytes" {
    "$WATTLE" report runs.wattle -o two --gpu V100 --workload stablediffusion --figures svg,png,pdf
    diff -r one two
}

@test "samples of real traces become time series, histograms and temperatures" {
    "$WATTLE" report traces.wattle -o traces --figures svg >traces.list
    ls traces/figures/series-*.svg
    ls traces/figures/power-histogram-*.svg
    grep -q 'Samples against time' traces/report.html
    grep -q 'no samples with power and temperature\|Power against temperature' traces/report.html
}

@test "without a plan it makes one under a slowdown of 5 %, and shows the one without limits" {
    run grep '^| V100 | stablediffusion | ok |' one/summary.md
    [ "$status" -eq 0 ]
    clock=$(cut -d'|' -f5 <<<"$output" | tr -d ' ')
    [ "$clock" -ge 1095 ] && [ "$clock" -le 1155 ]
    grep -q $'slowdown at most 5\u00a0%' one/report.html
    [ -s one/figures/compare.svg ]
    [ -s one/figures/savings.svg ]
}

@test "a given plan is what the report shows, and a plan of other data is named as such" {
    "$WATTLE" optimize runs.wattle --objective energy --gpu V100 --workload stablediffusion -o plan.json >/dev/null
    "$WATTLE" report runs.wattle -o planned --plans plan.json --gpu V100 --workload stablediffusion --figures none
    clock=$(python3 -c 'import json; print(json.load(open("plan.json"))["plans"][0]["clock_mhz"])')
    grep -q "^| V100 | stablediffusion | ok | $clock |" planned/summary.md
    grep -q 'objective energy' planned/report.html
    [ ! -e planned/figures ]
    sed 's/"fingerprint": "..../"fingerprint": "0000/' plan.json >other.json
    run "$WATTLE" report runs.wattle -o planned --plans other.json --gpu V100 --workload stablediffusion --figures none
    [ "$status" -eq 0 ]
    [[ $output == *"made from other data"* ]]
    run "$WATTLE" report runs.wattle -o planned --plans plan.json --max-slowdown 5%
    [ "$status" -eq 2 ]
}

@test "a year of savings has money and carbon" {
    "$WATTLE" report runs.wattle -o year --figures none --gpu V100 --workload stablediffusion \
        --runs-per-year 1e6 --price 0.25 --carbon 380 --json >year.json
    python3 - <<'EOF'
import re
rows = re.findall(r'<tr>(.*?)</tr>', open("year/report.html", encoding="utf-8").read())
row = [r for r in rows if '>1000000<' in r]
assert len(row) == 1, row
kwh, money, kg = [float(re.match(r'[\d.]+', c)[0]) for c in re.findall(r'<td class="n">([^<]*)', row[0])[1:]]
assert 0.01 < kwh / 1e6 * 1000 < 1000
assert abs(money / (kwh * 0.25) - 1) < 0.01 and abs(kg / (kwh * 0.38) - 1) < 0.01
EOF
}

@test "--only writes single figures and no documents; an unknown name lists the figures" {
    "$WATTLE" report runs.wattle -o only --only tradeoff --figures pdf --workload stablediffusion
    [ "$(cd only && find . -type f | sort | tr '\n' ' ')" = "./figures/tradeoff-a100-stablediffusion.pdf ./figures/tradeoff-v100-stablediffusion.pdf " ]
    run "$WATTLE" report runs.wattle -o only --only nonsense --workload stablediffusion
    [ "$status" -eq 1 ]
    [[ $output == *'no figure has "nonsense" in its name'* ]]
    [[ $output == *"tradeoff-a100-stablediffusion"* ]]
}

@test "wrong usage is refused before anything is written" {
    run "$WATTLE" report runs.wattle
    [ "$status" -eq 2 ]
    run "$WATTLE" report runs.wattle -o bad --figures gif
    [ "$status" -eq 2 ]
    [[ $output == *'"gif" is no format'* ]]
    run "$WATTLE" report runs.wattle -o bad --metric power
    [ "$status" -eq 2 ]
    [[ $output == *'did you mean power_w?'* ]]
    run "$WATTLE" report runs.wattle -o bad --max-slowdown fast
    [ "$status" -eq 2 ]
    run "$WATTLE" report missing.wattle -o bad
    [ "$status" -eq 1 ]
    run "$WATTLE" report runs.wattle -o bad --gpu H100
    [ "$status" -eq 1 ]
    [[ $output == *"no runs"* ]]
    [ ! -e bad ]
}

@test "a folder that cannot be made, a disk that is full: named, and no half file" {
    : >file
    run "$WATTLE" report runs.wattle -o file/sub --workload stablediffusion
    [ "$status" -ne 0 ]
    [[ $output == *'create directory "file": Not a directory'* ]]
    # A limit on the size of files stands in for a full disk.
    run bash -c 'trap "" XFSZ; ulimit -f 100; exec "$WATTLE" report runs.wattle -o full --gpu V100 --workload stablediffusion'
    [ "$status" -eq 1 ]
    [[ $output == *"write"*"full/report.html"* ]]
    [ ! -e full ]
}
