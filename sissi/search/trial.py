"""One trial as a job: the whole way of one variant, of which only what is new is worked out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sissi.ablation import cache_keys
from sissi.ablation.branch import branch_of
from sissi.ablation.reader_scores import scores
from sissi.ablation.stages import branch, trunk
from sissi.config import Experiment
from sissi.config.variants import VARIANTS
from sissi.data.experiment_data import DataSets
from sissi.method.start_point import start_point
from sissi.runtime.cache import Cache
from sissi.runtime.device import device_of, machine_of
from sissi.runtime.recorder import Recorder


@dataclass(frozen=True)
class Trained:
    """What a trial ends with.

    Attributes:
        start: epoch at which correction started.
        reason: why there.
        found: whether the rule named that epoch itself.
        shared: whether an earlier trial had trained the same branch.
        model: file of the detector.
        epochs: that it took.
        readers: metrics for each reader, of an oracle study only.
    """

    start: int
    reason: str
    found: bool
    shared: bool
    model: Path
    epochs: int
    readers: dict[str, dict[str, float]] | None


class _Aside:
    """Passes on progress and warnings of shared work, whose records belong to a run of its own."""

    def __init__(self, record: Recorder) -> None:
        self.progress = record.progress
        self.say = record.say

    def metrics(self, *ignored: Any) -> None:
        """Told in the run of the trunk."""

    image = json = file = metrics


def train(
    experiment: Experiment,
    data: DataSets,
    digests: dict[str, str],
    cache: Path,
    oracle: bool,
    record: Recorder,
) -> Trained:
    """Trunk, start point, branch, and for an oracle study the readers' scores, of the one variant and seed.

    Args:
        experiment: with the trial's values; names one variant and one seed.
        data: of the experiment.
        digests: of the data.
        cache: folder where work is kept.
        oracle: whether the readers may be asked.
        record: told everything about the branch.
    """
    [name], [seed] = experiment.variants, experiment.seeds
    variant, store, machine = VARIANTS[name], Cache(cache), machine_of(device_of(experiment.runtime.device))
    trunk_entry = store.entry("trunk", cache_keys.trunk(experiment, seed, digests, machine))
    threads = torch.get_num_threads()
    torch.set_num_threads(experiment.runtime.trunk_threads)
    trained = trunk(experiment, seed, data, trunk_entry, _Aside(record))
    torch.set_num_threads(threads)
    start = start_point(variant, trained, experiment)
    record.metrics({"start_epoch": start.epoch}, 0)
    task = branch_of(variant, experiment, seed, trunk_entry, trained, start.epoch, digests, store.entry)
    last = experiment.last_epoch(variant.corrects)
    shared, readers = not branch(experiment, data, task, record), None
    if oracle:
        place = store.entry("scores", cache_keys.scores(experiment, task.entry, digests))
        readers = scores(experiment, data, task.model, last, place, record)
    return Trained(start.epoch, start.reason, start.found, shared, task.model, last, readers)
