"""Files that version 0.1 wrote still load: an experiment, a detector, a checkpoint, and an ablation recorded offline.

The ablation is that of experiments/smoke.yaml with three variants. To keep the archive small its weights are zero and
its pictures shrunk; nothing else was changed.
"""

import tarfile
from pathlib import Path

import pytest
import torch

from sissi.config.load import load_experiment
from sissi.detector.model import load
from sissi.report.write import write_report
from sissi.results.stored_ablation import read_ablation
from sissi.runtime.events import Json
from sissi.runtime.journal import Journal
from sissi.tracking import open_store, upload
from sissi.training.checkpoint import restore
from sissi.training.teacher_student import new_teacher_student


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(Path(__file__).with_name("version_0_1.tar.xz")) as archive:
        archive.extractall(folder, filter="data")
    return folder / "version_0_1"


@pytest.fixture(scope="module")
def uploaded(files):
    """The tracking folder with the ablation in MLflow."""
    assert upload(files, print) == (5, 0)
    return files


def test_an_experiment_file_loads(files):
    assert load_experiment(files / "experiment.yaml").name == "smoke"


def test_a_detector_loads_with_its_settings(files):
    detector = load(files / "detector.pt")
    assert detector.settings.preset == "small" and detector.image_size == (96, 128)


def test_a_checkpoint_restores_student_teacher_and_optimizer(files):
    experiment = load_experiment(files / "experiment.yaml")
    learner = new_teacher_student(experiment, 0, "cpu")
    restore(files / "epoch_001.pt", learner)
    weights = [parameter for parameter in learner.student.network.parameters() if parameter.numel() > 64]
    assert weights and all(torch.count_nonzero(parameter) == 0 for parameter in weights)
    assert learner.optimizer.state_dict()["state"][0]["step"] == 3


def test_a_journal_with_plain_data_in_its_lines_is_read(files):
    [journal] = files.glob("recordings/*/*/0001/journal")
    snapshots = [event for event in Journal(journal).events() if isinstance(event, Json)]
    assert [event.path for event in snapshots] == ["pseudo_labels/epoch_000.json"]
    assert len(snapshots[0].content["images"]) == 6


def test_an_ablation_recorded_offline_reaches_mlflow_and_is_read_back(uploaded):
    record = read_ablation(open_store(uploaded), "latest")
    assert record.variants == ["a+sissi-s", "weak-only", "oracle"] and not record.gaps()
    assert {row.reader for row in record.rows} == {"reader_1", "reader_2", "reader_3"}
    branch = record.branches["a+sissi-s", 0]
    assert set(record.labels(branch)) == {5, 6}
    assert record.snapshot("predictions/target_test.json", branch) is not None
    assert record.curve(record.trunks[0], "weak_labels/AP50")


def test_its_report_is_written(uploaded, tmp_path):
    page = write_report("latest", tmp_path, uploaded)
    assert "A + SISSI (S)" in page.read_text(encoding="utf-8")
