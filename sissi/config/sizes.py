"""Sizes among the settings, in px: those that are not given follow from the size of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import PositiveFloat, PositiveInt, SerializerFunctionWrapHandler, model_serializer

from sissi.config.base import Interval, OddKernel, Settings

DRAWN_CELL = 23.0
"""Longer side of a typical cell of the demo's drawings, in px: the default of each size is for such cells."""


@dataclass(frozen=True)
class Scales:
    """How a setting follows from the size of a cell.

    Attributes:
        power: 1 for a length, 2 for an area.
        step: the setting is a whole number of these from `lowest` on; 0: any number.
        lowest: smallest value.
    """

    power: int = 1
    step: int = 0
    lowest: int = 0

    def at(self, value: Any, factor: float) -> Any:
        """A size, or a tuple of sizes, for cells that are larger by this factor."""
        if isinstance(value, tuple):
            return tuple(self.at(part, factor) for part in value)
        scaled = value * factor**self.power
        return self.lowest + max(0, round((scaled - self.lowest) / self.step)) * self.step if self.step else scaled


Length = Annotated[PositiveFloat, Scales()]
"""Length in px."""
Pixels = Annotated[PositiveInt, Scales(step=1, lowest=1)]
"""Length in whole px."""
Window = Annotated[OddKernel, Scales(step=2, lowest=3)]
"""Side of a square window in px, odd."""
Lengths = Annotated[Interval, Scales()]
"""Smallest and largest length, in px."""
Area = Annotated[Interval, Scales(power=2)]
"""Smallest and largest area, in square px."""


class SizedSettings(Settings):
    """Settings of which those annotated with `Scales` follow from the size of a cell, unless they are given.

    Their defaults are for cells of `DRAWN_CELL` px. What is written to a file has only the sizes that were given, so
    that the others still follow from the size of a cell when it is read.
    """

    @classmethod
    def sizes(cls) -> dict[str, Scales]:
        """How each size follows from the size of a cell, by the name of the setting."""
        kinds = {
            name: [one for one in field.metadata if isinstance(one, Scales)] for name, field in cls.model_fields.items()
        }
        return {name: found[0] for name, found in kinds.items() if found}

    def open_sizes(self) -> set[str]:
        """Names of the sizes that are not given."""
        return set(self.sizes()) - self.model_fields_set

    def for_cells_of(self, cell_size: float) -> Self:
        """These settings with every size given: those that were, and else those for cells of `cell_size` px."""
        return self._with_scaled(self.open_sizes(), cell_size / DRAWN_CELL)

    def scaled(self, factor: float) -> Self:
        """These settings for the same image, enlarged by a factor."""
        return self._with_scaled(set(self.sizes()), factor)

    def _with_scaled(self, names: set[str], factor: float) -> Self:
        sizes = self.sizes()
        return self.model_validate(dict(self) | {name: sizes[name].at(getattr(self, name), factor) for name in names})

    @model_serializer(mode="wrap")
    def _without_open_sizes(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name not in self.open_sizes()}
