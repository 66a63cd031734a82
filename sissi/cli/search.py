"""Commands that search settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import (
    Address,
    Deterministic,
    Engine,
    Offline,
    Out,
    Overrides,
    TrackingOverride,
    as_override,
    engine_overrides,
    tracking_override,
)


@app.command()
def search(
    file: Annotated[
        Path, typer.Argument(metavar="SEARCH", help="A search file, or the name of a shipped one, such as threshold.")
    ],
    out: Out = None,
    overrides: Overrides = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials of the study, all commands together.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds after which no trial is begun.")] = None,
    storage: Annotated[str | None, typer.Option(help="Optuna's storage, such as journal:study.log.")] = None,
    tracking: TrackingOverride = None,
    offline: Offline = False,
    deterministic: Deterministic = False,
    engine: Engine = None,
    address: Address = None,
) -> None:
    """Search settings with Optuna; the same command goes on with a study, or works on it beside another."""
    from sissi.runtime.engines import local
    from sissi.search.file import experiment_of, load_search

    given = {"trials": trials, "timeout": timeout, "storage": storage}
    changed = [*(overrides or []), *tracking_override(tracking), *as_override(deterministic)]
    changed += engine_overrides(engine, address)
    wanted = load_search(file, changed).model_copy(
        update={key: value for key, value in given.items() if value is not None}
    )
    if experiment_of(wanted, changed, {}).runtime.engine == "local":
        local.warm_up()  # beside the imports below, which take as long

    from rich.console import Console

    from sissi.runtime.progress import Display
    from sissi.search.results import sentence
    from sissi.search.run import run_search

    console = Console()
    with Display(console) as display:
        summary = run_search(wanted, changed, display, out, offline=offline)
    console.print(sentence(summary), highlight=False)
    console.print(f"The study is in {summary.address}; `make dashboard` shows it.", highlight=False)
