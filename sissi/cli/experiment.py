"""Commands that train, and that score what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import ExperimentFile, Fresh, Offline, Out, Overrides, Seeds
from sissi.errors import SissiError


@app.command()
def ablation(
    experiment: ExperimentFile,
    out: Out = None,
    seeds: Seeds = None,
    overrides: Overrides = None,
    offline: Offline = False,
    fresh: Fresh = False,
) -> None:
    """Train every variant from one trunk, record everything in MLflow, and print table 1."""
    _ablate(experiment, out, [*(overrides or []), *_seeds(seeds)], offline, fresh)


@app.command()
def run(
    experiment: ExperimentFile,
    variant: Annotated[str, typer.Option(help="A row of table 1, such as a+sissi-s: see `sissi variants`.")],
    out: Out = None,
    seeds: Seeds = None,
    overrides: Overrides = None,
    offline: Offline = False,
    fresh: Fresh = False,
) -> None:
    """Train one variant: early learning and its branch."""
    from sissi.variants import VARIANTS

    if variant not in VARIANTS:
        raise SissiError(f"--variant {variant}: no such variant; there are {', '.join(VARIANTS)}")
    _ablate(experiment, out, [*(overrides or []), *_seeds(seeds), f"variants=[{variant}]"], offline, fresh)


@app.command()
def variants() -> None:
    """List the variants of table 1."""
    from rich.console import Console
    from rich.table import Table

    from sissi.variants import VARIANTS

    table = Table()
    for column in ("name", "in table 1", "correction starts", "background of target images"):
        table.add_column(column)
    starts = {"validation_loss": "lowest source validation loss", "adele": "ADELE", "never": "never: {} labels only"}
    for variant in VARIANTS.values():
        table.add_row(variant.name, variant.title, starts[variant.start].format(variant.labels), variant.background)
    Console().print(table)


@app.command()
def evaluate(
    experiment: ExperimentFile,
    model: Annotated[str, typer.Option(help="A detector file, or an MLflow address such as runs:/RUN_ID/model.")],
    out: Out = None,
    overrides: Overrides = None,
) -> None:
    """Score a trained detector on the target test images of an experiment, for each reader."""
    from rich.console import Console

    from sissi import config
    from sissi.scoring import score_model

    Console().print(score_model(model, config.load(experiment, overrides or []), out))


def _seeds(given: str | None) -> list[str]:
    """The override that --seeds stands for."""
    return [] if given is None else [f"seeds=[{given}]"]


def _ablate(path: Path, out: Path | None, overrides: list[str], offline: bool, fresh: bool) -> None:
    from rich.console import Console

    from sissi import config
    from sissi.ablation import run_ablation
    from sissi.progress import Display

    experiment = config.load(path, overrides)
    console = Console()
    with Display(console) as display:
        results = run_ablation(experiment, display, out, offline=offline, fresh=fresh)
    console.print(results.as_rich())
    if not results.complete:
        raise SissiError("not every variant came to its end; see the table and error.txt of its run")
