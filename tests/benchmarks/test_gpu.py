import json
import os
import subprocess
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

import sissi
from benchmarks.gpu import table, trace
from benchmarks.gpu.__main__ import main
from benchmarks.gpu.accuracy import RUNS, Score
from benchmarks.gpu.speed import Looking, Training
from benchmarks.gpu.table import Speed
from benchmarks.gpu.trace import Waits

WITHOUT_GPU_MLFLOW_OPTUNA = """
import sys
sys.modules["mlflow"] = sys.modules["optuna"] = None
from benchmarks.gpu.__main__ import main
sys.exit(main([]))
"""
FAST = Training((80.0, 82.0, 81.0), 0.625, Waits(4, 900), 6.04)


def test_without_a_gpu_it_says_so_in_one_line_and_needs_neither_mlflow_nor_optuna():
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", WITHOUT_GPU_MLFLOW_OPTUNA]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "benchmarks.gpu: torch sees no GPU here, so there is nothing to measure\n"


def test_the_whole_way_can_be_tried_on_a_cpu(tmp_path, capsys):
    assert main(["--device", "cpu", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [(score["seed"], score["run"]) for score in found["accuracy"]] == [(0, run) for run in RUNS]
    assert found["speed"].keys() == {"float32", "bf16"}
    for speed in found["speed"].values():
        assert all(speed[part]["images_per_second"][0] > 0 for part in ("training", "correction", "evaluation"))
        assert speed["training"]["busy"] is speed["training"]["waits"] is speed["training"]["gigabytes"] is None
    text = (tmp_path / "gpu.md").read_text()
    assert "| share of it in which the GPU works | - | - |" in text and f"torch {version('torch')}" in text
    assert text in capsys.readouterr().out


def test_the_gpu_works_wherever_one_of_its_streams_does():
    assert trace.covered([]) == 0
    assert trace.covered([(5, 6), (0, 2), (1, 3)]) == 4
    assert trace.covered([(0, 10), (2, 3), (9, 11)]) == 11


def test_only_work_of_the_gpu_is_counted(monkeypatch):
    events = [
        {"cat": "kernel", "ts": 100, "dur": 40},
        {"cat": "gpu_memcpy", "ts": 120, "dur": 30},
        {"cat": "cuda_runtime", "ts": 0, "dur": 1000},
        {"cat": "gpu_user_annotation", "ts": 0, "dur": 1000},
        {"name": "process_name", "ph": "M"},
    ]

    def export(profiler, path):
        Path(path).write_text(json.dumps({"traceEvents": events}))

    monkeypatch.setattr(torch.profiler.profile, "export_chrome_trace", export)
    assert trace.busy(lambda: None, "cpu") == pytest.approx(50e-6)


def test_the_host_s_waits_are_told_apart_by_who_called():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for file in (f"{sissi.__path__[0]}/training/epoch.py", torch.__file__, torch.__file__):
            warnings.warn_explicit(f"{trace.WAITED} (there)", UserWarning, file, 1)
        warnings.warn_explicit("another", UserWarning, torch.__file__, 1)
    assert trace.counted(caught) == Waits(1, 2)


def test_speed_is_told_side_by_side_with_its_spread():
    speed = Speed(FAST, Looking((5.0,), 1.26), Looking((60.0,), None))
    text = table.markdown("On", {"float32": speed, "bf16": speed}, [], "here")
    assert "| training, images/s | **81.0** (80.0 - 82.0) | **81.0** (80.0 - 82.0) |" in text
    assert "| share of it in which the GPU works | 62% | 62% |" in text
    assert "| 4, 900 | 4, 900 |" in text and "| memory of training, GB | 6.0 | 6.0 |" in text
    assert "| memory of evaluation, GB | - | - |" in text


def test_bf16_is_judged_by_what_the_same_training_gives_twice():
    ap50 = {(0, "float32"): 0.80, (0, "float32 again"): 0.81, (0, "bf16"): 0.79} | {
        (1, "float32"): 0.70, (1, "float32 again"): 0.69, (1, "bf16"): 0.71, (2, "float32"): 0.5
    }  # fmt: skip
    text = table.accuracy_table([Score(seed, run, {"target": value}) for (seed, run), value in ap50.items()])
    assert "| target, seed 1 | 70.0 | 69.0 | 71.0 |" in text
    assert "| target, mean | **75.0** | **75.0** | **75.0** |" in text
    assert "|  | +0.0 (-1.0 - +1.0) | +0.0 (-1.0 - +1.0) |" in text
    assert "seed 2" not in text  # it is under way
