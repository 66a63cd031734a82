"""Commands about what is kept between commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import Tracking, existing_folder
from sissi.errors import SissiError


@app.command()
def upload(tracking: Tracking = Path("mlruns")) -> None:
    """Deliver to MLflow what was recorded offline, or while a server did not answer."""
    from sissi.tracking import upload as deliver

    runs, left = deliver(existing_folder(tracking), print)
    if left:
        raise SissiError(f"{left} records could not be delivered; run the same command when MLflow answers")
    print(f"delivered {runs} runs" if runs else "there is nothing to deliver")


@app.command()
def cache(
    tracking: Tracking = Path("mlruns"),
    clear: Annotated[bool, typer.Option("--clear", help="Delete all of it, but what somebody works on.")] = False,
) -> None:
    """Show, or clear, the finished and half-finished work that is kept so that it need not be done again."""
    from rich.console import Console

    from sissi.runtime.cache import Cache
    from sissi.runtime.tables import Cell, Table, TerminalTable, row_of

    store = Cache(existing_folder(tracking) / "cache")
    if clear:
        removed = store.prune(0, unused_for=0)
        print(f"removed {len(removed)} pieces of work")
        return
    rows = [
        [*row_of(entry.kind, entry.digest[:12]), Cell(f"{entry.size / 1e6:.1f}", entry.size),
         *row_of(entry.used_at, entry.state)]
        for entry in store.entries()
    ]  # fmt: skip
    header = ["kind", "digest", "MB", "last used", "finished"]
    Console().print(TerminalTable(Table("cache", "Work that is kept, the longest unused first.", header, rows, keys=2)))
