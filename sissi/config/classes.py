"""Classes of cells: their names in order, and which class a name in labels stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from sissi.names import CELL_NAME

ANY = "*"
"""In place of a name in labels: every name that is not listed, and labels without a name."""
EACH = "*"
"""In place of a class: each class in turn."""
MEAN = "mean"
"""Name of the mean over classes among their scores, which no class can have."""
_NAME = re.compile(r"\w[\w .-]*")
"""Names that label files, MLflow's metrics and files can hold."""

Meaning = Mapping[str, str | None]
"""Class by name in labels; None: such labels are left out."""
ONE_CLASS: Meaning = MappingProxyType({})
"""Every label is a cell."""


def _as_mapping(given: Any) -> Any:
    """A list of names as a mapping of each name to itself."""
    if not isinstance(given, list | tuple):
        return given
    if len(set(map(str, given))) != len(given):
        raise ValueError(f"each class must occur once, not {list(given)}")
    return {str(name): name for name in given}


def _named(meaning: dict[str, str | None]) -> dict[str, str | None]:
    for name in names_of(meaning):
        if name == MEAN or not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot be the name of a class: a name has letters, digits, spaces, dots and dashes, begins "
                f"with a letter or digit, and is not {MEAN!r}"
            )
    if meaning and not any(meaning.values()):
        raise ValueError("at least one name must stand for a class; all are null")
    return meaning


Classes = Annotated[
    dict[str, str | None],
    BeforeValidator(_as_mapping, json_schema_input_type=dict[str, str | None] | list[str]),
    AfterValidator(_named),
]
"""Class by name in labels, in the order of the classes."""


def names_of(meaning: Meaning) -> tuple[str, ...]:
    """The classes of a mapping in order; `cell` where it is empty."""
    named = (name for name in meaning.values() if name not in (None, EACH))
    return tuple(dict.fromkeys(name for name in named if name)) or (CELL_NAME,)
