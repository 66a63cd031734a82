"""The command that answers Label Studio with what a detector finds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sissi.cli.app import app
from sissi.cli.options import MODEL, Score, Tracking, Variant
from sissi.cli.predict import tile_size


@app.command()
def serve(
    model: Annotated[str, typer.Argument(help=MODEL)],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the images that Label Studio serves as local files; only they are read."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's are open to the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = 9090,
    label_studio: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="LABEL_STUDIO_URL",
            help="Address of Label Studio: uploaded images come from it, with LABEL_STUDIO_API_KEY or the token that "
            "it gives, and from nowhere else.",
        ),
    ] = "http://127.0.0.1:8080",
    score: Score = None,
    tile: Annotated[str, typer.Option(metavar="HEIGHTxWIDTH|auto|none", help="As in `sissi predict`.")] = "auto",
    variant: Variant = None,
    tracking: Tracking = Path("mlruns"),
) -> None:
    """Answer Label Studio as an ML backend: boxes for its tasks, to be corrected on its page."""
    import os

    from sissi.inference.predict_chunks import load_detector
    from sissi.inference.serving.backend import Backend
    from sissi.inference.serving.server import make_server
    from sissi.inference.serving.task_images import TaskImages
    from sissi.inference.trained_model import find_model

    source = TaskImages(images, label_studio, os.environ.get("LABEL_STUDIO_API_KEY") or None)
    trained = find_model(model, tracking, variant)
    backend = Backend(trained, load_detector(trained.file), source, score, tile_size(tile))
    with make_server(backend, host, port) as server:
        print(
            f"{backend.version} answers Label Studio at http://{host}:{server.server_port}; Ctrl-C ends it", flush=True
        )
        server.serve_forever()
