"""A way from the trunk to the last epoch: what a variant does once early learning is over, as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sissi.ablation import cache_keys
from sissi.config import Blur, Experiment
from sissi.config.variants import Variant, blur_of_variant
from sissi.method.early_learning import Trunk
from sissi.runtime.cache import Entry

EntryFactory = Callable[[str, dict[str, Any]], Entry]
"""Where a kind of work with this content is kept: `Cache.entry`, or something around it."""


@dataclass(frozen=True)
class BranchTask:
    """A way from the trunk to the last epoch.

    Attributes:
        entry: where its work is kept.
        seed: of the experiment.
        start: epoch of the trunk that it leaves; 0: it begins with new weights.
        checkpoint: of the trunk at that epoch; None for epoch 0.
        labels: that it begins with: the initial weak ones, or the reference ones of the images that have them.
        corrects: False for the reference rows, which keep the labels that they begin with.
        blur: of the background of target images; None: the original images.
        first_labels: where the pseudo labels of that very checkpoint are kept, or are to be; None: not shared.
    """

    entry: Entry
    seed: int
    start: int
    checkpoint: Path | None
    labels: Literal["weak", "reference"]
    corrects: bool
    blur: Blur | None
    first_labels: Entry | None

    @property
    def model(self) -> Path:
        """The file of the trained detector."""
        return self.entry.folder / "detector.pt"


def branch_task(
    variant: Variant,
    experiment: Experiment,
    seed: int,
    origin: Entry,
    trained: Trunk,
    start: int,
    digests: dict[str, str],
    place: EntryFactory,
) -> BranchTask:
    """What a variant does after the trunk; equal for variants that only differ in name.

    Args:
        variant: whose branch it is.
        experiment: with the settings of its own.
        seed: of the experiment.
        origin: where the trunk on the variant's labels is kept, or would be.
        trained: the trunk.
        start: epoch of it that the variant leaves; 0: it begins with new weights.
        digests: of the data.
        place: says where work is kept.
    """
    corrects, blur = variant.corrects, blur_of_variant(variant, experiment)
    return BranchTask(
        entry=place("branch", cache_keys.branch_key(experiment, origin, start, corrects, blur, digests)),
        seed=seed,
        start=start,
        checkpoint=trained.checkpoints[start - 1] if start else None,
        labels=variant.labels,
        corrects=corrects,
        blur=blur,
        first_labels=place("labels", cache_keys.first_labels_key(experiment, origin, start)) if corrects else None,
    )
