"""Conversion of records to CSV, the same for every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd


def to_csv(records: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None, missing: str = "") -> str:
    """Records as CSV with a header line, floats at full precision.

    Args:
        records: one mapping per row.
        columns: column names in order; default: the names of all records.
        missing: text for None and NaN.
    """
    listed = list(records)
    names = list(dict.fromkeys(key for record in listed for key in record)) if columns is None else list(columns)
    frame = pd.DataFrame([[record.get(name) for name in names] for record in listed], columns=names, dtype=object)
    return str(frame.to_csv(index=False, na_rep=missing, lineterminator="\n"))
