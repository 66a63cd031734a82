"""YOLO's text files: fractions of the image, classes by number or name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sissi.boxes import make_boxes
from sissi.data.classes import label_classes
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.formats.yolo import read_labels, write_labels
from sissi.data.problems import Problem, Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

HEIGHT, WIDTH = 20, 40
LINE = "0 0.5 0.5 0.25 0.5"
BOX = [15, 5, 25, 15]


def read(
    labels: Path, *names: str, classes: tuple[str, ...] | None = None
) -> tuple[dict[str, list[list[float]]], list[Problem]]:
    problems = Problems()
    folder = labels.parent / "images"
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("L", (WIDTH, HEIGHT)).save(folder / name)
    found = read_labels(labels, {name: folder / name for name in names}, label_classes({}, classes), problems)
    return {name: boxes.xyxy.tolist() for name, boxes in found.items()}, problems.found


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    (tmp_path / "labels").mkdir()
    return tmp_path / "labels"


def test_centre_and_sides_are_fractions_of_the_image(labels: Path) -> None:
    (labels / "a.txt").write_text(f"{LINE}\n0 0.1 0.2 0.2 0.4\n")
    (labels / "b.txt").touch()
    assert read(labels, "a.jpg", "b.jpg", "c.jpg") == ({"a.jpg": [BOX, [0, 0, 8, 8]], "b.jpg": []}, [])


def test_predictions_have_a_score(labels: Path) -> None:
    (labels / "a.txt").write_text(f"{LINE} 0.75\n{LINE}\n")
    Image.new("L", (WIDTH, HEIGHT)).save(labels / "a.png")
    found = read_labels(labels, {"a.png": labels / "a.png"}, label_classes({}), Problems())
    assert found["a.png"].scores.tolist() == [0.75, 1]


@pytest.mark.parametrize(
    "line",
    ["0 0.5 0.5 0.25", f"{LINE} 1.5", f"{LINE} nan", "0 a b c d", "0 0 0 1 0 1 1 7", "cell"],
    ids=["short", "score above 1", "score nan", "words", "polygon's score above 1", "class alone"],
)
def test_a_line_that_is_no_box_is_named_and_dropped(labels: Path, line: str) -> None:
    (labels / "a.txt").write_text(f"\n{LINE}\n{line}\n")
    found, problems = read(labels, "a.jpg")
    assert found == {"a.jpg": [BOX]}
    assert problems == [Problem(labels / "a.txt", "line that is no box, dropped", f"a.txt:3: {line!r}")]


@pytest.mark.parametrize("corners", [3, 4, 12])
def test_a_polygon_gives_the_box_around_it(labels: Path, corners: int) -> None:
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    x, y = 0.5 + 0.2 * np.cos(angles), 0.5 + 0.3 * np.sin(angles)
    points = " ".join(f"{value:.9f}" for pair in zip(x, y, strict=True) for value in pair)
    (labels / "a.txt").write_text(f"1 {points}\n1 {points} 0.75\n{LINE}\n")
    Image.new("L", (WIDTH, HEIGHT)).save(labels / "a.png")
    found = read_labels(labels, {"a.png": labels / "a.png"}, label_classes({}), Problems())["a.png"]
    expected = [x.min() * WIDTH, y.min() * HEIGHT, x.max() * WIDTH, y.max() * HEIGHT]
    np.testing.assert_allclose(found.xyxy, [expected, expected, BOX], atol=1e-4)
    assert found.scores.tolist() == [1, 0.75, 1]


def test_a_file_with_no_usable_line_has_no_labels(labels: Path) -> None:
    (labels / "a.txt").write_text("0 0.5 0.5\n")
    (labels / "b.txt").write_text(" \n\n")
    found, problems = read(labels, "a.jpg", "b.jpg")
    assert found == {"b.jpg": []}
    assert [one.kind for one in problems] == ["line that is no box, dropped"]


def test_edges_rounded_to_six_decimals_stay_in_the_image(labels: Path) -> None:
    (labels / "a.txt").write_text(f"0 {1 / 3:.6f} 0.5 {2 / 3:.6f} 1\n0 0.1 0.5 0.21 1\n")
    found, _ = read(labels, "a.jpg")
    assert found["a.jpg"][0] == [0, 0, pytest.approx(WIDTH * 2 / 3, abs=1e-4), HEIGHT]
    assert found["a.jpg"][1][0] == pytest.approx(-0.2)  # more than rounding: left to the cleaning


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels/classes.txt", "RBC\nWBC\n"),
        ("obj.names", "RBC\nWBC\n"),
        ("data.yaml", "names: [RBC, WBC]\n"),
        ("data.yaml", "train: images\nnames:\n  0: RBC\n  1: WBC\n"),
    ],
)
def test_classes_by_name(labels: Path, name: str, content: str) -> None:
    (labels.parent / name).write_text(content)
    (labels / "a.txt").write_text(f"{LINE}\n1.0 0.1 0.2 0.2 0.4\n")
    assert read(labels, "a.jpg", classes=("WBC",)) == ({"a.jpg": [[0, 0, 8, 8]]}, [])
    with pytest.raises(DataError, match=r"has no class 1; .* there is: RBC, WBC"):
        read(labels, "a.jpg", classes=("1",))


def test_a_class_without_a_name_is_noted_and_used_by_its_number(labels: Path) -> None:
    (labels / "classes.txt").write_text("RBC\n")
    (labels / "a.txt").write_text("7 0.1 0.2 0.2 0.4\n")
    found, problems = read(labels, "a.jpg")
    assert found == {"a.jpg": [[0, 0, 8, 8]]}
    assert problems == [Problem(labels / "a.txt", "class that has no name, used by its number", "a.txt:1: 7")]


@pytest.mark.parametrize(
    ("content", "reason"), [("names: [", "is not valid YAML"), ("names: RBC", "names: is neither a list nor")]
)
def test_names_that_cannot_be_read(labels: Path, content: str, reason: str) -> None:
    (labels.parent / "data.yaml").write_text(content)
    (labels / "a.txt").write_text(LINE)
    with pytest.raises(DataError, match=rf"data\.yaml: {reason}"):
        read(labels, "a.jpg")


def test_files_without_an_image_and_files_that_are_no_text(labels: Path) -> None:
    (labels / "a.txt").write_text(LINE)
    (labels / "b.txt").write_text(LINE)
    assert read(labels, "a.jpg")[1] == [Problem(labels / "b.txt", LABELS_WITHOUT_IMAGE)]
    (labels / "a.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(DataError, match=rf"{labels}/a\.txt: cannot be read as text"):
        read(labels, "a.jpg")


def test_the_written_files_in_full(tmp_path: Path) -> None:
    samples = [Sample(name, tmp_path / name, HEIGHT, WIDTH, make_boxes([])) for name in ("a.png", "b.png")]
    labels = [make_boxes([BOX]), make_boxes([])]
    write_labels(samples, labels, tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_text() == "0 0.500000000 0.500000000 0.250000000 0.500000000\n"
    assert (tmp_path / "out" / "b.txt").read_text() == ""
    assert (tmp_path / "out" / "classes.txt").read_text() == "cell\n"
    write_labels(samples, [make_boxes([BOX]), make_boxes([BOX], [0.5])], tmp_path / "out")
    ends = [(tmp_path / "out" / f"{name}.txt").read_text().split()[-1] for name in "ab"]
    np.testing.assert_array_equal([float(end) for end in ends], [1, 0.5])
