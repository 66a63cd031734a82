"""Commands about experiment files: those that come with the package, and the schema of all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import output_file


@app.command()
def experiments(
    copy: Annotated[
        str | None, typer.Option("--copy", metavar="NAME", help="Write one of them to a new file, to be edited.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The new file; NAME.yaml without it.", callback=output_file),
    ] = None,
) -> None:
    """List the experiments, searches and settings that come with sissi; commands take them by name."""
    from rich.console import Console

    from sissi.config.shipped_files import SUFFIX, copy_file, shipped_files
    from sissi.runtime.tables import Table, TerminalTable, row_of

    if copy is not None:
        file = out or Path(f"{Path(copy).name}{SUFFIX}")
        copy_file(copy, file)
        print(file)
        return
    rows = [row_of(shipped.name, shipped.title) for shipped in shipped_files()]
    Console().print(TerminalTable(Table("experiments", "Files that come with sissi.", ["name", "what"], rows)))


@app.command()
def schema(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write it to this file instead.", callback=output_file),
    ] = None,
) -> None:
    """Print the JSON schema of an experiment file, with which editors complete and explain keys."""
    from sissi.config.schema import experiment_schema

    if out is None:
        print(experiment_schema(), end="")
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(experiment_schema(), encoding="utf-8")
        print(out)
