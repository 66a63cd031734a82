"""Trial as a job: all stages of one variant, of which only those that are not in the cache are computed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sissi.ablation import cache_keys
from sissi.ablation.branch import branch_task
from sissi.config import Experiment
from sissi.config.variants import VARIANTS
from sissi.data.experiment_data import ExperimentData
from sissi.method.start_point import start_point
from sissi.runtime.cache import Cache
from sissi.runtime.device import device_of, machine_of
from sissi.runtime.events import Event, Metrics, Passing
from sissi.runtime.recorder import Recorder


@dataclass(frozen=True)
class Trained:
    """Result of a trial.

    Attributes:
        start: epoch at which correction started.
        reason: reason of the start epoch.
        found: whether the rule selected that epoch.
        shared: whether an earlier trial had trained the same branch.
        model: file of the detector.
        epochs: number of epochs.
        readers: metrics by reader in an oracle study, else None.
    """

    start: int
    reason: str
    found: bool
    shared: bool
    model: Path
    epochs: int
    readers: dict[str, dict[str, float]] | None


@dataclass(frozen=True)
class _ProgressOnly:
    """Recorder of progress and notices of shared work, whose other events are recorded in the run of the trunk."""

    recorder: Recorder

    def record(self, event: Event) -> None:
        """Record an event that is progress or a notice."""
        if isinstance(event, Passing):
            self.recorder.record(event)


def train(
    experiment: Experiment,
    data: ExperimentData,
    digests: dict[str, str],
    cache: Path,
    oracle: bool,
    recorder: Recorder,
) -> Trained:
    """Run trunk, start point, branch and, for an oracle study, the scores of the readers, for one variant and seed.

    Args:
        experiment: all settings with the values of the trial, one variant and one seed.
        data: data of the experiment.
        digests: digests of the data.
        cache: folder of the cache.
        oracle: whether the detector is scored for the readers.
        recorder: recorder of the events of the branch.
    """
    import torch  # here, since the process of the study reads `Trained`, and trains nothing

    from sissi.ablation.reader_scores import score_branch
    from sissi.ablation.stages import train_branch, train_trunk_again, train_trunk_stage

    [name], [seed] = experiment.variants, experiment.seeds
    variant, store, machine = VARIANTS[name], Cache(cache), machine_of(device_of(experiment.runtime.device))
    trunk_entry = store.entry("trunk", cache_keys.trunk_key(experiment, seed, digests, machine))
    threads = torch.get_num_threads()
    torch.set_num_threads(experiment.runtime.trunk_threads)
    trained = train_trunk_stage(experiment, seed, data, trunk_entry, _ProgressOnly(recorder))
    torch.set_num_threads(threads)
    start = start_point(variant, trained, experiment)
    recorder.record(Metrics({"start_epoch": start.epoch}, 0))
    task = branch_task(variant, experiment, seed, trunk_entry, trained, start.epoch, digests, store.entry)
    last = experiment.last_epoch(variant.corrects)
    if task.lacks_checkpoint:
        train_trunk_again(experiment, seed, data, trunk_entry, _ProgressOnly(recorder))
    shared, readers = not train_branch(experiment, data, task, recorder), None
    if oracle:
        scores = store.entry("scores", cache_keys.scores_key(experiment, task.entry, digests))
        readers = score_branch(experiment, data, task.model, last, scores, recorder)
    return Trained(start.epoch, start.reason, start.found, shared, task.model, last, readers)
