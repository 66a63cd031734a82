"""The command that fits the settings of the weak labels to a few corrected images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import Tracking, output_file, output_folder
from sissi.cli.reading import Channels, Plane, Projection, image_reading
from sissi.names import FormatName, PipelineSetting


@app.command()
def tune(
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGES", help="A folder, patterns such as 'well_*.tif', or single files.")
    ],
    truth: Annotated[
        Path, typer.Option(metavar="LABELS", help="True labels of some of the images, 5 to 10, corrected by hand.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="YAML file for the settings; an old one is replaced.", callback=output_file),
    ],
    truth_format: Annotated[FormatName, typer.Option(help="Format of the true labels.")] = "coco",
    truth_classes: Annotated[
        list[str] | None,
        typer.Option("--truth-class", help="Class of the truth that counts as a cell; all without it. Repeatable."),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for trials.csv and Optuna's plots.", callback=output_folder),
    ] = None,
    pipeline: Annotated[
        PipelineSetting | None, typer.Option(help="The only pipeline to be tried; all without it.")
    ] = None,
    cell_size: Annotated[
        float | None,
        typer.Option(metavar="PX", help="Longer side of a typical cell, in px; without it the true boxes tell it."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML of settings that stay as they are; others are searched.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting that stays, as dead.radius=[10,20]. Repeatable."),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials of the study, and of each fold.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and the sampler.")] = 0,
    tracking: Tracking = Path("mlruns"),
    plane: Plane = None,
    projection: Projection = None,
    channels: Channels = None,
) -> None:
    """Fit the settings of the weak labels to a few corrected images; the same command goes on after a stop."""
    from rich.console import Console
    from rich.progress import Progress

    from sissi.config.load import load_weak_labels
    from sissi.data.find import decode_all
    from sissi.data.image_arguments import find_arguments
    from sissi.data.problems import Problems
    from sissi.data.weak_label_summary import describe_cell_size, read_truth
    from sissi.data.weak_labelling import sized
    from sissi.runtime.tables import TerminalTable
    from sissi.search.tuning import outputs
    from sissi.search.tuning.run import Options, corrected_images, total_trials
    from sissi.search.tuning.run import tune as tuned

    given = {"pipeline": pipeline, "cell_size": cell_size}
    overrides = [f"{key}={value}" for key, value in given.items() if value is not None]
    options = Options(load_weak_labels(settings, [*(changes or []), *overrides]), trials, seed, tracking)
    problems = Problems()
    reading = image_reading(plane, projection, channels)
    samples = decode_all(find_arguments(images, problems), "IMAGES", problems, reading)
    corrected = corrected_images(samples, read_truth(truth, truth_format, truth_classes, samples, problems))
    untuned, found = sized(samples, options.given, problems)
    print(describe_cell_size(untuned, found))
    for line in problems.summary():
        print(f"warning: {line}", file=sys.stderr)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("tuning", total=total_trials(len(corrected), trials))
        result = tuned(corrected, untuned, options, lambda: bar.advance(task), print)
    outputs.write_settings(result, out)
    if plots:
        outputs.write_plots(result, plots)
    Console().print(TerminalTable(outputs.table(result)))
    print(outputs.sentence(result))
    print(f"wrote the settings to {out}; the study is in {result.address}, which `make dashboard` shows")
