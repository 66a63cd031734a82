"""Labels of which none is left are an error in each format, and so are labels of other images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sissi.config import LabelFiles
from sissi.data.convert import convert
from sissi.data.find import decode_all
from sissi.data.labels import read_labels, refuse_none
from sissi.data.merge import merge
from sissi.data.problems import Problems
from sissi.errors import DataError
from tests.data.formats.label_writing import coco, image, text

SUFFIX = {"celllab": ".txt", "yolo": ".txt", "voc": ".xml"}


def voc(content: str) -> str:
    return f"<annotation><object>{content}</object></annotation>"


def voc_box(name: str, left: int) -> str:
    corners = "".join(f"<{key}>{left + place}</{key}>" for place, key in enumerate(("xmin", "ymin", "xmax", "ymax")))
    return voc(f"<name>{name}</name><bndbox>{corners}</bndbox>")


def cvat(shape: str) -> str:
    return f'<annotations><image name="a.png">{shape}</image></annotations>'


def coco_text(**annotation: Any) -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "gone.png"}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]} | annotation],
            "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "dust"}],
        }
    )


def label_studio(kind: str, label: str = "cell", **value: float) -> str:
    region = {"type": kind, "value": value | {kind: [label]}}
    return json.dumps([{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": [region]}]}])


UNUSABLE = [
    ("celllab", "cell 1 2"),
    ("celllab", "cell 500 5 600 9"),
    ("celllab", "cell nan 5 6 9"),
    ("yolo", "0 0.5"),
    ("yolo", "0 7 7 0.1 0.1"),
    ("yolo", "0 0.1 0.1 0.2 0.1 0.3 0.1"),
    ("voc", voc("<name>cell</name>")),
    ("voc", voc_box("cell", 90)),
    ("cvat", cvat('<points label="cell" points="1,2"/>')),
    ("cvat", cvat('<box label="cell" xtl="90" ytl="1" xbr="99" ybr="9"/>')),
    ("coco", coco_text(iscrowd=1)),
    ("coco", coco_text(bbox=[500, 5, 9, 9])),
    ("coco", coco_text(image_id=7)),
    ("label_studio", label_studio("keypointlabels", x=1, y=1)),
    ("label_studio", label_studio("rectanglelabels", x=200, y=200, width=5, height=5)),
]
OF_ANOTHER_CLASS = [
    ("celllab", "dust 1 2 3 4"),
    ("yolo", "3 0.5 0.5 0.1 0.1"),
    ("voc", voc_box("dust", 1)),
    ("cvat", cvat('<box label="dust" xtl="1" ytl="1" xbr="9" ybr="9"/>')),
    ("coco", coco_text(category_id=2)),
    ("label_studio", label_studio("rectanglelabels", "dust", x=2, y=2, width=5, height=5)),
]


def write(folder: Path, format: str, content: str) -> LabelFiles:
    image(folder / "images" / "a.png")
    place = folder / "labels" / f"a{SUFFIX[format]}" if format in SUFFIX else folder / "labels"
    text(place, content)
    return LabelFiles(format=format, labels=folder / "labels")


def read(folder: Path, source: LabelFiles) -> dict[str, Any]:
    samples = decode_all({"a.png": folder / "images" / "a.png"}, "key", Problems())
    return read_labels(source, Path(), samples, Problems(), "data.source_train")


@pytest.mark.parametrize(("format", "content"), UNUSABLE)
def test_labels_without_a_usable_box_are_refused_by_every_reader(tmp_path: Path, format: str, content: str) -> None:
    source = write(tmp_path, format, content)
    left = rf"{source.labels}: there are labels of the format {format}, but not one is left\n  1 x .*, dropped: "
    with pytest.raises(DataError, match=rf"data\.source_train: {left}"):
        read(tmp_path, source)
    with pytest.raises(DataError, match=left):
        convert(source, "coco", tmp_path / "images", tmp_path / "out.json", Problems())
    before = LabelFiles(format="coco", labels=coco(tmp_path / "before.json", a=[[1, 2, 3, 4]]))
    with pytest.raises(DataError, match=left):
        merge(before, source, tmp_path / "images", tmp_path / "out.json", Problems())


@pytest.mark.parametrize(("format", "content"), OF_ANOTHER_CLASS)
def test_labels_of_which_none_has_a_class_that_counts_are_refused(tmp_path: Path, format: str, content: str) -> None:
    source = write(tmp_path, format, content)
    wanted = "0" if format == "yolo" else "cell"
    with pytest.raises(DataError, match=rf"has no class {wanted}|\n  1 x label of another class than {wanted}"):
        read(tmp_path, source.model_copy(update={"classes": (wanted,)}))


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("celllab", ""),
        ("yolo", "\n"),
        ("voc", "<annotation/>"),
        ("cvat", cvat("")),
        ("coco", coco_text(image_id=2)),
        ("label_studio", json.dumps([{"data": {"image": "a.png"}, "annotations": [{"result": []}]}])),
    ],
)
def test_labels_that_say_that_there_is_no_cell_are_taken_at_their_word(
    tmp_path: Path, format: str, content: str
) -> None:
    assert {name: len(boxes) for name, boxes in read(tmp_path, write(tmp_path, format, content)).items()} == {
        "a.png": 0
    }


def test_labels_of_other_images_are_refused_with_the_names_that_were_looked_for(tmp_path: Path) -> None:
    samples = decode_all({"a.png": image(tmp_path / "images" / "a.png")}, "key", Problems())
    text(tmp_path / "labels" / "b.txt", "cell 1 2 3 4")
    source, problems = LabelFiles(format="celllab", labels="labels"), Problems()
    found = read_labels(source, tmp_path, samples, problems, "key")
    with pytest.raises(DataError, match=r"looked for a\.txt; .*\n  1 x labels without their image, not used: .*b\.txt"):
        refuse_none(found, source, tmp_path, samples, problems, "key")
