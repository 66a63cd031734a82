"""One trial as a job: the whole way of one variant, of which only what is new is worked out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from sissi.ablation import cache_keys
from sissi.ablation.branch import branch_task
from sissi.ablation.reader_scores import score_branch
from sissi.ablation.stages import train_branch, train_trunk_stage
from sissi.config import Experiment
from sissi.config.variants import VARIANTS
from sissi.data.experiment_data import ExperimentData
from sissi.method.start_point import start_point
from sissi.runtime.cache import Cache
from sissi.runtime.device import device_of, machine_of
from sissi.runtime.events import Event, Metrics, Notice, Progress
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


@dataclass(frozen=True)
class _Aside:
    """Passes on progress and notices of shared work, whose other events are recorded in the run of the trunk."""

    recorder: Recorder

    def record(self, event: Event) -> None:
        """See `Recorder`."""
        if isinstance(event, Progress | Notice):
            self.recorder.record(event)


def train(
    experiment: Experiment,
    data: ExperimentData,
    digests: dict[str, str],
    cache: Path,
    oracle: bool,
    recorder: Recorder,
) -> Trained:
    """Trunk, start point, branch, and for an oracle study the readers' scores, of the one variant and seed.

    Args:
        experiment: with the trial's values; names one variant and one seed.
        data: of the experiment.
        digests: of the data.
        cache: folder where work is kept.
        oracle: whether the readers may be asked.
        recorder: takes the events of the branch.
    """
    [name], [seed] = experiment.variants, experiment.seeds
    variant, store, machine = VARIANTS[name], Cache(cache), machine_of(device_of(experiment.runtime.device))
    trunk_entry = store.entry("trunk", cache_keys.trunk_key(experiment, seed, digests, machine))
    threads = torch.get_num_threads()
    torch.set_num_threads(experiment.runtime.trunk_threads)
    trained = train_trunk_stage(experiment, seed, data, trunk_entry, _Aside(recorder))
    torch.set_num_threads(threads)
    start = start_point(variant, trained, experiment)
    recorder.record(Metrics({"start_epoch": start.epoch}, 0))
    task = branch_task(variant, experiment, seed, trunk_entry, trained, start.epoch, digests, store.entry)
    last = experiment.last_epoch(variant.corrects)
    shared, readers = not train_branch(experiment, data, task, recorder), None
    if oracle:
        place = store.entry("scores", cache_keys.scores_key(experiment, task.entry, digests))
        readers = score_branch(experiment, data, task.model, last, place, recorder)
    return Trained(start.epoch, start.reason, start.found, shared, task.model, last, readers)
