"""What must not change a result: workers, jobs side by side, the order of the variants; and --deterministic."""

import json

import pytest

from tests.integration.conftest import sissi, sissi_process
from tests.integration.smoke import FEW, ROWS, SMOKE, table

pytestmark = [pytest.mark.slow, pytest.mark.faults]
WATCH = """
import json, os, pathlib
from multiprocessing.process import BaseProcess

work = BaseProcess.run

def run(self):
    work(self)
    import torch
    seen = [torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark]
    seen.append(os.environ.get("CUBLAS_WORKSPACE_CONFIG"))
    (pathlib.Path(__file__).parent / f"{self.name}.json").write_text(json.dumps(seen))

BaseProcess.run = run
"""
"""Has every process write down, at its end, how deterministic it was."""


@pytest.mark.parametrize("command", ["ablation", "run"])
def test_every_process_of_a_command_is_deterministic_and_on_a_cpu_gives_the_same(
    tmp_path, smoke_folder, monkeypatch, command
):
    watch = tmp_path / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH)
    monkeypatch.setenv("PYTHONPATH", str(watch), prepend=":")
    rows = ["--variant", "plain-a"] if command == "run" else FEW
    done = sissi_process(command, SMOKE, *rows, "--deterministic", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = {path.stem: json.loads(path.read_text()) for path in watch.glob("*.json")}
    del seen["device"]  # it only looks at the machine
    stages = {"run": ("labels of plain-a", "plain-a"), "ablation": ("labels of baseline", *ROWS)}[command]
    assert seen == {name: [True, False, ":4096:8"] for name in ("trunk", *stages, "checkpoints")}
    assert set(table(tmp_path).splitlines()) <= set(table(smoke_folder).splitlines())


def test_neither_workers_nor_jobs_nor_the_order_of_the_variants_change_a_score(tmp_path, smoke_folder):
    backwards = f"variants=[{','.join(reversed(ROWS))}]"
    other = ["training.workers=0", "runtime.jobs=1", backwards]
    settings = [part for one in other for part in ("--set", one)]
    done = sissi("ablation", SMOKE, *settings, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    [header, *mine], [_, *all_rows] = (table(folder).decode().splitlines() for folder in (tmp_path, smoke_folder))
    assert header.startswith("variant,") and mine[0].startswith("oracle,") and len(mine) == 3 * len(ROWS)
    assert sorted(mine) == sorted(row for row in all_rows if row.split(",")[0] in ROWS)
