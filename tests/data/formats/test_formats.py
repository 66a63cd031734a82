"""What is written in a format is read back by it, within the format's precision."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sissi.boxes import EMPTY, Boxes, make_boxes, scale
from sissi.config import LabelFiles
from sissi.config.data import ONE_FILE
from sissi.data.formats import FORMATS, write_labels
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import FormatName
from tests.strategies import boxes

HEIGHT, WIDTH = 80, 100
NAMES = ("a.png", "alive/ä b.1.png", "alive/c_img.png")
EXACT = [name for name in FORMATS if name not in ("yolo", "cellpose")]
ANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return [sample(tmp_path / "images", name) for name in NAMES]


def sample(folder: Path, name: str, height: int = HEIGHT, width: int = WIDTH) -> Sample:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (width, height)).save(folder / name)
    return Sample(name, folder / name, height, width, EMPTY)


def back(format: str, samples: list[Sample], out: Path, files: list[Path]) -> tuple[dict[str, Boxes], list[str]]:
    """The boxes of written files, and the kinds of the problems."""
    problems = Problems()
    source = LabelFiles(format=format, labels=files[0] if format in ONE_FILE else out)
    found = read_labels(source, Path(), samples, problems, "key")
    return found, sorted({problem.kind for problem in problems.found})


def round_trip(format: str, samples: list[Sample], labels: list[Boxes], out: Path) -> dict[str, Boxes]:
    found, kinds = back(format, samples, out, write_labels(format, samples, labels, out))
    assert set(kinds) <= {"task that was never in Label Studio, its boxes used as they were written"}
    assert list(found) == [one.name for one in samples]
    return found


@pytest.mark.parametrize("format", EXACT)
@ANY
@given(labels=st.lists(boxes(WIDTH, HEIGHT), min_size=3, max_size=3))
def test_boxes_are_exact(tmp_path: Path, samples: list[Sample], format: str, labels: list[Boxes]) -> None:
    found = round_trip(format, samples, labels, tmp_path / "out")
    for one, expected in zip(samples, labels, strict=True):
        np.testing.assert_array_equal(found[one.name].xyxy, expected.xyxy)
        scores = np.ones_like(expected.scores) if not FORMATS[format].scores else expected.scores
        np.testing.assert_array_equal(found[one.name].scores, scores)


@st.composite
def any_float32_boxes(draw: st.DrawFn) -> Boxes:
    """Boxes with any float32 corners with 0 <= left < right <= WIDTH, and any scores."""

    def pair(most: int) -> st.SearchStrategy[list[float]]:
        return st.lists(st.floats(0, most, width=32), min_size=2, max_size=2, unique=True).map(sorted)

    rows = draw(st.lists(st.tuples(pair(WIDTH), pair(HEIGHT), st.floats(0, 1, width=32)), max_size=4))
    return make_boxes([[x[0], y[0], x[1], y[1]] for x, y, _ in rows], [score for _, _, score in rows])


@pytest.mark.parametrize("format", ["celllab", "cells", "coco", "cvat", "imagej", "qupath", "voc"])
@ANY
@given(written=any_float32_boxes())
def test_any_float32_is_exact(tmp_path: Path, samples: list[Sample], format: str, written: Boxes) -> None:
    found = round_trip(format, samples[:1], [written], tmp_path / "out")
    np.testing.assert_array_equal(found[NAMES[0]].xyxy, written.xyxy)


@pytest.mark.parametrize("format", ["label_studio", "napari", "yolo"])
@ANY
@given(labels=boxes(WIDTH, HEIGHT), x=st.floats(0.1, 1), y=st.floats(0.1, 1))
def test_fractions_of_the_image_are_exact_to_a_ten_thousandth_of_a_px(
    tmp_path: Path, samples: list[Sample], format: str, labels: Boxes, x: float, y: float
) -> None:
    written = scale(labels, x, y)
    found = round_trip(format, samples[:1], [written], tmp_path / "out")
    np.testing.assert_allclose(found[NAMES[0]].xyxy, written.xyxy, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(found[NAMES[0]].scores, written.scores)


@pytest.mark.parametrize("format", FORMATS)
def test_images_of_any_size_without_boxes_are_images_without_cells(tmp_path: Path, format: str) -> None:
    many = [sample(tmp_path / "images", f"{side}.png", side, 2 * side) for side in (1, 33)]
    found = round_trip(format, many, [EMPTY, EMPTY], tmp_path / "out")
    assert [len(found[one.name]) for one in many] == [0, 0]


@pytest.mark.parametrize("format", FORMATS)
def test_the_files_that_were_written_are_told(tmp_path: Path, samples: list[Sample], format: str) -> None:
    out = tmp_path / "deep" / "out"
    files = write_labels(format, samples, [EMPTY] * 3, out)
    assert {path for path in out.rglob("*") if path.is_file()} == set(files)
    assert len(files) == {"imagej": 4, "yolo": 4}.get(format, 1 if format in ONE_FILE else 3)


@pytest.mark.parametrize(
    ("format", "name"), [("coco", "my.json"), ("label_studio", "a b.JSON"), ("cvat", "t.xml"), ("cells", "t.csv")]
)
def test_one_file_can_be_named(tmp_path: Path, samples: list[Sample], format: str, name: str) -> None:
    assert write_labels(format, samples, [EMPTY] * 3, tmp_path / "new" / name) == [tmp_path / "new" / name]


@pytest.mark.parametrize("format", ["celllab", "imagej", "napari", "qupath", "voc", "yolo"])
def test_two_images_that_would_share_a_file_are_refused(tmp_path: Path, format: str) -> None:
    many = [sample(tmp_path / "images", name) for name in ("a.png", "a.jpg")]
    with pytest.raises(
        DataError, match=r"out/a\.(txt|xml|zip|csv|geojson): would hold the labels of a\.png, a\.jpg; rename one"
    ):
        write_labels(format, many, [EMPTY, EMPTY], tmp_path / "out")


def test_an_unknown_format_and_a_wrong_number(tmp_path: Path, samples: list[Sample]) -> None:
    with pytest.raises(DataError, match=r"labelme: no such label format; there are celllab, .*, yolo"):
        write_labels("labelme", samples, [EMPTY] * 3, tmp_path / "out")
    with pytest.raises(ValueError, match="2 sets of boxes for 3 images"):
        write_labels("voc", samples, [EMPTY] * 2, tmp_path / "out")


def test_the_documentation_has_every_format_with_its_loss_of_scores() -> None:
    rows = [
        line.split("|") for line in Path("docs/label-formats.md").read_text().splitlines() if line.startswith("| `")
    ]
    table = {row[1].strip(" `"): row[5].strip().startswith("kept") for row in rows if len(row) == 7}
    assert table == {name: one.scores for name, one in FORMATS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_a_hundred_thousand_boxes(tmp_path: Path, format: str) -> None:
    one = sample(tmp_path / "images", "a.png", 1000, 2500)
    left, top = (axis.ravel() for axis in np.meshgrid(np.arange(0, 2500, 5), np.arange(0, 1000, 5)))
    many = make_boxes(np.stack([left, top, left + 4, top + 4], axis=1))
    assert len(many) == 100_000
    found = round_trip(format, [one], [many], tmp_path / "out")
    np.testing.assert_allclose(found["a.png"].xyxy, many.xyxy, rtol=0, atol=1e-3)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_gives_labels_or_an_error_that_names_it_or_its_image(
    tmp_path: Path, samples: list[Sample], format: str, data: st.DataObject
) -> None:
    files = write_labels(format, samples[:1], [make_boxes([[1, 2, 30, 40], [5, 6, 7, 8]], [0.5, 1])], tmp_path / "out")
    content = bytearray(files[0].read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        size = data.draw(st.integers(0, 8))
        content[place : place + size] = data.draw(st.binary(max_size=3) | st.sampled_from([b"-", b"9", b"null", b"[]"]))
    files[0].write_bytes(content)
    try:
        found, _ = back(format, samples[:1], tmp_path / "out", files)
    except DataError as error:
        names = (files[0].name, str(samples[0].path), "has no class")
        assert any(name in str(error) for name in names)
    else:
        for some in found.values():
            assert np.isfinite(some.xyxy).all() and ((some.scores >= 0) & (some.scores <= 1)).all()


def test_the_names_of_the_command_line_and_of_experiments_are_those_of_the_formats():
    assert get_args(FormatName) == tuple(FORMATS)
