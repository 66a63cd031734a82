"""Search file: settings to be searched, their space and the objective, validated like an experiment."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, PositiveInt, ValidationError, model_validator

from sissi.config import Experiment
from sissi.config.base import Settings
from sissi.config.load import load_experiment
from sissi.config.shipped_files import find_beside, find_file
from sissi.config.variants import VARIANTS
from sissi.errors import ExperimentError
from sissi.evaluation.metrics import TABLE_METRICS

WATCHED = (
    "source_val/AP50", "source_val/AP", "source_val/AR", "source_val/loss", "weak_labels/AP50", "weak_labels/AP",
    "weak_labels/AR", "target_val/AP50", "target_val/AP", "target_val/AR",
)  # fmt: skip
"""Objectives that use no reader; each is logged in every cycle."""
SHOWN = 12


class Range(Settings):
    """Numbers from `low` to `high`, both inclusive; integers if both are written without a decimal point."""

    low: int | float
    high: int | float
    step: int | float | None = None
    """Step of the grid of numbers; a grid sampler needs it."""
    log: bool = False
    """Whether the logarithm of the numbers is searched."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs low above 0 and no step")
        return self

    @property
    def whole(self) -> bool:
        """Whether the numbers are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def points(self) -> list[int | float]:
        """Numbers of the grid."""
        assert self.step is not None  # noqa: S101
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return [round(self.low + index * self.step, 10) for index in range(count)]


class Choices(Settings):
    """Choice of one of several values of any YAML type."""

    choices: tuple[Any, ...] = Field(min_length=1)

    @property
    def points(self) -> list[Any]:
        """All values."""
        return list(self.choices)


class Sampler(Settings):
    """Method that proposes the next trial."""

    name: Literal["tpe", "grid", "random"] = "tpe"
    seed: int = Field(default=0, ge=0)


class Pruner(Settings):
    """Method that stops trials with bad intermediate values."""

    name: Literal["none", "median", "successive_halving", "hyperband"] = "none"
    startup_trials: int = Field(default=5, ge=0)
    """Number of finished trials before `median` stops any trial."""
    warmup_cycles: int = Field(default=2, ge=0)
    """Number of cycles in which `median` stops no trial."""


class Search(Settings):
    """Settings of a study."""

    name: str = Field(min_length=1)
    """Name of the study and of the MLflow experiment."""
    experiment: Path
    """Experiment file with the default settings; a relative path refers to the folder of the search file."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Dotted keys of the experiment with other values for this search."""
    variant: str = "a+sissi-s"
    """Row of table 1 that the trials train."""
    seed: int = 0
    """Experiment seed of trunk and branches."""
    objective: str = "source_val/AP50"
    """Metric to be optimised: of the source validation images as in the paper, of the initial weak labels (agreement),
    or of the target validation images (data.target_val). Lower is better for a loss, higher for all others."""
    oracle: bool = False
    """Whether the metric of a reader is allowed as objective. The study then shows an upper limit, not a result."""
    trials: PositiveInt
    timeout: float | None = Field(default=None, gt=0)
    """Time in s after which no trial starts."""
    sampler: Sampler = Sampler()
    pruner: Pruner = Pruner()
    storage: str | None = None
    """Optuna's storage: a database address, journal:FILE, or grpc://HOST:PORT; default: optuna.db in the folder of
    tracking."""
    space: dict[str, Range | Choices] = Field(min_length=1)
    """Dotted keys of the experiment, each with its range or choices."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant: unknown variant {self.variant!r}; the variants are {', '.join(VARIANTS)}")
        if VARIANTS[self.variant].settings:
            raise ValueError(f"variant: {self.variant} has its own settings; search the variant that it is based on")
        if VARIANTS[self.variant].labels != "weak":
            raise ValueError(
                f"variant: {self.variant} is trained on {VARIANTS[self.variant].labels} labels, from which no search "
                "starts; use another variant"
            )
        if self.objective not in WATCHED:
            self._check_reader()
        if self.sampler.name == "grid":
            for key, values in self.space.items():
                if isinstance(values, Range) and values.step is None:
                    raise ValueError(f"space.{key}: sampler grid needs a step")
        return self

    def _check_reader(self) -> None:
        reader, _, metric = self.objective.partition("/")
        others = [name.partition("/")[0] for name in WATCHED]
        if not reader or reader in others or metric not in TABLE_METRICS:
            raise ValueError(f"objective: unknown objective {self.objective!r}; use one of {', '.join(WATCHED)}")
        if not self.oracle:
            raise ValueError(
                f"objective: {self.objective} is a metric of a test reader, which must not select anything; use one of "
                f"{', '.join(WATCHED)}, or set `oracle: true`, which marks the study as an oracle study everywhere"
            )

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Direction of the optimisation."""
        return "minimize" if self.objective.endswith("/loss") else "maximize"

    @property
    def grid(self) -> list[dict[str, Any]]:
        """All combinations of a grid, by dotted key."""
        return [dict(zip(self.space, values, strict=True)) for values in self.combinations()]

    def combinations(self) -> list[tuple[Any, ...]]:
        """Values of all combinations, in the order of `space`."""
        return list(itertools.product(*(values.points for values in self.space.values())))


def load_search(path: Path, overrides: Sequence[str] = ()) -> Search:
    """Read a search from a YAML file.

    Args:
        path: search file.
        overrides: `key.key=value` overrides of the experiment.

    Raises:
        ExperimentError: the file cannot be read, a key is unknown, or the experiment does not allow a value of the
            space. The message names file, key and what is allowed.
    """
    path = find_file(path, "search")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        search = Search.model_validate(tree)
    except FileNotFoundError:
        raise ExperimentError(f"{path}: no such search file; `sissi experiments` lists the shipped ones") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ExperimentError(f"{path}: cannot be read: {error}") from None
    except ValidationError as error:
        faults = [_explain(fault) for fault in error.errors()]
        raise ExperimentError("\n  ".join([f"{path}: the search cannot be used", *faults])) from None
    search = search.model_copy(update={"experiment": find_beside(path, str(search.experiment))})
    if search.oracle and not experiment_of(search, overrides, {}).data.target_test:
        raise ExperimentError(
            f"{path}: objective: {search.objective} is a metric of a test reader, and the experiment has none "
            "(data.target_test)"
        )
    for key, values in search.space.items():
        _check(path, search, list(overrides), key, values)
    return search


def experiment_of(search: Search, overrides: Sequence[str], values: Mapping[str, Any]) -> Experiment:
    """Experiment of a search with values of the space, in which the objective is evaluated in every cycle.

    Args:
        search: search.
        overrides: `key.key=value` overrides of the experiment.
        values: values by dotted key.
    """
    watched = search.objective.partition("/")[0]
    always = [f"evaluation.every_epoch={json.dumps([watched])}"] if search.objective in WATCHED else []
    given = [f"{key}={json.dumps(value)}" for key, value in {**search.overrides, **dict(values)}.items()]
    fixed = {"name": search.name, "variants": [search.variant], "seeds": [search.seed]}
    pinned = [f"{key}={json.dumps(value)}" for key, value in fixed.items()]
    return load_experiment(search.experiment, [*given, *overrides, *always, *pinned])


def _explain(fault: Any) -> str:
    """Fault of the search file as text: its key if it has one, and what is wrong."""
    key, message = ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message


def _check(path: Path, search: Search, overrides: list[str], key: str, values: Range | Choices) -> None:
    """Check that the experiment allows the values of a key, before any trial runs."""
    ends = [values.low, values.high] if isinstance(values, Range) else values.points
    for value in ends:
        try:
            experiment_of(search, overrides, {key: value})
        except ExperimentError as error:
            raise ExperimentError(f"{path}: space.{key}: {error}") from None
