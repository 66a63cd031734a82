"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.errors import SissiError, TrackingError
from sissi.runtime.files import require_writable

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


def output_folder(out: Path | None) -> Path | None:
    """Refuse an output folder that cannot be written, while the command line is read."""
    if out is not None:
        require_writable(out, folder=True)
    return out


def output_file(out: Path | None) -> Path | None:
    """Refuse an output file that cannot be written, while the command line is read."""
    if out is not None:
        require_writable(out, folder=False)
    return out


def writable_output(out: Path | None) -> Path | None:
    """The same for a file or folder that must be new."""
    if out is not None:
        require_writable(out, folder=None)
    return out


Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Also write the results to this folder.", callback=output_folder),
]
OutFolder = Annotated[
    Path,
    typer.Option("--out", metavar="DIR", help="Folder for the results; made if it is missing.", callback=output_folder),
]
Offline = Annotated[bool, typer.Option("--offline", help="Record on this machine alone; `sissi upload` delivers it.")]
Deterministic = Annotated[
    bool, typer.Option("--deterministic", help="The same bits every time, on a GPU too; sets runtime.deterministic.")
]
Engine = Annotated[
    str | None, typer.Option("--engine", metavar="local|ray", help="What runs the jobs; sets runtime.engine. [local]")
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="Ray cluster that runs the jobs; without it, Ray is started here."
    ),
]
PredictEngine = Annotated[
    str | None, typer.Option("--engine", metavar="local|ray", help="What predicts: this machine, or Ray. [local]")
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Processes of this machine that predict.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Train everything again, whatever is there.")]


Variant = Annotated[str | None, typer.Option(help="Row of the latest ablation, where MODEL is latest.")]
Score = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Lowest score that counts; default: as in training, 0.4 if it is unknown."),
]
MODEL = "A detector file, an MLflow address such as runs:/RUN_ID/model, or latest."
Tracking = Annotated[
    Path, typer.Option("--tracking", metavar="DIR", help="Tracking folder: the runs, and the work that is kept.")
]
TrackingOverride = Annotated[
    Path | None,
    typer.Option("--tracking", metavar="DIR", help="Tracking folder: the runs, and the work that is kept. [mlruns]"),
]


def existing_folder(tracking: Path) -> Path:
    """The tracking folder, which a command that only reads does not make.

    Raises:
        TrackingError: it does not exist.
    """
    if not tracking.is_dir():
        raise TrackingError(
            f"{tracking}: no such tracking folder; name the one that the ablation wrote to with --tracking, or run the "
            "command where it is"
        )
    return tracking


def tracking_override(folder: Path | None) -> list[str]:
    """The override that --tracking stands for."""
    return [] if folder is None else [f"tracking.folder={folder}"]


def as_override(deterministic: bool) -> list[str]:
    """The override that --deterministic stands for."""
    return ["runtime.deterministic=true"] if deterministic else []


def ray_address(engine: str | None, address: str | None) -> str | None:
    """The address of Ray that --engine and --address stand for, auto to start it here; None: no Ray.

    Raises:
        SissiError: there is no such engine, or it has no address.
    """
    if engine not in (None, "local", "ray"):
        raise SissiError(f"--engine {engine}: there is no such engine; give local or ray")
    if engine == "local" and address is not None:
        raise SissiError("--address: is that of a Ray cluster, and --engine is local; leave out one of the two")
    return address or ("auto" if engine == "ray" else None)


def engine_overrides(engine: str | None, address: str | None) -> list[str]:
    """The overrides that --engine and --address stand for; an address alone means Ray."""
    engine = engine or ("ray" if address else None)
    given = {"runtime.engine": engine, "runtime.address": address}
    return [f"{key}={value}" for key, value in given.items() if value is not None]
