"""Settings become samples: labels are read, cleaned, counted, and what cannot be used is refused with its key."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import sissi.data.weak_labelling
from sissi.boxes import EMPTY, Boxes, make_boxes, same
from sissi.config import DeadCells, DemoData, LabelledImages, WeakLabels
from sissi.config.data import ONE_FILE
from sissi.config.sizes import DRAWN_CELL
from sissi.data.demo.series import target_image
from sissi.data.formats import write_labels
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.load import load_images
from sissi.data.problems import Problems
from sissi.data.resized import resized_dataset
from sissi.data.sample import Sample, digest
from sissi.errors import DataError
from sissi.runtime.cache import Cache
from tests.data.formats.label_writing import HEIGHT, WIDTH, coco, image, text

KEY = "data.target_train"


def load(folder: Path, cache: Cache | None = None, **settings: Any) -> tuple[list[Sample], Counter[str]]:
    """Samples and how often there was each kind of problem."""
    problems, chosen = Problems(), LabelledImages(**{"format": "celllab", "images": "images"} | settings)
    samples = load_images(chosen, folder, problems, KEY, cache)
    return samples, Counter(problem.kind for problem in problems.found)


def boxes_of(samples: list[Sample]) -> dict[str, list[list[float]]]:
    return {sample.name: sample.boxes.xyxy.tolist() for sample in samples}


# --- a data set in each format ----------------------------------------------------------------------------------------


def test_celllab(tmp_path: Path) -> None:
    for name in ("inhib/c", "alive/b", "alive/a"):
        image(tmp_path / "images" / f"{name}.jpg")
        text(tmp_path / "images" / f"{name}.txt", "cell 1 2 10 12")
    samples, problems = load(tmp_path)
    assert boxes_of(samples) == {name: [[1, 2, 10, 12]] for name in ("alive/a.jpg", "alive/b.jpg", "inhib/c.jpg")}
    assert [sample.category for sample in samples] == ["alive", "alive", "inhib"]
    assert {(sample.height, sample.width) for sample in samples} == {(HEIGHT, WIDTH)}
    assert not problems


def test_cellpose(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint16)
    mask[2:5, 3:9] = 4
    image(tmp_path / "images" / "000_img.png")
    Image.fromarray(mask).save(tmp_path / "images" / "000_masks.png")
    samples, problems = load(tmp_path, format="cellpose")
    assert boxes_of(samples) == {"000_img.png": [[3, 2, 9, 5]]}
    assert not problems


def test_voc_beside_its_images(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.jpg")
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    objects = "".join(f"<object><name>{name}</name>{box}</object>" for name in ("RBC", "WBC", "Platelets"))
    text(tmp_path / "images" / "a.xml", f"<annotation>{objects}</annotation>")
    samples, _ = load(tmp_path, format="voc", classes=("RBC", "WBC"))
    assert boxes_of(samples) == {"a.jpg": [[1, 2, 3, 4], [1, 2, 3, 4]]}


def test_coco(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    coco(tmp_path / "a.json", a=[[1, 2, 3, 4]])
    samples, problems = load(tmp_path, format="coco", labels="a.json")
    assert boxes_of(samples) == {"a.png": [[1, 2, 4, 6]]}
    assert not problems


@pytest.mark.parametrize("format", ["yolo", "label_studio", "cvat"])
def test_corrected_labels_of_images_sorted_into_folders(tmp_path: Path, format: str) -> None:
    paths = [image(tmp_path / "images" / name) for name in ("alive/a.png", "dead/a.png")]
    given = [Sample(f"{path.parent.name}/a.png", path, HEIGHT, WIDTH, EMPTY) for path in paths]
    files = write_labels(format, given, [make_boxes([[1, 2, 3, 4]]), EMPTY], tmp_path / "labels")
    labels = files[0] if format in ONE_FILE else Path("labels")
    samples, _ = load(tmp_path, format=format, labels=labels)
    assert boxes_of(samples) == {"alive/a.png": [[1, 2, 3, 4]], "dead/a.png": []}
    with pytest.raises(ValueError, match="needs `labels`") if format in ONE_FILE else nullcontext():
        LabelledImages(format=format, images="images")


def test_labels_in_a_folder_of_their_own_and_deep_images(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    levels = np.linspace(0, 60_000, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    tifffile.imwrite(tmp_path / "images" / "a.tif", levels.astype(np.uint16))
    text(tmp_path / "labels" / "a.txt", "cell 1 2 10 12")
    samples, _ = load(tmp_path, labels="labels")
    assert boxes_of(samples) == {"a.tif": [[1, 2, 10, 12]]}


# --- cleaning and counting --------------------------------------------------------------------------------------------


def test_boxes_are_cleaned_and_counted(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(
        tmp_path / "images" / "a.txt",
        "cell 1 2 30 20",
        "cell 1 2 31 20",
        "cell 5 5 5 9",
        "cell 9 9 5 5",
        "cell 40 2 50 9",
        "cell nan 2 5 9",
        "cell 1 2 3",
    )
    samples, problems = load(tmp_path)
    assert boxes_of(samples) == {"a.png": [[1, 2, 30, 20], [1, 2, 30, 20]]}
    assert problems == {
        "line that is no box, dropped": 1,
        "box with a coordinate that is no number, dropped": 1,
        "box without width or height, dropped": 2,
        "box outside the image, dropped": 1,
        "box over the edge of the image, cut": 1,
    }


def test_an_image_without_labels_is_kept_and_counted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / "images" / f"{name}.png")
    text(tmp_path / "images" / "a.txt", "cell 1 2 10 12")
    text(tmp_path / "images" / "c.txt", "cell 1 2 10 12")
    samples, problems = load(tmp_path)
    assert boxes_of(samples) == {"a.png": [[1, 2, 10, 12]], "b.png": []}
    assert problems == {"image without labels, used without boxes": 1, LABELS_WITHOUT_IMAGE: 1}


def test_with_a_limit_labels_of_other_images_are_no_problem(tmp_path: Path) -> None:
    for index in range(6):
        image(tmp_path / "images" / f"{index}.png")
        text(tmp_path / "images" / f"{index}.txt", f"cell 1 2 {index + 3} 12")
    samples, problems = load(tmp_path, limit=2)
    assert boxes_of(samples) == {"0.png": [[1, 2, 3, 12]], "3.png": [[1, 2, 6, 12]]}
    assert not problems
    text(tmp_path / "images" / "6.txt", "cell 1 2 10 12")
    assert load(tmp_path, limit=2)[1] == {LABELS_WITHOUT_IMAGE: 1}


# --- what is refused --------------------------------------------------------------------------------------------------


def test_missing_folders_are_named_with_their_key(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{KEY}\.images: no such file or folder: {tmp_path}/images; .*data\.folder"):
        load(tmp_path)
    image(tmp_path / "images" / "a.png")
    with pytest.raises(DataError, match=rf"{KEY}\.labels: no such file or folder: {tmp_path}/text; .*data\.folder"):
        load(tmp_path, labels="text")
    with pytest.raises(DataError, match=rf"{KEY}\.labels: no such file or folder: {tmp_path}/a.json"):
        load(tmp_path, format="coco", labels="a.json")


def test_broken_images_are_refused_before_labels_are_read(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / "images" / f"{name}.png").write_bytes(b"broken")
        text(tmp_path / "images" / f"{name}.txt", "cell 1 2 10 12")
    with pytest.raises(DataError, match=rf"{KEY}: 2 of 2 images cannot be used(.|\n)*a\.png: (.|\n)*b\.png: "):
        load(tmp_path)


def test_labels_of_which_none_fits(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "images" / "other.txt", "cell 1 2 10 12")
    with pytest.raises(DataError, match=rf"{KEY}: no image has labels of the format celllab in {tmp_path}/images"):
        load(tmp_path)


def test_an_unusable_label_file_is_named_with_the_key(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "a.json", "{}")
    with pytest.raises(DataError, match=rf"{KEY}: {tmp_path}/a\.json: images: is missing"):
        load(tmp_path, format="coco", labels="a.json")


# --- weak labels ------------------------------------------------------------------------------------------------------

DRAWN = {"cell_size": DRAWN_CELL}
"""Settings for images without cells, in which their size cannot be estimated."""


def fake_labels(seen: list[tuple[int, str, str | None]]) -> Any:
    def label_cells(pixels: np.ndarray, settings: WeakLabels, category: str | None) -> Boxes:
        seen.append((int(pixels[0, 0, 0]), settings.pipeline, category))
        return make_boxes([[-2, 1, 5, 6]] if pixels[0, 0, 0] < 200 else [])

    return label_cells


def test_weak_labels_replace_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str, str | None]] = []
    monkeypatch.setattr(sissi.data.weak_labelling, "label_cells", fake_labels(seen))
    image(tmp_path / "images" / "alive" / "a.png", 50)
    image(tmp_path / "images" / "dead" / "b.png", 250)
    text(tmp_path / "images" / "alive" / "a.txt", "not read")
    samples, problems = load(tmp_path, weak_labels=DRAWN)
    assert boxes_of(samples) == {"alive/a.png": [[0, 1, 5, 6]], "dead/b.png": []}
    assert sorted(seen) == [(50, "category", "alive"), (250, "category", "dead")]
    assert problems == {"image in which the weak labels find no cell, used without boxes": 1}


def test_one_pipeline_needs_no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str, str | None]] = []
    monkeypatch.setattr(sissi.data.weak_labelling, "label_cells", fake_labels(seen))
    image(tmp_path / "images" / "a.png", 50)
    load(tmp_path, format="coco", weak_labels=DRAWN | {"pipeline": "dead"})
    assert seen == [(50, "dead", None)]


def test_weak_labels_by_category_need_folders(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    with pytest.raises(DataError, match=rf"{KEY}\.weak_labels\.pipeline: .*alive, dead, inhib"):
        load(tmp_path, weak_labels=DRAWN)


def test_the_real_pipeline_finds_a_round_cell(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:80, :100]
    disc = (rows - 40) ** 2 + (columns - 50) ** 2 <= 10**2
    (tmp_path / "images" / "dead").mkdir(parents=True)
    Image.fromarray(np.where(disc, 230, 60).astype(np.uint8)).save(tmp_path / "images" / "dead" / "a.png")
    samples, _ = load(tmp_path, weak_labels=WeakLabels(cell_size=DRAWN_CELL, dead=DeadCells(votes=20)))
    assert len(samples[0].boxes) >= 1
    np.testing.assert_allclose(samples[0].boxes.xyxy[0], [38, 28, 62, 52], atol=4)


def test_weak_labels_are_made_once_of_equal_pixels_by_equal_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, str, str | None]] = []
    monkeypatch.setattr(sissi.data.weak_labelling, "label_cells", fake_labels(seen))
    cache = Cache(tmp_path / "cache")
    image(tmp_path / "images" / "alive" / "a.png", 50)
    image(tmp_path / "images" / "dead" / "b.png", 250)
    first = load(tmp_path, cache, weak_labels=DRAWN)
    again = load(tmp_path, cache, weak_labels=DRAWN)
    assert boxes_of(again[0]) == boxes_of(first[0]) == {"alive/a.png": [[0, 1, 5, 6]], "dead/b.png": []}
    assert again[1] == first[1] and all(same(*pair) for pair in zip(*boxes_only(first, again), strict=True))
    assert sorted(seen) == [(50, "category", "alive"), (250, "category", "dead")]

    (tmp_path / "images" / "alive" / "a.png").rename(tmp_path / "images" / "alive" / "c.png")
    image(tmp_path / "images" / "dead" / "b.png", 40)
    assert boxes_of(load(tmp_path, cache, weak_labels=DRAWN)[0]) == {
        name: [[0, 1, 5, 6]] for name in ("alive/c.png", "dead/b.png")
    }
    assert seen[2:] == [(40, "category", "dead")]  # new content, and a new name alone is none


@pytest.mark.parametrize("changed", [{"pipeline": "dead"}, {"dead": {"votes": 13}}])
def test_changed_settings_or_another_category_make_weak_labels_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    seen: list[tuple[int, str, str | None]] = []
    monkeypatch.setattr(sissi.data.weak_labelling, "label_cells", fake_labels(seen))
    cache = Cache(tmp_path / "cache")
    image(tmp_path / "images" / "alive" / "a.png", 50)
    for settings in ({}, changed, {}, changed):
        load(tmp_path, cache, weak_labels=DRAWN | settings)
    assert seen == [(50, "category", "alive"), (50, changed.get("pipeline", "category"), "alive")]
    (tmp_path / "images" / "alive").rename(tmp_path / "images" / "inhib")
    load(tmp_path, cache, weak_labels=DRAWN)
    assert seen[2:] == [(50, "category", "inhib")]


def test_another_plane_makes_weak_labels_and_frames_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str, str | None]] = []
    monkeypatch.setattr(sissi.data.weak_labelling, "label_cells", fake_labels(seen))
    cache = Cache(tmp_path / "cache")
    (tmp_path / "images").mkdir()
    planes = np.stack([np.full((HEIGHT, WIDTH), level, np.uint8) for level in (50, 90, 70)])
    tifffile.imwrite(tmp_path / "images" / "a.tif", planes, metadata={"axes": "ZYX"}, photometric="minisblack")
    weak = DRAWN | {"pipeline": "dead"}
    loaded = [
        load(tmp_path, cache, weak_labels=weak, **how)[0] for how in ({}, {"plane": 3}, {"projection": "max"}, {})
    ]
    assert [pixel for pixel, *_ in seen] == [50, 70, 90]
    frames = [resized_dataset(samples, (8, 8), cache).read(0).max() for samples in loaded]
    assert frames == [50, 70, 90, 50]
    assert len({digest(samples) for samples in loaded}) == 3


def test_weak_labels_from_the_cache_are_those_of_the_pipelines_bit_by_bit(tmp_path: Path) -> None:
    cache, demo = Cache(tmp_path / "cache"), DemoData(kind="demo", seed=21)
    for index in range(3):
        drawn = target_image(demo, "target_train", index)
        (tmp_path / "images" / drawn.kind).mkdir(parents=True)
        Image.fromarray(drawn.pixels).save(tmp_path / "images" / drawn.kind / "a.png")
    without, made, found = (load(tmp_path, one, weak_labels=DRAWN) for one in (None, cache, cache))
    assert sum(len(sample.boxes) for sample in without[0]) > 10
    for other in (made, found):
        assert all(same(*pair) for pair in zip(*boxes_only(without, other), strict=True))


def boxes_only(*loaded: tuple[list[Sample], Counter[str]]) -> list[list[Boxes]]:
    return [[sample.boxes for sample in samples] for samples, _ in loaded]
