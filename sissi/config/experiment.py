"""Root model of an experiment file, and the sections for evaluation, tracking and runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from sissi.config.base import Named, Settings
from sissi.config.classes import ANY, EACH, ONE_CLASS, Classes, Meaning, names_of
from sissi.config.correction import PseudoLabels, SelfTraining, SyntheticImages
from sissi.config.data import DemoData, FileData
from sissi.config.detector import Detector
from sissi.config.training import Background, Deceleration, EarlyLearning, Training
from sissi.config.variants import BRANCH_SECTIONS, DEFAULT, VARIANTS, Variant


class Evaluation(Settings):
    """Settings of the COCO metrics for each reader."""

    max_detections: int = Field(default=300, ge=100)
    """Additional limit of detections per image for AR, since COCO's limit of 100 is too small for dense images."""
    every_epoch: tuple[Literal["source_val", "target_val", "weak_labels"], ...] = ("source_val",)
    """Data that are evaluated in every epoch of correction: source validation images, target validation images
    (data.target_val), or the initial weak labels (agreement with them). Never the readers."""


class Tracking(Settings):
    """Settings of MLflow and of the cache."""

    folder: Path = Path("mlruns")
    """Folder of the store (mlflow.db), artifacts and working files, relative to the current folder. The environment
    variable MLFLOW_TRACKING_URI selects a server instead."""
    overlays: int = Field(default=3, ge=0)
    """Number of target training images that are logged as pictures with their pseudo labels in every cycle."""
    cache_gb: float = Field(default=20, ge=0)
    """Size limit of the cache, in GB. It holds finished and unfinished work of earlier commands and decoded images:
    see `sissi cache`."""


class Runtime(Settings):
    """Use of the hardware."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    jobs: PositiveInt = 2
    """Number of threads that all jobs of all seeds have together: a branch has one, early learning has trunk_threads.
    Each job is a process; on a machine with several GPUs each sees one of them, in turn."""
    trunk_threads: PositiveInt = 2
    """Number of threads of early learning on a CPU. It is fixed, since it can change results in the last bits."""
    deterministic: bool = False
    """Whether only deterministic operations are used. On a CPU all operations are deterministic; on a GPU this setting
    costs time."""
    engine: Literal["local", "ray"] = "local"
    """What runs the jobs: processes of this machine, at most `jobs` at a time, or Ray, as many as its nodes hold, on a
    cluster or on all GPUs of this machine; see docs/clusters.md. Results do not depend on it."""
    address: str = "auto"
    """HOST:PORT of a running Ray cluster, of which this machine is a node; auto: Ray is started on this machine."""
    gpus_per_job: float = Field(default=1, gt=0)
    """GPUs of each job on Ray, if it uses GPUs; with 0.5, two jobs share a GPU."""


class CustomVariant(Settings):
    """Further row of the table: a built-in variant with other settings."""

    of: str
    """Variant whose settings are the defaults of the row."""
    set: dict[str, Any] = Field(min_length=1)
    """Dotted keys of this experiment with other values, such as pseudo_labels.flips: [none]. Only sections that matter
    after the trunk are possible, since all rows share the trunk."""
    title: str | None = None
    """Title in the table; default: the name of the row."""

    @model_validator(mode="after")
    def _after_the_trunk(self) -> Self:
        _known_variants((self.of,))
        if not VARIANTS[self.of].corrects:
            raise ValueError(f"of: {self.of} corrects no labels, so settings of a row have no effect on it")
        for key in self.set:
            if key.partition(".")[0] not in BRANCH_SECTIONS or "." not in key:
                raise ValueError(
                    f"set: {key} cannot differ between rows: all rows share one trunk, so only keys of "
                    f"{', '.join(BRANCH_SECTIONS)} can differ"
                )
        return self


def _known_variants(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in VARIANTS:
            raise ValueError(f"unknown variant {name!r}; the variants are {', '.join(VARIANTS)}")
    return names


class Experiment(Settings):
    """Everything that determines the result of an ablation."""

    name: str = Field(min_length=1)
    """Name of the MLflow experiment."""
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    """Experiment seeds; trunk and branches are trained for each."""
    variants: Annotated[tuple[str, ...], AfterValidator(_known_variants)] = DEFAULT
    """Rows of table 1, and the reference rows weak-only and, if data.target_reference exists, oracle."""
    rows: Named[CustomVariant] = Field(default_factory=dict)
    """Further rows, by name: variants with other settings."""
    classes: Classes = Field(default_factory=dict)
    """Classes of cells: a list of their names, or a mapping from names in the labels to classes, so that several names
    can be one class; null leaves labels of a name out, and "*" is every other name. Weak labels by image processing
    have the names of `weak_labels.kind`. Default: every label is a cell. See docs/classes.md."""
    source_class: str | None = None
    """Class of the cells of the source domain whose labels name none of the classes. Default: each class in turn, so
    that the detector learns from them what a cell is, and nothing about its class."""
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
    def _classes_exist(self) -> Self:
        named: dict[str, list[str | None]] = {
            "source_class": [self.source_class],
            "pseudo_labels.class_scores": list(self.pseudo_labels.class_scores),
        }
        if isinstance(self.data, FileData):
            own = {key: labels.classes for key, labels in self.data.label_sets.items()}
            named |= {f"data.{key}.classes": [*given.values()] for key, given in own.items() if isinstance(given, dict)}
        for key, names in named.items():
            unknown = next((name for name in names if name is not None and name not in self.class_names), None)
            if unknown is not None:
                raise ValueError(f"{key}: there is no class {unknown!r}; `classes` has {', '.join(self.class_names)}")
        return self

    @model_validator(mode="after")
    def _phases_fit(self) -> Self:
        if self.detector.frozen_stages and self.detector.weights == "none":
            raise ValueError(
                "detector.frozen_stages: stages with random weights must learn; set detector.weights, or frozen_stages "
                "to 0"
            )
        if self.training.background != Background() and self.detector.preset != "lite":
            raise ValueError(
                f"training.background: preset {self.detector.preset} weights no background; set detector.preset to "
                "lite, or leave it out"
            )
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
        if self.self_training.box_loss == "initial" and self.pseudo_labels.merge not in ("add", "split"):
            raise ValueError(
                "self_training.box_loss: initial needs pseudo_labels.merge: add or split; with merge: "
                f"{self.pseudo_labels.merge} no initial label is left"
            )
        fixed, ignored = self.deceleration.start_epoch, self.self_training.ignore_doubtful
        if fixed is not None and fixed > self.early_learning.max_epochs:
            raise ValueError(
                f"deceleration.start_epoch ({fixed}) must not exceed early_learning.max_epochs "
                f"({self.early_learning.max_epochs})"
            )
        if ignored is not None and ignored >= self.pseudo_labels.score:
            raise ValueError(
                f"self_training.ignore_doubtful ({ignored}) must be below pseudo_labels.score "
                f"({self.pseudo_labels.score}), the lowest score of a pseudo label"
            )
        if "target_val" in self.evaluation.every_epoch and not self.data.target_val:
            raise ValueError("evaluation.every_epoch: target_val needs data.target_val, validation images with labels")
        for name in self.rows:
            if name in VARIANTS:
                raise ValueError(f"rows.{name}: is the name of a variant; give the row another name")
        if not self.variants and not self.rows:
            raise ValueError("variants: at least one is needed, or a row in `rows`")
        for key in ("seeds", "variants"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"{key}: each value must occur once, not {list(values)}")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes in order; their numbers are 1, 2, and so on."""
        return names_of(self.classes)

    @property
    def source_classes(self) -> Meaning:
        """Class by name in the labels of the source domain."""
        if not self.classes:
            return ONE_CLASS
        return {name: means for name, means in self.classes.items() if name != ANY} | {ANY: self.source_class or EACH}

    @property
    def lowest_score(self) -> float:
        """Lowest score of a box that label correction uses: as label, as ignore region, or to confirm a label.

        Before a calibration, boxes of all scores are needed.
        """
        labels = self.pseudo_labels
        if labels.calibrate:
            return 0.0
        scores = (labels.score, *labels.class_scores.values(), labels.confirm, self.self_training.ignore_doubtful)
        return min(score for score in scores if score is not None)

    def last_epoch(self, corrects: bool) -> int:
        """Number of the last epoch of a row, given whether the row corrects labels; see `self_training.restart`."""
        return self.training.epochs * (2 if corrects and self.self_training.restart else 1)

    @property
    def known_rows(self) -> dict[str, Variant]:
        """All available rows by name: the built-in variants, then those of `rows`."""
        return VARIANTS | {
            name: replace(VARIANTS[row.of], name=name, title=row.title or name, settings=_settings(row))
            for name, row in self.rows.items()
        }

    @property
    def table_rows(self) -> dict[str, Variant]:
        """Rows of the table in order: those of `variants`, then those of `rows`."""
        known = self.known_rows
        return {name: known[name] for name in (*self.variants, *self.rows)}


def _settings(row: CustomVariant) -> dict[str, Any]:
    return {**VARIANTS[row.of].settings, **row.set}
