from pathlib import Path

import pytest

from sissi.errors import DataError
from sissi.inference.grading.layout import by_layout
from sissi.inference.grading.wells import Well, by_folder, by_pattern

IMAGES = {name: Path("/lab/monday") / name for name in ("A1/0.png", "A1/1.png", "B2/0.png")}


def layout(folder, *lines, encoding="utf-8"):
    path = folder / "layout.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def test_a_folder_is_a_well_and_the_folder_around_it_its_plate():
    assert by_folder(IMAGES) == {
        "A1/0.png": Well("monday", "A1"), "A1/1.png": Well("monday", "A1"), "B2/0.png": Well("monday", "B2"),
    }  # fmt: skip


def test_plates_of_one_name_in_different_folders_are_different():
    names = ("june/p1/A1/0.png", "july/p1/A1/0.png")
    wells = by_folder({name: Path("/lab") / name for name in names})
    assert list(wells.values()) == [Well("june/p1", "A1"), Well("july/p1", "A1")]


def test_a_pattern_names_well_and_plate():
    images = {name: Path(name) for name in ("p7_B03_x20.tif", "p8_A01_x20.tif")}
    wells = by_pattern(images, "(?P<plate>p[0-9])_(?P<well>[A-H][0-9]+)")
    assert list(wells.values()) == [Well("p7", "B03"), Well("p8", "A01")]
    assert by_pattern(images, "_(?P<well>[A-H][0-9]+)")["p7_B03_x20.tif"] == Well("", "B03")


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("[A-H", "--wells [A-H: is no regular expression: unterminated character set"),
        ("([A-H][0-9])", "--wells ([A-H][0-9]): has no group named well; write it as (?P<well>[A-H][0-9]+)"),
        ("(?P<well>A[0-9])", "1 images have no well, such as B2/0.png"),
        ("A(?P<well>[0-9])?", "1 images have no well, such as B2/0.png"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_in_a_sentence(pattern, told):
    with pytest.raises(DataError) as error:
        by_pattern(IMAGES, pattern)
    assert told in str(error.value)


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_a_layout_names_wells_doses_and_controls(tmp_path, divider):
    lines = ["Image,well,plate,dose,unit,control", "A1/0.png,A1,7,0.5,mg/ml,", "A1/1.png,A1,7,0.5,mg/ml,"]
    lines.append("B2/0.png,B2,7,,,negative")
    wells = by_layout(IMAGES, layout(tmp_path, *(line.replace(",", divider) for line in lines), encoding="utf-8-sig"))
    assert wells["A1/1.png"] == Well("7", "A1", 0.5, "mg/ml")
    assert wells["B2/0.png"] == Well("7", "B2", None, "", "negative")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["image,dose", "A1/0.png,1"], "has no column well; the columns are image, well, plate, dose, unit, control"),
        (["image,well", "A1/0.png,A1"], "2 images have no well, such as A1/1.png"),
        (["image,well", "A1/0.png,A1", "C1/0.png,C1"], "names 1 images that are not in IMAGES, such as 'C1/0.png'"),
        (["image,well", "A1/0.png,A1", "A1/0.png,A2"], "names the image A1/0.png twice"),
        (["image,well", "A1/0.png,"], "line 2: A1/0.png has no well"),
        (["image,well,dose", "A1/0.png,A1,much"], "line 2: the dose 'much' is no number"),
        (["image,well,dose", "A1/0.png,A1,-1"], "line 2: the dose '-1' is no amount"),
        (
            ["image,well,dose", "A1/0.png,A1,1", "A1/1.png,A1,2", "B2/0.png,B2,1"],
            "well A1 has two different doses, units or controls",
        ),
        ([""], "is no CSV file"),
    ],
)
def test_a_layout_that_cannot_be_used_is_refused_in_a_sentence(tmp_path, lines, told):
    path = layout(tmp_path, *lines)
    with pytest.raises(DataError) as error:
        by_layout(IMAGES, path)
    assert str(error.value).startswith(f"{path}: ") and told in str(error.value)


def test_images_of_a_layout_are_named_by_the_ends_of_their_paths(tmp_path):
    lines = ["image,well", "monday/A1/0.PNG,A1", "a1\\1.tif,A1", "B2/0,B2"]
    assert list(by_layout(IMAGES, layout(tmp_path, *lines))) == list(IMAGES)
    with pytest.raises(DataError, match=r"'0.png' could be A1/0.png or B2/0.png; name its folder, too"):
        by_layout(IMAGES, layout(tmp_path, "image,well", "0.png,A1"))


def test_a_layout_that_is_no_file_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match="is no CSV file in UTF-8 that can be read"):
        by_layout(IMAGES, tmp_path / "nowhere.csv")
