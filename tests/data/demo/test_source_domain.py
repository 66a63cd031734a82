"""A source domain that is drawn at the size of the target's cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sissi.boxes import EMPTY, make_boxes
from sissi.config import Experiment
from sissi.config.load import load_experiment
from sissi.data.demo import source_images
from sissi.data.load import load_images
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError, ExperimentError

DATA = """\
base: smoke
data:
  kind: files
  target_train: {format: coco, images: images, labels: labels.json}
  source: drawn
  drawn_source: {train: 4, val: 2}
"""


def experiment(folder: Path, *overrides: str) -> Experiment:
    (folder / "lab.yaml").write_text(DATA)
    return load_experiment(folder / "lab.yaml", [f"tracking.folder={folder / 'mlruns'}", *overrides])


def target(side: float, size: int = 200) -> list[Sample]:
    return [Sample("a", Path("a"), size, size, make_boxes([[5, 5, 5 + side, 5 + side / 2]] * 3))]


def drawn(folder: Path, labelled: list[Sample], *overrides: str) -> tuple[list[Sample], list[Sample]]:
    settings = experiment(folder, *overrides)
    train, val = source_images(settings.data, settings, labelled)
    return tuple(load_images(part, folder, Problems(), "data.source_train") for part in (train, val))


def typical(samples: list[Sample]) -> float:
    return float(np.median(np.concatenate([np.maximum(one.boxes.widths, one.boxes.heights) for one in samples])))


@pytest.mark.parametrize("cell", [10, 24, 40])
def test_cells_have_the_size_of_the_target_s_in_a_frame(tmp_path: Path, cell: int) -> None:
    size = "training.image_size=[128, 160]"
    train, val = drawn(tmp_path, target(cell * 200 / 160), size, "data.drawn_source.train=12")
    assert (len(train), len(val)) == (12, 2) and {(one.height, one.width) for one in train} == {(128, 160)}
    assert typical(train) == pytest.approx(cell, rel=0.2)


def test_a_size_that_is_given_needs_no_labels(tmp_path: Path) -> None:
    nothing = [Sample("a", Path("a"), 200, 200, EMPTY)]
    train, _ = drawn(tmp_path, nothing, "data.drawn_source.cell_size=30", "data.drawn_source.train=12")
    assert typical(train) == pytest.approx(30, rel=0.25)
    with pytest.raises(DataError, match=r"data\.drawn_source\.cell_size: auto is the size .* there is none"):
        drawn(tmp_path, nothing)


def test_a_cell_larger_than_a_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"150 px is more than the shorter side of training\.image_size \(96 px\)"):
        drawn(tmp_path, target(20), "data.drawn_source.cell_size=150")


def test_the_images_are_drawn_once_and_again_only_for_other_sizes_or_seeds(tmp_path: Path) -> None:
    folder = tmp_path / "mlruns/drawn_source"
    first, _ = drawn(tmp_path, target(40))
    again, _ = drawn(tmp_path, target(40.2))
    assert [one.path for one in first] == [one.path for one in again]
    other, _ = drawn(tmp_path, target(40), "data.drawn_source.seed=1")
    assert {one.content for one in first}.isdisjoint(one.content for one in other)
    drawn(tmp_path, target(60))
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["data.source=null"], "source_train and source_val: missing; give images of other cells"),
        (["data.source_train={format: cellpose, images: a}"], "source: drawn takes the place of source_train"),
        (["data.source=painted"], "data.source"),
        (["data.drawn_source.train=1"], "data.drawn_source.train"),
    ],
)
def test_a_source_is_either_given_or_drawn(tmp_path: Path, change: list[str], told: str) -> None:
    with pytest.raises(ExperimentError, match=told):
        experiment(tmp_path, *change)


def test_files_take_the_place_of_the_drawn_source(tmp_path: Path) -> None:
    files = [f"data.source_{role}={{format: cellpose, images: {role}}}" for role in ("train", "val")]
    settings = experiment(tmp_path, "data.source=null", *files)
    train, val = source_images(settings.data, settings, [])
    assert (train.images, val.images) == (Path("train"), Path("val"))
