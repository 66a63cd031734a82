"""Everything that an experiment file says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from sissi.config.base import Named, Settings
from sissi.config.correction import PseudoLabels, SelfTraining, SyntheticImages
from sissi.config.data import DemoData, FileData
from sissi.config.training import Deceleration, Detector, EarlyLearning, Training
from sissi.config.variants import BRANCH_SECTIONS, DEFAULT, VARIANTS, Variant


class Evaluation(Settings):
    """COCO metrics for each reader."""

    max_detections: int = Field(default=300, ge=100)
    """AR is also given with this many detections an image, since COCO's 100 cuts dense images off."""
    every_epoch: tuple[Literal["source_val", "target_val", "weak_labels"], ...] = ("source_val",)
    """What is watched during correction: source validation images, held-out target images with labels
    (data.target_val), or the agreement with the initial weak labels. Never the readers."""


class Tracking(Settings):
    """What goes to MLflow."""

    folder: Path = Path("mlruns")
    """Store (mlflow.db), artifacts and working files, from the current folder. MLFLOW_TRACKING_URI names a server."""
    overlays: int = Field(default=3, ge=0)
    """Target training images that are kept as pictures with their pseudo labels, every cycle."""
    cache_gb: float = Field(default=20, ge=0)
    """Finished and half-finished work of earlier commands, decoded images included, is kept up to this size: see
    `sissi cache`."""


class Runtime(Settings):
    """How the machine is used."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    jobs: PositiveInt = 2
    """Branches trained side by side, a process each, with one thread each on a CPU."""
    trunk_threads: PositiveInt = 2
    """Threads of early learning on a CPU. A fixed number, since it can change results in the last bits."""
    deterministic: bool = False
    """Only operations that give the same bits every time, as on a CPU they do anyway; on a GPU it costs time."""


class CustomVariant(Settings):
    """A row of the table beside the built-in variants: one of them with other settings."""

    of: str
    """The variant that it is otherwise."""
    set: dict[str, Any] = Field(min_length=1)
    """Dotted keys of this experiment with other values, such as pseudo_labels.flips: [none]; only of sections that
    matter after the trunk, which all rows share."""
    title: str | None = None
    """As it is printed in the table; its name where it is left out."""

    @model_validator(mode="after")
    def _after_the_trunk(self) -> Self:
        _known_variants((self.of,))
        if not VARIANTS[self.of].corrects:
            raise ValueError(f"of: {self.of} corrects no labels, so no setting of a row matters to it")
        for key in self.set:
            if key.partition(".")[0] not in BRANCH_SECTIONS or "." not in key:
                raise ValueError(
                    f"set: {key} is no setting that a row can have: all rows share one trunk, so only keys of "
                    f"{', '.join(BRANCH_SECTIONS)} can differ"
                )
        return self


def _known_variants(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in VARIANTS:
            raise ValueError(f"there is no variant {name!r}; there are {', '.join(VARIANTS)}")
    return names


class Experiment(Settings):
    """Everything that decides the result of an ablation."""

    name: str = Field(min_length=1)
    """Of the MLflow experiment."""
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    """Each repeats trunk and branches."""
    variants: Annotated[tuple[str, ...], AfterValidator(_known_variants)] = DEFAULT
    """Rows of table 1, and the reference rows weak-only and, where there is a data.target_reference, oracle."""
    rows: Named[CustomVariant] = Field(default_factory=dict)
    """Further rows, by name: variants with other settings."""
    data: Annotated[FileData | DemoData, Field(discriminator="kind")]
    detector: Detector
    training: Training
    early_learning: EarlyLearning
    deceleration: Deceleration = Deceleration()
    pseudo_labels: PseudoLabels = PseudoLabels()
    synthetic_images: SyntheticImages = SyntheticImages()
    self_training: SelfTraining = SelfTraining()
    evaluation: Evaluation = Evaluation()
    tracking: Tracking = Tracking()
    runtime: Runtime = Runtime()

    @model_validator(mode="after")
    def _phases_fit(self) -> Self:
        if self.early_learning.max_epochs >= self.training.epochs:
            raise ValueError(
                f"early_learning.max_epochs ({self.early_learning.max_epochs}) must be below training.epochs "
                f"({self.training.epochs}): correction needs at least one epoch"
            )
        if self.early_learning.min_epoch > self.early_learning.max_epochs:
            raise ValueError(
                f"early_learning.min_epoch ({self.early_learning.min_epoch}) must not exceed "
                f"early_learning.max_epochs ({self.early_learning.max_epochs})"
            )
        fixed, doubtful = self.deceleration.start_epoch, self.self_training.ignore_doubtful
        if fixed is not None and fixed > self.early_learning.max_epochs:
            raise ValueError(
                f"deceleration.start_epoch ({fixed}) must not exceed early_learning.max_epochs "
                f"({self.early_learning.max_epochs})"
            )
        if doubtful is not None and doubtful >= self.pseudo_labels.score:
            raise ValueError(
                f"self_training.ignore_doubtful ({doubtful}) must be below pseudo_labels.score "
                f"({self.pseudo_labels.score}), from which on a box is a label"
            )
        if "target_val" in self.evaluation.every_epoch and not self.data.target_val:
            raise ValueError("evaluation.every_epoch: target_val needs data.target_val, held-out images with labels")
        for name in self.rows:
            if name in VARIANTS:
                raise ValueError(f"rows.{name}: is the name of a variant; give the row another one")
        if not self.variants and not self.rows:
            raise ValueError("variants: at least one, or a row of its own in `rows`")
        for key in ("seeds", "variants"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"{key}: each value once, not {list(values)}")
        return self

    @property
    def lowest_score(self) -> float:
        """Of the boxes that label correction has a use for: as labels, as doubtful cells, or to confirm a label."""
        labels = self.pseudo_labels
        useful = (labels.score, labels.confirm, self.self_training.ignore_doubtful)
        return min(score for score in useful if score is not None)

    def last_epoch(self, corrects: bool) -> int:
        """Number of the last epoch of a row, which corrects labels or not; see `self_training.restart`."""
        return self.training.epochs * (2 if corrects and self.self_training.restart else 1)

    @property
    def known_rows(self) -> dict[str, Variant]:
        """Every row that can be asked for, by name: the built-in variants, then those of `rows`."""
        return VARIANTS | {
            name: replace(VARIANTS[row.of], name=name, title=row.title or name, settings=_settings(row))
            for name, row in self.rows.items()
        }

    @property
    def table_rows(self) -> dict[str, Variant]:
        """The rows of the table, in order: those of `variants`, then those of `rows`."""
        known = self.known_rows
        return {name: known[name] for name in (*self.variants, *self.rows)}


def _settings(row: CustomVariant) -> dict[str, Any]:
    return {**VARIANTS[row.of].settings, **row.set}
