"""Branch: the training of a variant from the trunk to the last epoch, described as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sissi.ablation import cache_keys
from sissi.config import Blur, Experiment
from sissi.config.variants import LabelSet, Variant, blur_of_variant
from sissi.method.trunk import Trunk
from sissi.runtime.cache import Entry

EntryFactory = Callable[[str, dict[str, Any]], Entry]
"""Function that gives the cache entry of a kind of work with a content, such as `Cache.entry`."""


@dataclass(frozen=True)
class BranchTask:
    """Training from the trunk to the last epoch.

    Attributes:
        entry: cache entry of the branch.
        seed: experiment seed.
        start: epoch after which correction starts, or the branch leaves the trunk; 0: labels stay, and weights are new.
        checkpoint: checkpoint of the trunk at that epoch; None: the branch starts with new weights, and trains the
            epochs before `start` itself.
        labels: first labels, see `config.variants.LabelSet`.
        corrects: whether labels are corrected; False for the reference rows.
        blur: blur of the background of target images; None: original images.
        first_labels: cache entry of the pseudo labels of the checkpoint, finished or not; None: not shared.
    """

    entry: Entry
    seed: int
    start: int
    checkpoint: Path | None
    labels: LabelSet
    corrects: bool
    blur: Blur | None
    first_labels: Entry | None

    @property
    def lacks_checkpoint(self) -> bool:
        """Whether it cannot start before the trunk is trained again, since an earlier ablation did not keep it."""
        return self.checkpoint is not None and not self.checkpoint.exists() and self.entry.result is None

    @property
    def model(self) -> Path:
        """Path of the file of the trained detector."""
        return self.entry.folder / "detector.pt"


def branch_task(
    variant: Variant,
    experiment: Experiment,
    seed: int,
    origin: Entry,
    trained: Trunk,
    start: int,
    digests: dict[str, str],
    entry_of: EntryFactory,
) -> BranchTask:
    """Make the task of a variant after the trunk; it is equal for variants that differ only in name.

    Args:
        variant: variant of the branch.
        experiment: all settings, with those of the variant.
        seed: experiment seed.
        origin: cache entry of the trunk on the labels of the variant, even if that trunk is not trained.
        trained: trained trunk.
        start: epoch after which correction starts, see `BranchTask`.
        digests: digests of the data.
        entry_of: function that gives the cache entry of a kind of work.
    """
    corrects, blur, shared = variant.corrects, blur_of_variant(variant, experiment), variant.labels == "weak"
    first_labels = cache_keys.first_labels_key(experiment, origin, start)
    return BranchTask(
        entry=entry_of("branch", cache_keys.branch_key(experiment, origin, start, corrects, blur, digests)),
        seed=seed,
        start=start,
        checkpoint=trained.checkpoints[start - 1] if start and shared else None,
        labels=variant.labels,
        corrects=corrects,
        blur=blur,
        first_labels=entry_of("labels", first_labels) if corrects and shared else None,
    )
