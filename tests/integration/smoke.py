"""The smoke ablation, of a few rows, as a command that tests begin, watch, end, and compare with an undisturbed one."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sissi.tracking import open_store
from tests.integration.conftest import ROOT, sissi

SMOKE = ROOT / "experiments/smoke.yaml"
ROWS = ("baseline", "sissi-s", "weak-only", "oracle")
"""A row of each kind; with the two for reference, since the share of the headroom is recorded as well."""
FEW = ("--set", f"variants=[{', '.join(ROWS)}]")


def begin(folder, *arguments):
    """The smoke ablation under way, in a process group of its own, that hears Ctrl-C whoever runs the tests."""
    folder.mkdir(exist_ok=True)
    command = [str(Path(sys.executable).with_name("sissi")), "ablation", str(SMOKE), "--out", "out", *FEW, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=folder, text=True, start_new_session=True, preexec_fn=_hears, **pipes)


def _hears():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell lets what it runs in the background ignore it


def finish(folder, *arguments):
    done = sissi("ablation", SMOKE, "--out", "out", *FEW, *arguments, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_until(process, wanted):
    """Its lines up to one with these words."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return lines
    raise AssertionError("".join(lines))


def table(folder):
    return (folder / "out/table.csv").read_bytes()


def curves(folder):
    """Every point of every curve as it is stored, doubles included, and every picture; by run, without costs."""
    store = open_store(folder / "mlruns")
    parent = store.latest_ablation()
    seen = {}
    for run in store.children(parent.id):
        for key in run.metrics:
            if not key.startswith("cost/"):
                points = store._client.get_metric_history(run.id, key)
                seen[run.name, key] = sorted((point.step, point.value) for point in points)
        pictures = [file.path for file in store._client.list_artifacts(run.id, "images") if file.path.endswith("png")]
        seen[run.name, "pictures"] = Counter(path.split("+timestamp")[0] for path in pictures)
    return parent.status, seen


def assert_ends_as(folder, whole):
    """Table and curves are those of the same rows of a folder in which all rows were trained undisturbed."""
    header, *lines = table(whole).splitlines()
    assert table(folder).splitlines() == [header, *(line for line in lines if line.decode().split(",")[0] in ROWS)]
    (status, mine), (_, theirs) = curves(folder), curves(whole)
    assert status == "FINISHED"
    assert mine == {key: points for key, points in theirs.items() if key[0] in ("trunk", *ROWS)}


def children_of(pid):
    """Processes below a process, by /proc."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        try:
            below = [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            continue
        found += below
        left += below
    return found
