"""Records as CSV: one way for every table that is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd


def to_csv(records: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None, missing: str = "") -> str:
    """Records as CSV with a header line, floats at full precision.

    Args:
        records: a mapping a row.
        columns: their names in order; those of all records where it is left out.
        missing: what stands for None and nan.
    """
    listed = list(records)
    names = list(dict.fromkeys(key for record in listed for key in record)) if columns is None else list(columns)
    frame = pd.DataFrame([[record.get(name) for name in names] for record in listed], columns=names, dtype=object)
    return str(frame.to_csv(index=False, na_rep=missing, lineterminator="\n"))
