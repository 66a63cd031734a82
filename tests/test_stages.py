from pathlib import Path

import pytest
import torch

from sissi import config, stages
from sissi.boxes import same
from sissi.data.datasets import load_data
from sissi.data.problems import Problems
from sissi.deceleration import StartPoint
from sissi.settings import Experiment
from sissi.variants import VARIANTS


class Heard:
    """A recorder that keeps what it is told."""

    def __init__(self):
        self.values, self.documents, self.pictures = {}, {}, {}

    def metrics(self, values, step):
        for key, value in values.items():
            self.values.setdefault(key, {})[step] = value

    def image(self, key, image, step):
        self.pictures.setdefault(key, {})[step] = image

    def json(self, content, path):
        self.documents[path] = content

    def progress(self, *arguments):
        pass


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Experiment:
    folder = tmp_path_factory.mktemp("stages")
    shorter = ["training.epochs=3", "early_learning.max_epochs=2", "training.averaging=0.5"]
    return config.load(Path("experiments/smoke.yaml"), [f"tracking.folder={folder}", *shorter])


@pytest.fixture(scope="module")
def data(experiment):
    return load_data(experiment, Problems())


@pytest.fixture(scope="module")
def heard():
    return Heard()


@pytest.fixture(scope="module")
def trained(experiment, data, heard, tmp_path_factory):
    return stages.trunk(experiment, 0, data, tmp_path_factory.mktemp("trunk"), heard)


def task(trained, name, folder, epoch=2):
    return stages.Branch(VARIANTS[name], 0, StartPoint(epoch, "test"), trained.checkpoints[epoch - 1], None, folder)


def test_the_trunk_leaves_a_checkpoint_and_a_point_on_both_curves_each_epoch(trained, heard):
    assert [path.name for path in trained.checkpoints] == ["epoch_001.pt", "epoch_002.pt"]
    assert heard.values["weak_labels/AP50"] == dict(enumerate(trained.ap50, 1))
    assert heard.values["source_val/loss"] == dict(enumerate(trained.validation_loss, 1))


def test_the_initial_labels_and_their_quality_are_told_once(heard, trained, data):
    snapshot = heard.documents["pseudo_labels/epoch_000.json"]
    assert len(snapshot["annotations"]) == sum(len(sample.boxes) for sample in data.target)
    assert set(heard.values["labels/precision"]) == {0} and 0 < heard.values["labels/recall"][0] < 1
    assert all(set(steps) == {0} for steps in heard.pictures.values())


def test_all_branches_of_a_start_begin_with_bit_equal_weights(experiment, data, trained, monkeypatch, tmp_path):
    begun = []

    def keep(learner, *arguments, **options):
        begun.append({name: state.copy() for name, state in learner.state().items() if name != "optimizer"})
        begun[-1]["optimizer"] = learner.optimizer.state_dict()["state"][0]["exp_avg"].clone()

    monkeypatch.setattr(stages, "self_train", keep)
    for name in ("baseline", "sissi-w", "a+sissi-s"):
        (tmp_path / name).mkdir()
        stages.branch(experiment, data, task(trained, name, tmp_path / name), Heard())
    saved = torch.load(trained.checkpoints[1], weights_only=True)["learner"]
    for state in begun:
        for network in ("student", "teacher"):
            assert state[network].keys() == saved[network].keys()
            assert all(torch.equal(state[network][key], saved[network][key]) for key in saved[network])
        assert torch.equal(state["optimizer"], saved["optimizer"]["state"][0]["exp_avg"])


@pytest.mark.parametrize(("name", "kernel"), [("baseline", None), ("sissi-w", (21, 21)), ("a+sissi-s", (71, 71))])
def test_a_variant_decides_the_background_and_nothing_else(
    experiment, data, trained, monkeypatch, tmp_path, name, kernel
):
    seen = {}
    monkeypatch.setattr(stages, "self_train", lambda *arguments, **options: seen.update(options))
    stages.branch(experiment, data, task(trained, name, tmp_path), Heard())
    assert (seen["blur"].kernel if seen["blur"] else None) == kernel
    assert (seen["start"], seen["seed"]) == (2, 0)


def test_shared_first_labels_are_those_that_a_branch_would_make_itself(experiment, data, trained, tmp_path):
    shared = stages.first_labels(experiment, data, trained.checkpoints[1], Heard())
    alone, together = Heard(), Heard()
    for labels, heard in ((None, alone), (shared, together)):
        folder = tmp_path / str(labels is None)
        folder.mkdir()
        one = task(trained, "plain-a", folder)
        stages.branch(experiment, data, stages.Branch(**{**vars(one), "first_labels": labels}), heard)
    assert alone.documents == together.documents and alone.values == together.values


def test_weak_only_keeps_the_initial_labels(experiment, data, trained, tmp_path):
    heard = Heard()
    scores = stages.branch(experiment, data, task(trained, "weak-only", tmp_path), heard)
    assert set(scores.readers) == {"reader_1", "reader_2", "reader_3"} and scores.model.is_file()
    assert "labels/count" not in heard.values and set(heard.values["train/loss"]) == {3}


def test_readers_are_not_looked_at_before_the_last_epoch(experiment, data, trained, tmp_path):
    heard = Heard()
    stages.branch(experiment, data, task(trained, "plain-a", tmp_path), heard)
    looked = {step for key, steps in heard.values.items() if key.startswith("reader_") for step in steps}
    assert looked == {3}


def test_changed_readers_change_scores_but_no_prediction_label_or_weight(experiment, data, trained, tmp_path):
    from dataclasses import replace

    other = replace(data, readers={name: boxes[1:] + boxes[:1] for name, boxes in data.readers.items()})
    told = []
    for number, seen in enumerate((data, other)):
        (tmp_path / str(number)).mkdir()
        told.append(Heard())
        stages.branch(experiment, seen, task(trained, "plain-a", tmp_path / str(number)), told[-1])
    assert told[0].documents == told[1].documents
    own = [{key: value for key, value in one.values.items() if "reader_" not in key} for one in told]
    assert own[0] == own[1]
    weights = [torch.load(tmp_path / str(k) / "detector.pt", weights_only=True)["state"] for k in (0, 1)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_labels_are_told_in_pixels_of_the_files(experiment, data):
    smaller = experiment.model_copy(
        update={"training": experiment.training.model_copy(update={"image_size": (48, 64)})}
    )
    frames = stages._frames(data, "target", smaller)
    back = stages._to_files(frames.boxes, data, smaller)
    assert frames.boxes[0].xyxy.max() <= 64
    assert all(same(one, sample.boxes) for one, sample in zip(back, data.target, strict=True))
