"""The commands: each reads its arguments and calls one function; heavy packages are imported inside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sissi import __version__
from sissi.errors import SissiError

app = typer.Typer(
    help="Semi-supervised correction of imperfect cell labels: train, correct, compare and track the six variants.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Images and labels.", no_args_is_help=True)
app.add_typer(data_app, name="data")

ExperimentFile = Annotated[
    Path, typer.Argument(metavar="EXPERIMENT", help="An experiment file, such as experiments/demo.yaml.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key, such as training.learning_rate=0.002. Repeatable."
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Also write the results to this folder.", file_okay=False)
]


@app.command()
def ablation(experiment: ExperimentFile, out: Out = None, overrides: Overrides = None) -> None:
    """Train every variant from one trunk, record everything in MLflow, and print table 1."""
    _ablate(experiment, out, overrides or [])


@app.command()
def run(
    experiment: ExperimentFile,
    variant: Annotated[str, typer.Option(help="A row of table 1, such as a+sissi-s: see `sissi variants`.")],
    out: Out = None,
    overrides: Overrides = None,
) -> None:
    """Train one variant: early learning and its branch."""
    from sissi.variants import VARIANTS

    if variant not in VARIANTS:
        raise SissiError(f"--variant {variant}: no such variant; there are {', '.join(VARIANTS)}")
    _ablate(experiment, out, [*(overrides or []), f"variants=[{variant}]"])


@app.command()
def variants() -> None:
    """List the variants of table 1."""
    from rich.console import Console
    from rich.table import Table

    from sissi.variants import VARIANTS

    table = Table()
    for column in ("name", "in table 1", "correction starts", "background of target images"):
        table.add_column(column)
    starts = {"validation_loss": "lowest source validation loss", "adele": "ADELE", "never": "never: reference row"}
    for variant in VARIANTS.values():
        table.add_row(variant.name, variant.title, starts[variant.start], variant.background)
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


@data_app.command("demo")
def data_demo(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to; made if it is missing.")],
    experiment: Annotated[Path, typer.Option(help="Experiment file whose data section describes the demo.")] = Path(
        "experiments/demo.yaml"
    ),
    overrides: Overrides = None,
) -> None:
    """Draw the demo images, in the layouts that a lab's own images can take."""
    from sissi.data.demo_folder import write_demo_folder

    print(write_demo_folder(experiment, overrides or [], out))


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(f"sissi {__version__}")
        raise typer.Exit


def _ablate(path: Path, out: Path | None, overrides: list[str]) -> None:
    from rich.console import Console

    from sissi import config, table
    from sissi.ablation import run_ablation
    from sissi.progress import Display

    experiment = config.load(path, overrides)
    console = Console()
    with Display(console) as display:
        rows = run_ablation(experiment, display, out)
    console.print(table.as_rich(rows))
    if any(row.status != "ok" for row in rows):
        raise SissiError("not every variant came to its end; see the table and error.txt of its run")


def main() -> None:
    """Entry point: faults that a user can mend end in one message, not in a traceback."""
    try:
        app()
    except SissiError as error:
        print(f"sissi: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("sissi: stopped", file=sys.stderr)
        sys.exit(130)
