"""Search space of a tuning, derived from the models of the settings: pipelines, and factors on their settings."""

from __future__ import annotations

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
RATIO_EXPONENT = 1.5
"""Largest exponent on the ratio of the ends of an interval; the smallest is its inverse."""
PIPELINE, CELL, RATIO = "pipeline", "cell_size", ".ratio"


@dataclass(frozen=True)
class Dimension:
    """Setting of a pipeline that is searched.

    A number is searched as a factor on its untuned value, on a logarithmic scale, so that the untuned settings are the
    centre of the space. An interval has a factor for both ends, and an exponent for their ratio.

    Attributes:
        name: parameter of the trial, such as `inhibited.area`.
        key: setting.
        untuned: default, for cells of `DRAWN_CELL` px.
        scales: how the setting follows from the size of a cell; None if it does not.
        choices: allowed values of a setting that is no number.
        whole: whether it is a whole number.
        share: whether it is a share in (0, 1), of which the odds are searched.
    """

    name: str
    key: str
    untuned: Any
    scales: Scales | None
    choices: tuple[Any, ...]
    whole: bool
    share: bool

    @property
    def centre(self) -> dict[str, Any]:
        """Parameters of the trial that stand for the untuned setting."""
        if isinstance(self.untuned, tuple):
            return {self.name: 1.0, f"{self.name}{RATIO}": 1.0}
        return {self.name: self.untuned if self.choices else 1.0 if self.untuned else 0.0}

    def suggest(self, trial: BaseTrial, cell_size: float) -> Any:
        """Value of the setting that a trial proposes, for cells of a size in px."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        if not self.untuned:
            return rounded(trial.suggest_float(self.name, 0, 1) * FROM_ZERO * cell_size)
        largest = SIZE_FACTOR if self.scales else FACTOR
        factor = trial.suggest_float(self.name, 1 / largest, largest, log=True)
        if not isinstance(self.untuned, tuple):
            return self._at(self.untuned, factor, cell_size)
        low, high = self.untuned
        exponent = trial.suggest_float(f"{self.name}{RATIO}", 1 / RATIO_EXPONENT, RATIO_EXPONENT, log=True)
        return tuple(self._at(end, factor, cell_size) for end in (low, low * (high / low) ** exponent))

    def _at(self, untuned: float, factor: float, cell_size: float) -> float:
        if self.scales:
            value: float = self.scales.at(untuned, factor * cell_size / DRAWN_CELL)
        elif self.share:
            value = untuned * factor / (1 + untuned * (factor - 1))
        else:
            value = untuned * factor
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
        found = (_dimension(pipeline, section, key) for key in type(section).model_fields)
        return [one for one in found if one is not None]

    def untuned(self, pipeline: PipelineName) -> dict[str, Any]:
        """Parameters of the trial that stands for the untuned settings of a pipeline."""
        size = {CELL: 1.0} if self.sizes_searched else {}
        return {PIPELINE: pipeline} | size | {k: v for one in self.dimensions(pipeline) for k, v in one.centre.items()}

    def suggest(self, trial: BaseTrial, cell_size: float) -> WeakLabels:
        """Settings that a trial proposes for cells of a size in px: of its pipeline, every setting."""
        pipeline = cast(PipelineName, trial.suggest_categorical(PIPELINE, self.pipelines))
        if self.sizes_searched:
            cell_size = rounded(cell_size * trial.suggest_float(CELL, 1 / CELL_FACTOR, CELL_FACTOR, log=True))
        section: SizedSettings = getattr(self.given, pipeline)
        values = {one.key: one.suggest(trial, cell_size) for one in self.dimensions(pipeline)}
        tuned = section.model_validate(section.model_dump() | values)
        given = {key: getattr(self.given, key) for key in self.given.model_fields_set}
        return WeakLabels.model_validate(given | {PIPELINE: pipeline, CELL: cell_size, pipeline: tuned})


def rounded(value: float) -> float:
    """Number with three digits, as it is written to a file of settings."""
    return float(f"{value:.3g}")


def _dimension(pipeline: str, section: SizedSettings, key: str) -> Dimension | None:
    """Dimension of a setting; None if it is given, or 0 without a size that it follows."""
    field, untuned, scales = type(section).model_fields[key], getattr(section, key), section.sizes().get(key)
    choices = (False, True) if field.annotation is bool else ()
    if get_origin(field.annotation) is Literal:
        choices = get_args(field.annotation)
    if key in section.model_fields_set or not (untuned or scales or choices):
        return None
    share = any(isinstance(limit, Le) and limit.le == 1 for limit in field.metadata)
    return Dimension(f"{pipeline}.{key}", key, untuned, scales, choices, field.annotation is int, share)
