"""All rows with every detector: no variant needs a second stage, proposals, anchors or pre-trained weights."""

import math
from pathlib import Path

import pytest

from sissi.ablation import stages
from sissi.ablation.branch import BranchTask
from sissi.config.load import load_experiment
from sissi.config.variants import VARIANTS, blur_of_variant, settings_of_variant
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems
from sissi.detector.presets import NETWORKS
from sissi.runtime.cache import Cache
from sissi.runtime.events import Metrics
from tests.shallow_detectors import shallow

TINY = (
    "data.target_train=3",
    "data.target_test=3",
    "data.target_corrected=1",
    "data.source_train=2",
    "data.source_val=2",
    "training.epochs=2",
    "training.image_size=[64, 96]",
    "training.optimizer=sgd",
    "training.learning_rate=0.001",
    "early_learning.max_epochs=1",
    "early_learning.min_epoch=1",
    "evaluation.every_epoch=[]",
    "pseudo_labels.scales=[1.0]",
    "pseudo_labels.flips=[none]",
    "pseudo_labels.score=0.01",
    "detector.score_floor=0.005",
    "detector.cell_size=16",
    "detector.proposals=60",
    "detector.rois_per_image=16",
    "tracking.overlays=0",
)


class Losses:
    """A recorder that keeps the losses of each epoch."""

    def __init__(self):
        self.epochs = {}

    def record(self, event):
        if isinstance(event, Metrics) and "train/loss" in event.values:
            self.epochs[event.step] = event.values["train/loss"]


@pytest.mark.parametrize("preset", NETWORKS)
def test_every_row_trains_with_every_detector(preset, tmp_path_factory, tmp_path):
    store = tmp_path_factory.getbasetemp() / "presets"  # the images are drawn once
    settings = [*TINY, f"detector.preset={preset}", f"tracking.folder={store}"]
    experiment = load_experiment(Path("experiments/smoke.yaml"), settings)
    data, cache = load_data(experiment, Problems()), Cache(tmp_path)
    with shallow():
        trained = stages.train_trunk_stage(experiment, 0, data, cache.entry("trunk", {}), Losses())
        for variant in VARIANTS.values():
            of_row, own = settings_of_variant(variant, experiment), variant.labels != "weak"
            task = BranchTask(
                entry=cache.entry("branch", {"variant": variant.name}),
                seed=0,
                start=int(variant.corrects or not own),
                checkpoint=None if own else trained.checkpoints[0],
                labels=variant.labels,
                corrects=variant.corrects,
                blur=blur_of_variant(variant, of_row),
                first_labels=None,
            )
            losses = Losses()
            assert stages.train_branch(of_row, data, task, losses)
            assert set(losses.epochs) == ({1, 2} if own else {2}), variant.name
            assert all(math.isfinite(loss) for loss in losses.epochs.values()) and task.model.exists()
