"""ImageJ's regions: every kind gives its box, classes are groups, and what has no box is noted."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi, roiwrite

from sissi.boxes import make_boxes
from sissi.data.classes import label_classes
from sissi.data.formats.imagej import read_labels, write_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

POLYGON = [[4, 3], [12, 5], [9, 9]]


def region(points: list[list[float]] = POLYGON, kind: ROI_TYPE = ROI_TYPE.POLYGON, **more: object) -> ImagejRoi:
    roi = ImagejRoi.frompoints(np.array(points))
    roi.roitype = kind
    for name, value in more.items():
        setattr(roi, name, value)
    return roi


def rectangle(kind: ROI_TYPE = ROI_TYPE.RECT, **more: object) -> ImagejRoi:
    return ImagejRoi(roitype=kind, left=2, top=3, right=8, bottom=7, **more)


def read(
    folder: Path, *rois: ImagejRoi, name: str = "a.zip", cell_size: float | None = None
) -> tuple[dict[str, list[list[float]]], list[str]]:
    (folder / "labels").mkdir(exist_ok=True)
    if rois:
        roiwrite(folder / "labels" / name, rois if name.endswith("zip") else rois[0])
    Image.new("L", (30, 20)).save(folder / "a.png")
    problems = Problems()
    found = read_labels(folder / "labels", {"a.png": folder / "a.png"}, label_classes({}, None, cell_size), problems)
    return {name: boxes.xyxy.tolist() for name, boxes in found.items()}, [one.kind for one in problems.found]


@pytest.mark.parametrize(
    ("roi", "box"),
    [
        (rectangle(), [2, 3, 8, 7]),
        (rectangle(ROI_TYPE.OVAL), [2, 3, 8, 7]),
        (
            rectangle(options=ROI_OPTIONS.SUB_PIXEL_RESOLUTION, xd=2.5, yd=3.25, widthd=4.5, heightd=1),
            [2.5, 3.25, 7, 4.25],
        ),
        (region(), [4, 3, 12, 9]),
        (region(kind=ROI_TYPE.TRACED), [4, 3, 12, 9]),
        (region([[4.5, 3.25], [12, 5], [9, 9.75]], ROI_TYPE.FREEHAND), [4.5, 3.25, 12, 9.75]),
    ],
)
def test_every_kind_that_encloses_something_gives_its_box(tmp_path: Path, roi: ImagejRoi, box: list[float]) -> None:
    assert read(tmp_path, roi) == ({"a.png": [box]}, [])


@pytest.mark.parametrize(
    "roi",
    [
        region(kind=ROI_TYPE.POLYLINE),
        region(kind=ROI_TYPE.ANGLE),
        ImagejRoi(roitype=ROI_TYPE.LINE, x2=5, y2=5),
        rectangle(subtype=ROI_SUBTYPE.TEXT, text="a cell", text_name="Sans"),
    ],
)
def test_what_has_no_box_is_noted_and_unknown_is_not_empty(tmp_path: Path, roi: ImagejRoi) -> None:
    assert read(tmp_path, roi) == ({}, ["region without a box, dropped"])
    (tmp_path / "labels" / "a.zip").unlink()
    assert read(tmp_path, roi, rectangle(name="2"))[0] == {"a.png": [[2, 3, 8, 7]]}


def test_each_point_is_a_cell_of_the_given_size(tmp_path: Path) -> None:
    points = region([[10, 8], [20.5, 12]], ROI_TYPE.POINT)
    assert read(tmp_path, points) == ({}, ["point without the size of a cell (cell_size), dropped"])
    assert read(tmp_path, cell_size=6) == ({"a.png": [[7, 5, 13, 11], [17.5, 9, 23.5, 15]]}, [])


def test_one_region_in_a_file_of_its_own_and_the_name_that_cellpose_gives(tmp_path: Path) -> None:
    assert read(tmp_path, rectangle(), name="a.roi")[0] == {"a.png": [[2, 3, 8, 7]]}
    (tmp_path / "labels" / "a.roi").unlink()
    assert read(tmp_path, rectangle(), name="a_rois.zip") == ({"a.png": [[2, 3, 8, 7]]}, [])


def test_regions_of_several_planes_and_other_files_in_the_zip_are_noted(tmp_path: Path) -> None:
    read(tmp_path, rectangle(position=1), region(position=2))
    with zipfile.ZipFile(tmp_path / "labels" / "a.zip", "a") as archive:
        archive.writestr("__MACOSX/._1.roi", b"?")
        archive.writestr("notes.txt", b"?")
    found, kinds = read(tmp_path)
    assert len(found["a.png"]) == 2
    assert kinds == ["file in a zip that is no region, not used", "regions of several planes, all used as of one"]


def test_a_group_that_a_person_changed_is_another_class(tmp_path: Path) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    sample = Sample("a.png", tmp_path / "a.png", 20, 30, make_boxes([]))
    boxes = make_boxes([[2, 3, 8, 7], [9, 3, 15, 7]], [0.25, 1], [1, 2])
    file, groups = write_labels([sample], [boxes], tmp_path / "labels", ("red", "white"))
    assert groups.read_text() == "red,white\n"
    rois = [ImagejRoi.frombytes(zipfile.ZipFile(file).read(name)) for name in ("1.roi", "2.roi")]
    assert [(roi.group, roi.props) for roi in rois] == [(1, "score: 0.25\n"), (2, "")]
    rois[0].group = 2
    roiwrite(file, [*rois, rectangle(group=3, name="3"), rectangle(name="4")], mode="w")
    problems, meaning = Problems(), {"red": "red", "white": "white", "3": "red", "": "white"}
    found = read_labels(tmp_path / "labels", {"a.png": sample.path}, label_classes(meaning), problems)["a.png"]
    assert (found.labels.tolist(), found.scores.tolist()) == ([2, 2, 1, 2], [0.25, 1, 1, 1])
    assert [problem.kind for problem in problems.found] == ["group that has no name, used by its number"]


def test_what_cannot_be_a_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="class 'a,b': a group of ImageJ has no name with a comma; rename the class"):
        write_labels([], [], tmp_path, ("a,b",))
    with pytest.raises(DataError, match="256 classes: ImageJ has 255 groups; write coco"):
        write_labels([], [], tmp_path, list(map(str, range(256))))


@pytest.mark.parametrize("score", ["2", "often", "nan"])
def test_a_score_that_is_none(tmp_path: Path, score: str) -> None:
    with pytest.raises(DataError, match=r"the property score is .*, not a number from 0 to 1"):
        read(tmp_path, rectangle(name="1", props=f"score: {score}\n"))
