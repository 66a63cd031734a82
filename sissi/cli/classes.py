"""The option that says which classes the names in labels stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from sissi.errors import SissiError

Meaning = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="NAME=CLASS",
        help="Class of the labels of a name, as inhib=inhibited; * is every other name, and no CLASS leaves them out. "
        "Repeatable; without it every label is a cell.",
    ),
]


def class_meaning(given: Sequence[str] | None) -> dict[str, str | None]:
    """Class by name in labels, as `classes` of an experiment.

    Raises:
        SissiError: a text has no equals sign, or a class has an impossible name.
    """
    from pydantic import TypeAdapter, ValidationError

    from sissi.config.classes import Classes

    meaning: dict[str, str | None] = {}
    for text in given or ():
        name, equals, means = text.rpartition("=")
        if not equals:
            raise SissiError(f"--map {text}: write it as NAME=CLASS, such as inhib=inhibited")
        meaning[name] = means or None
    try:
        return TypeAdapter(Classes).validate_python(meaning)
    except ValidationError as error:
        raise SissiError(f"--map: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
