"""CVAT's XML: exports are read, other shapes are noted, and what is unsafe is refused."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

from sissi.boxes import make_boxes
from sissi.data.classes import label_classes
from sissi.data.formats.cvat import read_labels, write_labels
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

META = "<version>1.1</version><meta><task><name>t</name><labels><label><name>cell</name></label></labels></task></meta>"


def box(corners: str = 'xtl="1.00" ytl="2.50" xbr="3.00" ybr="4.00"', label: str = "cell", inside: str = "") -> str:
    return f'<box label="{label}" source="manual" occluded="0" {corners} z_order="0">{inside}</box>'


def image(*shapes: str, name: str = "a.png", size: str = 'width="30" height="20"') -> str:
    return f'<image id="0" name="{name}" {size}>{"".join(shapes)}</image>'


def read(
    folder: Path,
    *images: str,
    classes: tuple[str, ...] | None = None,
    content: str | None = None,
    cell_size: float | None = None,
) -> tuple[dict[str, list[list[float]]], list[tuple[str, str]]]:
    file = folder / "annotations.xml"
    file.write_text(content or f"<?xml version='1.0'?><annotations>{META}{''.join(images)}</annotations>")
    names = ("a.png", "b.png")
    for name in names:
        Image.new("L", (30, 20)).save(folder / name)
    problems = Problems()
    found = read_labels(file, {name: folder / name for name in names}, label_classes({}, classes, cell_size), problems)
    return {n: b.xyxy.tolist() for n, b in found.items()}, [(p.kind, p.detail) for p in problems.found]


def test_an_export(tmp_path: Path) -> None:
    found, problems = read(tmp_path, image(box(), box('xtl="0" ytl="0" xbr="30" ybr="20"')), image(name="b.png"))
    assert found == {"a.png": [[1, 2.5, 3, 4], [0, 0, 30, 20]], "b.png": []}
    assert problems == []


def test_only_some_labels_count(tmp_path: Path) -> None:
    assert read(tmp_path, image(box(), box(label="debris")), classes=("cell",))[0] == {"a.png": [[1, 2.5, 3, 4]]}
    with pytest.raises(DataError, match=r"has no class Cell; .* there is: cell"):
        read(tmp_path, image(box()), classes=("Cell",))


@pytest.mark.parametrize(
    "shape",
    [
        '<polyline label="cell" points="1,2;3,4;5,6"/>',
        '<points label="cell" points="1,2;3,x"/>',
        '<polygon label="cell" points="1,2;3,4"/>',
        '<polygon label="cell" points="1,2;3,x;5,6"/>',
        '<polygon label="cell"/>',
        '<ellipse label="cell" cx="1"/>',
        '<mask label="cell" rle="1, 2"/>',
    ],
)
def test_shapes_without_a_usable_box_are_noted_and_dropped(tmp_path: Path, shape: str) -> None:
    note = ("shape without a box, dropped", f"a.png, {shape[1:].split()[0].removesuffix('/>')} 1")
    assert read(tmp_path, image(shape, box())) == ({"a.png": [[1, 2.5, 3, 4]]}, [note])
    assert read(tmp_path, image(shape), image(name="b.png")) == ({"b.png": []}, [note])  # unknown is not empty


@pytest.mark.parametrize(
    "shape",
    [
        '<polygon label="cell" source="manual" points="4.00,3.00;12.00,5.50;9.00,9.00"/>',
        '<ellipse label="cell" cx="8" cy="6" rx="4" ry="3"/>',
        '<ellipse label="cell" cx="8" cy="6" rx="3" ry="4" rotation="90"/>',
        '<mask label="cell" rle="0, 48" left="4" top="3" width="8" height="6"/>',
    ],
)
def test_outlines_give_their_box(tmp_path: Path, shape: str) -> None:
    found, problems = read(tmp_path, image(shape, box()), classes=("cell",))
    assert found == {"a.png": [pytest.approx([4, 3, 12, 9]), [1, 2.5, 3, 4]]}
    assert problems == []


def test_points_are_cells_of_the_given_size(tmp_path: Path) -> None:
    points = image('<points label="cell" points="10,8;20.5,12"/>')
    note = ("point without the size of a cell (cell_size), dropped", "a.png, points 1")
    assert read(tmp_path, points) == ({}, [note])
    assert read(tmp_path, points, cell_size=6) == ({"a.png": [[7, 5, 13, 11], [17.5, 9, 23.5, 15]]}, [])


def test_a_rotated_box_gives_its_upright_extent(tmp_path: Path) -> None:
    turned = box('rotation="90.00" xtl="10" ytl="8" xbr="20" ybr="12"')
    found, problems = read(tmp_path, image(turned))
    assert found["a.png"][0] == pytest.approx([13, 5, 17, 15])
    assert problems == [("rotated box, its upright extent used", "a.png, box 1")]


def test_scores_of_an_attribute(tmp_path: Path) -> None:
    scored = box(inside='<attribute name="sure">no</attribute><attribute name="score">0.25</attribute>')
    (tmp_path / "a.xml").write_text(f"<annotations>{image(scored, box())}</annotations>")
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    found = read_labels(tmp_path / "a.xml", {"a.png": tmp_path / "a.png"}, label_classes({}), Problems())
    assert found["a.png"].scores.tolist() == [0.25, 1]
    with pytest.raises(DataError, match=r"annotations\.xml: a box has the score '7', not a number from 0 to 1"):
        read(tmp_path, image(box(inside='<attribute name="score">7</attribute>')))


def test_what_does_not_fit_its_image_is_noted(tmp_path: Path) -> None:
    found, problems = read(
        tmp_path,
        image(box('xtl="1" ytl="x" xbr="3" ybr="4"'), size='width="20" height="30"'),
        image(box(), name="gone.png"),
        image(box(), name="../b.png"),
    )
    assert found == {}
    assert sorted(problems) == [
        ("file_name that leaves the image folder, not used", "../b.png"),
        ("image of another size than its labels say", f"20 x 30, {tmp_path}/a.png has 30 x 20"),
        (LABELS_WITHOUT_IMAGE, "gone.png"),
        ("shape without a box, dropped", "a.png, box 1"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('<!DOCTYPE a [<!ENTITY b "bb">]><annotations>&b;</annotations>', "defines XML entities, which are refused"),
        ("<annotations>", "cannot be read as XML"),
        ("<annotation/>", "is not CVAT's XML, whose files have <annotations> around them"),
        ('<annotations><track id="0"/></annotations>', "is of a video; export the task as `CVAT for images 1.1`"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path}/annotations\.xml: {reason}"):
        read(tmp_path, content=content)


def test_an_export_that_is_still_packed_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("annotations.xml", "<annotations/>")
    with pytest.raises(DataError, match=r"export\.zip: is a ZIP archive; unpack it"):
        read_labels(tmp_path / "export.zip", {}, label_classes({}), Problems())


def test_the_written_file_in_full(tmp_path: Path) -> None:
    sample = Sample("alive/a & b.png", tmp_path / "alive" / "a & b.png", 20, 30, make_boxes([]))
    (file,) = write_labels([sample], [make_boxes([[1, 2.5, 3, 4]], [0.75])], tmp_path / "out.xml")
    assert [line.strip() for line in file.read_text().splitlines()] == [
        "<?xml version='1.0' encoding='utf-8'?>",
        "<annotations>",
        "<version>1.1</version>",
        '<image id="0" name="alive/a &amp; b.png" width="30" height="20">',
        '<box label="cell" source="file" occluded="0" z_order="0" xtl="1" ytl="2.5" xbr="3" ybr="4">',
        '<attribute name="score">0.75</attribute>',
        "</box>",
        "</image>",
        "</annotations>",
    ]
