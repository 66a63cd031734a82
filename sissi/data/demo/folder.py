"""The demo as a folder with an experiment file of its own: the pattern for a lab's own images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sissi.config import DemoData
from sissi.config.load import dump_experiment, load_experiment
from sissi.data.demo import write_demo
from sissi.errors import ExperimentError

HEADER = """\
# The demo images of this folder, read as a lab's own images are. Run it from anywhere:
#
#   sissi ablation {path}
"""


def write_demo_folder(experiment_file: Path, overrides: Sequence[str], out: Path) -> Path:
    """Draw the demo of an experiment into a new folder, and beside the images an experiment file that reads them.

    Returns:
        The experiment file.

    Raises:
        ExperimentError: the experiment is not about demo images.
        DataError: `out` exists.
    """
    experiment = load_experiment(experiment_file, overrides)
    if not isinstance(experiment.data, DemoData):
        raise ExperimentError(f"{experiment_file}: data.kind is files, not demo: there is nothing to draw")
    files = write_demo(experiment.data, out).model_copy(update={"folder": Path()})
    path = out / "experiment.yaml"
    text = dump_experiment(experiment.model_copy(update={"name": f"{experiment.name}-files", "data": files}))
    path.write_text(HEADER.format(path=path) + text, encoding="utf-8")
    return path
