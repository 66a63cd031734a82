"""Search space of a tuning, derived from the models of the settings: pipelines, and factors on their settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args, get_origin

from annotated_types import Le
from optuna.trial import BaseTrial

from sissi.config import WeakLabels
from sissi.config.sizes import DRAWN_CELL, Scales, SizedSettings
from sissi.names import PipelineName

CELL_FACTOR = 1.4
"""Largest factor between the searched size of a cell and the size that the true boxes tell, up and down."""
SIZE_FACTOR = 2.0
"""The same for a size, beside the factor of the cell size, on which all sizes depend."""
FACTOR = 4.0
"""The same for any other number, such as a threshold."""
FROM_ZERO = 0.05
"""Largest value of a length that is 0 untuned, in sizes of a cell."""
PIPELINE, CELL = "pipeline", "cell_size"


@dataclass(frozen=True)
class Dimension:
    """Number, end of an interval, or choice among the settings of a pipeline.

    A number is searched as a factor on its untuned value, on a logarithmic scale, so that the untuned settings are the
    centre of the space.

    Attributes:
        name: parameter of the trial, such as `inhibited.area.low`.
        key: setting.
        untuned: default, for cells of `DRAWN_CELL` px.
        scales: how the setting follows from the size of a cell; None if it does not.
        choices: allowed values of a setting that is no number.
        whole: whether it is a whole number.
        highest: largest allowed value.
    """

    name: str
    key: str
    untuned: Any
    scales: Scales | None
    choices: tuple[Any, ...]
    whole: bool
    highest: float

    @property
    def start(self) -> Any:
        """Value of the parameter that stands for the untuned setting."""
        return self.untuned if self.choices else 1.0 if self.untuned else 0.0

    def suggest(self, trial: BaseTrial, cell_size: float) -> Any:
        """Value of the setting that a trial proposes, for cells of a size in px."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        if not self.untuned:
            return rounded(trial.suggest_float(self.name, 0, 1) * FROM_ZERO * cell_size)
        largest = SIZE_FACTOR if self.scales else FACTOR
        factor = trial.suggest_float(self.name, 1 / largest, largest, log=True)
        if self.scales:
            value = self.scales.at(self.untuned, factor * cell_size / DRAWN_CELL)
        else:
            value = min(self.untuned * factor, self.highest)
        return max(1, round(value)) if self.whole else rounded(value)


@dataclass(frozen=True)
class Space:
    """Search space over pipelines and their settings; what is given is not searched.

    Attributes:
        given: settings; a pipeline, a cell size and any setting of a pipeline that is given stays.
    """

    given: WeakLabels

    @property
    def pipelines(self) -> tuple[PipelineName, ...]:
        """Names of the pipelines to choose from."""
        every: tuple[PipelineName, ...] = get_args(PipelineName)
        return tuple(name for name in every if name == self.given.pipeline) or every

    @property
    def sizes_searched(self) -> bool:
        """Whether the size of a cell is searched."""
        return self.given.cell_size == "auto"

    def dimensions(self, pipeline: PipelineName) -> list[Dimension]:
        """Dimensions of a pipeline."""
        section: SizedSettings = getattr(self.given, pipeline)
        return [found for key in type(section).model_fields for found in _dimensions(pipeline, section, key)]

    def untuned(self, pipeline: PipelineName) -> dict[str, Any]:
        """Parameters of the trial that stands for the untuned settings of a pipeline."""
        size = {CELL: 1.0} if self.sizes_searched else {}
        return {PIPELINE: pipeline} | size | {one.name: one.start for one in self.dimensions(pipeline)}

    def suggest(self, trial: BaseTrial, cell_size: float) -> WeakLabels:
        """Settings that a trial proposes for cells of a size in px: of its pipeline, every setting."""
        pipeline = cast(PipelineName, trial.suggest_categorical(PIPELINE, self.pipelines))
        if self.sizes_searched:
            cell_size *= trial.suggest_float(CELL, 1 / CELL_FACTOR, CELL_FACTOR, log=True)
        found: dict[str, list[Any]] = {}
        for one in self.dimensions(pipeline):
            found.setdefault(one.key, []).append(one.suggest(trial, cell_size))
        section: SizedSettings = getattr(self.given, pipeline)
        values = {key: ends[0] if len(ends) == 1 else tuple(sorted(ends)) for key, ends in found.items()}
        tuned = section.model_validate(section.model_dump() | values)
        given = {key: getattr(self.given, key) for key in self.given.model_fields_set}
        return WeakLabels.model_validate(given | {PIPELINE: pipeline, CELL: rounded(cell_size), pipeline: tuned})


def rounded(value: float) -> float:
    """Number with three digits, as it is written to a file of settings."""
    return float(f"{value:.3g}")


def _dimensions(pipeline: str, section: SizedSettings, key: str) -> Iterator[Dimension]:
    """Dimensions of a setting: none if it is given, or 0 without a size that it follows; two for an interval."""
    field, untuned, scales = type(section).model_fields[key], getattr(section, key), section.sizes().get(key)
    if key in section.model_fields_set:
        return
    choices = (False, True) if field.annotation is bool else ()
    if get_origin(field.annotation) is Literal:
        choices = get_args(field.annotation)
    limits: list[Any] = [limit.le for limit in field.metadata if isinstance(limit, Le)]
    highest = min(limits, default=float("inf"))
    whole, name = field.annotation is int, f"{pipeline}.{key}"
    if isinstance(untuned, tuple):
        for end, value in zip(("low", "high"), untuned, strict=True):
            yield Dimension(f"{name}.{end}", key, value, scales, choices, whole, highest)
    elif choices or untuned or scales:
        yield Dimension(name, key, untuned, scales, choices, whole, highest)
