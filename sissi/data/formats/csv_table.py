"""Label tables as CSV, from sissi or changed in a spreadsheet."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from sissi.errors import DataError

DELIMITERS = ",;\t"
"""That spreadsheets write between columns; with a semicolon or a tab, a comma is read as a decimal point."""


@dataclass(frozen=True)
class CsvTable:
    """A CSV file.

    Attributes:
        columns: names of the columns, in small letters.
        rows: values by column, with the number of the line; values that a line lacks are empty.
    """

    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]


def read_csv(file: Path, expected: str) -> CsvTable:
    """A CSV file with a header line; empty lines are passed over.

    Args:
        file: in UTF-8, with commas, semicolons or tabs between columns.
        expected: columns that it should have, for the message.

    Raises:
        DataError: it cannot be read, or is empty.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
            stream.seek(0)
            reader = csv.reader(stream, delimiter=max(DELIMITERS, key=head.count))
            lines = [(reader.line_num, line) for line in reader if any(value.strip() for value in line)]
    except FileNotFoundError as error:
        raise DataError(f"no such file: {file}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: cannot be read as CSV: {error}; the columns {expected} are expected") from error
    if not lines:
        raise DataError(f"{file}: is empty; a line with the columns {expected} is expected")
    columns = tuple(name.strip().lower() for name in lines[0][1])
    return CsvTable(
        columns,
        [
            (number, dict.fromkeys(columns, "") | {name: value.strip() for name, value in zip(columns, line)})  # noqa: B905
            for number, line in lines[1:]
        ],
    )


def read_float(text: str) -> float:
    """A number of a table, also with a comma as decimal point.

    Raises:
        ValueError: it is none.
    """
    return float(text.replace(",", "."))


def read_score(text: str) -> float:
    """A score from 0 to 1; 1 where there is none.

    Raises:
        ValueError: it is not such a number.
    """
    score = read_float(text) if text else 1.0
    if not 0 <= score <= 1:
        raise ValueError(f"{text} is no score from 0 to 1")
    return score
