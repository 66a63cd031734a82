"""What an ablation that has ended keeps of its trunk, and rows that later start elsewhere."""

from pathlib import Path

import pytest
import torch

from sissi.ablation import stages
from sissi.config.load import load_experiment
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems
from sissi.runtime.cache import Cache
from sissi.runtime.events import Metrics


class Losses:
    """A recorder that keeps the epochs that were trained or replayed."""

    def __init__(self):
        self.values = {}

    def record(self, event):
        if isinstance(event, Metrics) and "train/loss" in event.values:
            self.values[event.step] = event.values["train/loss"]


def teacher(path):
    return torch.load(path, weights_only=True)["learner"]["teacher"]


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture
def trunk(tmp_path):
    """A function that trains the trunk to an epoch, again if wanted, and the trunk's entry."""
    shorter = ["training.epochs=6", "early_learning.max_epochs={}", f"tracking.folder={tmp_path}"]
    entry = Cache(tmp_path / "cache").entry("trunk", {})

    def train(last=4, again=False, recorder=None):
        settings = [text.format(last) for text in shorter]
        experiment = load_experiment(Path("experiments/smoke.yaml"), settings)
        stage = stages.train_trunk_again if again else stages.train_trunk_stage
        return stage(experiment, 0, load_data(experiment, Problems()), entry, recorder or Losses())

    return train, entry


def test_the_checkpoints_of_rows_stay_and_the_curves_too(trunk):
    train, entry = trunk
    first = train()
    weights = [teacher(path) for path in first.checkpoints]
    stages.thin_trunk(entry, [first.checkpoints[1], first.checkpoints[3]], Losses())
    assert sorted(path.name for path in entry.folder.glob("*.pt")) == ["epoch_002.pt", "epoch_004.pt"]
    told = Losses()
    assert train(recorder=told) == first and set(told.values) == {1, 2, 3, 4}
    assert equal(teacher(first.checkpoints[1]), weights[1])

    longer = train(last=5)  # goes on from the last one
    assert longer.ap50[:4] == first.ap50 and longer.checkpoints[4].exists() and not first.checkpoints[2].exists()

    again = train(again=True)
    assert (again.ap50, again.validation_loss, again.checkpoints) == (
        first.ap50,
        first.validation_loss,
        first.checkpoints,
    )
    assert all(equal(teacher(path), before) for path, before in zip(first.checkpoints, weights, strict=True))


def test_where_the_last_one_is_damaged_training_goes_on_from_the_one_before_that_was_kept(trunk):
    train, entry = trunk
    first = train()
    last = teacher(first.checkpoints[3])
    stages.thin_trunk(entry, [first.checkpoints[1], first.checkpoints[3]], Losses())
    first.checkpoints[3].write_bytes(b"damaged")
    again = train()
    assert again.ap50 == first.ap50 and equal(teacher(again.checkpoints[3]), last)
    assert not first.checkpoints[0].exists() and again.checkpoints[2].exists()
