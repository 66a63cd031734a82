"""Commands that train, and that score what was trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import (
    MODEL,
    Address,
    Deterministic,
    Engine,
    ExperimentFile,
    Fresh,
    Offline,
    Out,
    Overrides,
    Seeds,
    TrackingOverride,
    as_override,
    engine_overrides,
    tracking_override,
)
from sissi.errors import SissiError

if TYPE_CHECKING:
    from sissi.config import Experiment


@app.command()
def ablation(
    experiment: ExperimentFile,
    out: Out = None,
    seeds: Seeds = None,
    overrides: Overrides = None,
    tracking: TrackingOverride = None,
    offline: Offline = False,
    fresh: Fresh = False,
    deterministic: Deterministic = False,
    engine: Engine = None,
    address: Address = None,
) -> None:
    """Train every variant from one trunk, record everything in MLflow, and print table 1."""
    from sissi.config.load import load_experiment

    changes = [*(overrides or []), *_seeds(seeds), *tracking_override(tracking), *as_override(deterministic)]
    changes += engine_overrides(engine, address)
    _ablate(load_experiment(experiment, changes), out, offline, fresh)


@app.command()
def run(
    experiment: ExperimentFile,
    variant: Annotated[
        str, typer.Option(help="A row such as a+sissi-s, or of the experiment's own: see `sissi variants`.")
    ],
    out: Out = None,
    seeds: Seeds = None,
    overrides: Overrides = None,
    tracking: TrackingOverride = None,
    offline: Offline = False,
    fresh: Fresh = False,
    deterministic: Deterministic = False,
    engine: Engine = None,
    address: Address = None,
) -> None:
    """Train one variant: early learning and its branch."""
    from sissi.config.load import did_you_mean, load_experiment
    from sissi.config.variants import select_variant

    changes = [*(overrides or []), *_seeds(seeds), *tracking_override(tracking), *as_override(deterministic)]
    changes += engine_overrides(engine, address)
    whole = load_experiment(experiment, changes)
    if variant not in whole.known_rows:
        question = did_you_mean(variant, whole.known_rows)
        raise SissiError(f"--variant {variant}: no such variant{question}; there are {', '.join(whole.known_rows)}")
    _ablate(select_variant(whole, variant), out, offline, fresh)


@app.command()
def variants(
    experiment: Annotated[
        Path | None, typer.Argument(metavar="[EXPERIMENT]", help="An experiment file, whose own rows are listed too.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """List the variants of table 1, and an experiment's own rows."""
    from rich.console import Console

    from sissi.config.load import load_experiment
    from sissi.config.variants import VARIANTS
    from sissi.runtime.tables import Table, TerminalTable, row_of

    known = load_experiment(experiment, overrides or []).known_rows if experiment else VARIANTS
    starts = {
        "validation_loss": "lowest source validation loss",
        "adele": "ADELE",
        "quarter": "a quarter of all epochs",
        "never": "never: {} labels only",
    }
    rows = []
    for variant in known.values():
        start, own = starts[variant.start].format(variant.labels), variant.settings.items()
        settings = "\n".join(f"{key}: {json.dumps(value)}" for key, value in own)
        rows.append(row_of(variant.name, variant.title, start, variant.background, settings))
    header = ["name", "in the table", "correction starts", "background", "settings of its own"]
    Console().print(TerminalTable(Table("variants", "The rows of a table.", header, rows)))


@app.command()
def evaluate(
    experiment: ExperimentFile,
    model: Annotated[str, typer.Option(help=MODEL)],
    out: Out = None,
    variant: Annotated[str | None, typer.Option(help="Row of the latest ablation, for --model latest.")] = None,
    overrides: Overrides = None,
    tracking: TrackingOverride = None,
) -> None:
    """Score a trained detector on the target test images of an experiment, for each reader."""
    from rich.console import Console

    from sissi.config.load import load_experiment
    from sissi.inference.evaluate import evaluate_model
    from sissi.runtime.tables import TerminalTable

    settings = load_experiment(experiment, [*(overrides or []), *tracking_override(tracking)])
    Console().print(TerminalTable(evaluate_model(model, settings, out, variant)))


def _seeds(given: str | None) -> list[str]:
    """The override that --seeds stands for."""
    return [] if given is None else [f"seeds=[{given}]"]


def _ablate(experiment: Experiment, out: Path | None, offline: bool, fresh: bool) -> None:
    from sissi.runtime.engines import local

    if experiment.runtime.engine == "local":
        local.warm_up()  # beside the imports below, which take as long

    from rich.console import Console

    from sissi.ablation.run import run_ablation
    from sissi.runtime.progress import Display

    console = Console()
    with Display(console) as display:
        results = run_ablation(experiment, display, offline=offline, fresh=fresh)
    console.print(results.as_rich())
    if out is not None:
        results.write(out)
    if results.logged is not None:
        titles = {name: variant.title for name, variant in results.variants.items()}
        print(results.logged.next_steps(titles))
    if not results.complete:
        raise SissiError("not every variant came to its end; see the table and error.txt of its run")
