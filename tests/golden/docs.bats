#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# README.md and docs/*.md are run as written. Every ```console block, page by page and in order: its
# commands succeed, and every line of output that it quotes comes out, in that order, with the same words
# and figures (a last decimal may differ by one). Every indented line that is a command of ours, too, is no
# wrong usage. Every page that a page or a source file names exists.

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WATTLE_STATE_DIR=$BATS_TEST_TMPDIR/state WATTLE_RUN_DIR=$BATS_TEST_TMPDIR/run
}

@test "every console block of README.md and docs: its commands and their output" {
    PATH=$(dirname "$WATTLE"):$PATH python3 - "$WATTLE_SOURCE" <<'END'
import glob, os, re, subprocess, sys
source = sys.argv[1]
NUMBER = r"-?\d+(?:\.\d+)?"

def split(line):
    """Words and numbers of a line. Rules of a table are as wide as its columns: one mark."""
    line = re.sub("─+", "─", " ".join(line.split()))
    return re.sub(NUMBER, "#", line), re.findall(NUMBER, line)

def near(quoted, real):
    """Equal, but for one in the last decimal; whole numbers within 0.5 %."""
    digits = len(quoted.partition(".")[2])
    slack = 1.01 * 10.0 ** -digits if digits else 0.005 * abs(float(real))
    return abs(float(quoted) - float(real)) <= slack and digits == len(real.partition(".")[2])

def same(quoted, real):
    (words, a), (others, b) = split(quoted), split(real)
    return words == others and all(near(x, y) for x, y in zip(a, b))

n_lines = n_commands = 0
for page in [source + "/README.md", *sorted(glob.glob(source + "/docs/*.md"))]:
    text = open(page, encoding="utf-8").read()
    where = os.path.basename(page)
    os.mkdir(where)
    os.symlink(source + "/data", where + "/data")
    os.symlink(source + "/tests", where + "/tests")
    os.symlink(source + "/examples", where + "/examples")
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.S | re.M):
        assert block.startswith("$ wattle "), (where, block)
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *quoted = part.rstrip("\n").split("\n")
            done = subprocess.run(command, shell=True, cwd=where, capture_output=True, text=True)
            assert done.returncode == 0, (where, command, done.stderr)
            n_commands += 1
            real = iter(done.stdout.split("\n"))
            for line in quoted:
                if line == "...":
                    continue
                assert any(same(line, r) for r in real), f"{where}: {command}\nno longer prints\n{line}\n{done.stdout}"
                n_lines += 1
print(n_commands, "commands,", n_lines, "lines")
assert n_commands >= 20 and n_lines >= 90, (n_commands, n_lines)
END
}

@test "every indented command of README.md and docs can be typed" {
    "$WATTLE" import -q "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" -o sweep.wattle
    cp sweep.wattle demo.wattle
    "$WATTLE" optimize sweep.wattle --gpu V100 --workload stablediffusion -q -o plan.json
    mkdir results
    awk -F, 'NR == 1 || $1 == "V100" && $2 == "stablediffusion"' \
        "$WATTLE_SOURCE/data/frequency/runs_v100_a100.csv" >results/runs.csv
    awk -F, -v OFS=, 'NR > 1 { $3 = "fresh" } { print }' results/runs.csv >fresh.csv
    "$WATTLE" import -q fresh.csv -o fresh.wattle
    n=0
    for page in "$WATTLE_SOURCE"/README.md "$WATTLE_SOURCE"/docs/*.md; do
        rm -rf here && mkdir here && cp -r ./*.wattle plan.json results "$WATTLE_SOURCE/examples" here
        while IFS= read -r line; do
            [[ $line == *" import "* ]] && rm here/sweep.wattle
            # Six minutes in a control group that not every machine has: golden/sweep_quota does it, shorter.
            [[ $line != *"sweep examples/sweep-onnx.yaml"* ]] || line=${line/.yaml/.yaml --dry-run}
            status=0
            output=$(cd here && PATH=$(dirname "$WATTLE"):$PATH bash -c "${line#    }" 2>&1) || status=$?
            # 0 done; 5 to 7: what the command found
            case $status.$output in
                [0567].*) n=$((n + 1)) ;;
                3.*"no control groups"*) echo "# not here: $line" ;;
                *) echo "$page: $line: status $status: $output" >&2 && return 1 ;;
            esac
        done < <(grep -E '^    wattle ' "$page")
    done
    [ "$n" -ge 6 ] || { echo "only $n commands" >&2 && return 1; }
}

@test "every page that is pointed to exists" {
    cd "$WATTLE_SOURCE"
    n=0
    while IFS= read -r page; do
        [ -f "$page" ] || { echo "$page does not exist" >&2 && return 1; }
        n=$((n + 1))
    done < <(grep -rohE 'docs/[a-z0-9-]+\.md' README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md docs src data dev | sort -u)
    for page in README.md docs/*.md; do
        while IFS= read -r link; do
            [ -e "$(dirname "$page")/$link" ] || { echo "$page: $link does not exist" >&2 && return 1; }
        done < <(grep -oE '\]\([A-Za-z0-9_./-]+\)' "$page" | tr -d '()]')
    done
    [ "$n" -ge 8 ]
}
