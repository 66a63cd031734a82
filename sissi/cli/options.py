"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ExperimentFile = Annotated[
    Path,
    typer.Argument(
        metavar="EXPERIMENT", help="An experiment file, or the name of a shipped one (`sissi experiments`)."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key, such as training.learning_rate=0.002. Repeatable."
    ),
]
Seeds = Annotated[
    str | None, typer.Option("--seeds", metavar="N,N,...", help="Repeat everything for each of these: 0,1,2.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Also write the results to this folder.", file_okay=False)
]
Offline = Annotated[bool, typer.Option("--offline", help="Record on this machine alone; `sissi upload` delivers it.")]
Deterministic = Annotated[
    bool, typer.Option("--deterministic", help="The same bits every time, on a GPU too; sets runtime.deterministic.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Train everything again, whatever is there.")]


def as_override(deterministic: bool) -> list[str]:
    """The override that --deterministic stands for."""
    return ["runtime.deterministic=true"] if deterministic else []
