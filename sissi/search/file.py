"""A search file: which settings are searched, over what, judged by what; checked like an experiment."""

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
"""Objectives that look at no reader; each is told every cycle."""
SHOWN = 12


class Range(Settings):
    """Numbers from `low` to `high`, both included; whole ones if both are written without a decimal point."""

    low: int | float
    high: int | float
    step: int | float | None = None
    """Grid of the numbers; a grid sampler needs it."""
    log: bool = False
    """Search the logarithm."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low above 0 and no step")
        return self

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def points(self) -> list[int | float]:
        """The grid."""
        assert self.step is not None  # noqa: S101
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return [round(self.low + index * self.step, 10) for index in range(count)]


class Choices(Settings):
    """One of several values, whatever YAML can write."""

    choices: tuple[Any, ...] = Field(min_length=1)

    @property
    def points(self) -> list[Any]:
        """All of them."""
        return list(self.choices)


class Sampler(Settings):
    """Who proposes the next trial."""

    name: Literal["tpe", "grid", "random"] = "tpe"
    seed: int = Field(default=0, ge=0)


class Pruner(Settings):
    """Who stops a trial that goes badly."""

    name: Literal["none", "median", "successive_halving", "hyperband"] = "none"
    startup_trials: int = Field(default=5, ge=0)
    """Finished trials that `median` waits for."""
    warmup_cycles: int = Field(default=2, ge=0)
    """Cycles that no trial is stopped in (median)."""


class Search(Settings):
    """Everything that a search file says."""

    name: str = Field(min_length=1)
    """Of the study and of the MLflow experiment."""
    experiment: Path
    """Experiment file whose settings are the starting point; a relative path starts at the search file's folder."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Dotted keys of the experiment with other values for this search."""
    variant: str = "a+sissi-s"
    """Row of table 1 that the trials train."""
    seed: int = 0
    """Of trunk and branches."""
    objective: str = "source_val/AP50"
    """What is optimised: a metric of the source validation set as in the paper, the agreement with the weak labels, or
    held-out target images with labels (data.target_val); lower is better for a loss, higher for all others."""
    oracle: bool = False
    """Allows a reader's metric as objective. The study then tells what could be reached at best; it is no result."""
    trials: PositiveInt
    timeout: float | None = Field(default=None, gt=0)
    """Seconds after which no trial is begun."""
    sampler: Sampler = Sampler()
    pruner: Pruner = Pruner()
    storage: str | None = None
    """Optuna's storage: a database address, journal:FILE, or grpc://HOST:PORT; left out: optuna.db in the folder of
    tracking."""
    space: dict[str, Range | Choices] = Field(min_length=1)
    """Dotted keys of the experiment, each with its range or choices."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.variant not in VARIANTS:
            raise ValueError(f"variant: there is no {self.variant!r}; there are {', '.join(VARIANTS)}")
        if VARIANTS[self.variant].settings:
            raise ValueError(f"variant: {self.variant} has settings of its own; search the variant that it is made of")
        if VARIANTS[self.variant].labels == "reference":
            raise ValueError(f"variant: {self.variant} trains on the reference labels, by which nothing may be chosen")
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
            raise ValueError(f"objective: {self.objective!r} is not known; there are {', '.join(WATCHED)}")
        if not self.oracle:
            raise ValueError(
                f"objective: {self.objective} looks at a test reader, by whom nothing may be chosen; take one of "
                f"{', '.join(WATCHED)}, or say `oracle: true`, and the study is marked as such everywhere"
            )

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Which way is better."""
        return "minimize" if self.objective.endswith("/loss") else "maximize"

    @property
    def grid(self) -> list[dict[str, Any]]:
        """Every combination of a grid."""
        return [dict(zip(self.space, values, strict=True)) for values in self.combinations()]

    def combinations(self) -> list[tuple[Any, ...]]:
        """The values of every combination, in the order of `space`."""
        return list(itertools.product(*(values.points for values in self.space.values())))


def load_search(path: Path, overrides: Sequence[str] = ()) -> Search:
    """The search in a YAML file; `--set` overrides are of the experiment.

    Raises:
        ExperimentError: the file cannot be read, a key is unknown, or a value in the space is refused by the
            experiment; names file, key and what is allowed.
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
        faults = [_explain(one) for one in error.errors()]
        raise ExperimentError("\n  ".join([f"{path}: the search cannot be used", *faults])) from None
    search = search.model_copy(update={"experiment": find_beside(path, str(search.experiment))})
    for key, values in search.space.items():
        _check(path, search, list(overrides), key, values)
    return search


def experiment_of(search: Search, overrides: Sequence[str], values: Mapping[str, Any]) -> Experiment:
    """The experiment with some values of the space in it, and the objective watched every cycle."""
    watched = search.objective.partition("/")[0]
    always = [f"evaluation.every_epoch={json.dumps([watched])}"] if search.objective in WATCHED else []
    given = [f"{key}={json.dumps(value)}" for key, value in {**search.overrides, **dict(values)}.items()]
    one = {"name": search.name, "variants": [search.variant], "seeds": [search.seed]}
    pinned = [f"{key}={json.dumps(value)}" for key, value in one.items()]
    return load_experiment(search.experiment, [*given, *overrides, *always, *pinned])


def _explain(fault: Any) -> str:
    """A fault of the search file: its key if it has one, and what is wrong."""
    key, message = ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message


def _check(path: Path, search: Search, overrides: list[str], key: str, values: Range | Choices) -> None:
    """Refuse what the experiment would refuse, before anything runs."""
    ends = [values.low, values.high] if isinstance(values, Range) else values.points
    for value in ends:
        try:
            experiment_of(search, overrides, {key: value})
        except ExperimentError as error:
            raise ExperimentError(f"{path}: space.{key}: {error}") from None
