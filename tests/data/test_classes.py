"""What names in labels stand for: every format reads and writes classes, and nothing is dropped silently."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sissi.boxes import EMPTY, make_boxes
from sissi.config import LabelFiles
from sissi.config.data import ONE_FILE
from sissi.data.classes import label_classes
from sissi.data.formats import FORMATS, write_labels
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError

NAMES = ("alive", "in-between", "dead")
EVERY = {name: name for name in NAMES}


@pytest.fixture
def sample(tmp_path):
    Image.new("L", (100, 80)).save(tmp_path / "a.png")
    return Sample("a.png", tmp_path / "a.png", 80, 100, EMPTY)


def written(format, sample, labels, out):
    boxes = make_boxes([[20 * i, 10, 20 * i + 9, 30] for i in range(len(labels))], labels=labels)
    files = write_labels(format, [sample], [boxes], out, NAMES)
    return LabelFiles(format=format, labels=files[0] if format in ONE_FILE else out)


def read(source, sample, classes, own=None):
    problems = Problems()
    source = source.model_copy(update={"classes": own})
    found = read_labels(source, Path(), [sample], problems, "key", classes=classes)["a.png"]
    return found.labels.tolist(), [f"{one.kind}: {one.detail}" for one in problems.found if "Studio" not in one.kind]


@pytest.mark.parametrize("format", [name for name, one in FORMATS.items() if one.classes])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_every_format_with_room_for_classes_keeps_them(tmp_path, sample, format, labels):
    assert read(written(format, sample, labels, tmp_path / format), sample, EVERY) == (labels, [])


def test_masks_have_no_names_so_that_one_class_is_named_for_all(tmp_path, sample):
    source = written("cellpose", sample, [1, 2], tmp_path / "masks")
    assert read(source, sample, {}) == ([1, 1], [])
    assert read(source, sample, EVERY, own={"*": "dead"}) == ([3, 3], [])
    with pytest.raises(DataError, match=r"nothing for labels of no class \(2\); it names alive, .*: add \"\*\": CLASS"):
        read(source, sample, EVERY)


def test_several_names_are_one_class_and_null_leaves_labels_out_with_a_note(tmp_path, sample):
    source = written("coco", sample, [1, 2, 3, 2], tmp_path / "out")
    assert read(source, sample, {"alive": "living", "in-between": "living", "dead": "dead"})[0] == [1, 1, 2, 1]
    left, notes = read(source, sample, {"alive": "living", "in-between": None, "dead": "dead"})
    assert (left, notes) == ([1, 2], ["labels that `classes` leaves out: 'in-between' (2)"])


def test_a_list_of_a_data_set_chooses_and_a_mapping_replaces(tmp_path, sample):
    source = written("voc", sample, [1, 2, 3], tmp_path / "out")
    assert read(source, sample, EVERY, own=("alive", "dead")) == ([1, 3], [])
    assert read(source, sample, EVERY, own={"alive": "dead", "*": "in-between"})[0] == [3, 2, 2]
    assert read(source, sample, {}, own=("dead",))[0] == [1]


@pytest.mark.parametrize("format", ["celllab", "coco", "cvat", "voc", "yolo"])
def test_an_unknown_class_is_one_sentence_with_file_names_and_the_way_out(tmp_path, sample, format):
    source = written(format, sample, [1, 3, 3], tmp_path / "out")
    with pytest.raises(DataError) as error:
        read(source, sample, {"alive": "living"})
    text = str(error.value)
    assert text.startswith(f"key: {source.labels}: `classes` has nothing for labels of 'dead' (2)")
    assert "add 'dead': CLASS with one of living, or null" in text and "\n" not in text


def test_a_category_that_a_coco_file_does_not_list_is_unknown(tmp_path, sample):
    source = written("coco", sample, [1, 2], tmp_path / "out")
    source.labels.write_text(source.labels.read_text().replace('"category_id": 2', '"category_id": 9'))
    with pytest.raises(DataError, match=r"labels of '9' \(1\)"):
        read(source, sample, EVERY)


def test_if_all_is_left_out_the_data_set_is_refused_and_says_why(tmp_path, sample):
    source = written("coco", sample, [1, 2], tmp_path / "out")
    with pytest.raises(DataError, match=r"not one is left\n.*labels that `classes` leaves out.*'alive' \(1\)"):
        read(source, sample, {"alive": None, "in-between": None, "dead": "dead"})


def test_celllab_holds_no_name_with_a_space(tmp_path, sample):
    with pytest.raises(DataError, match="'dead cell': celllab holds no name with a space"):
        write_labels("celllab", [sample], [EMPTY], tmp_path / "out", ("dead cell",))


def test_without_classes_every_label_is_a_cell():
    classes = label_classes({})
    assert classes.names == ("cell",) and {classes.number(name) for name in ("", "dead", "WBC")} == {1}


def test_boxes_scores_and_order_stay(tmp_path, sample):
    boxes = make_boxes([[1, 2, 30, 40], [5, 6, 70, 80]], [0.25, 0.5], [2, 1])
    [file] = write_labels("coco", [sample], [boxes], tmp_path / "a.json", NAMES)
    found = read_labels(LabelFiles(format="coco", labels=file), Path(), [sample], Problems(), "key", classes=EVERY)
    for name in ("xyxy", "scores", "labels"):
        np.testing.assert_array_equal(getattr(found["a.png"], name), getattr(boxes, name))


def test_cells_of_no_class_in_particular_are_of_each_class_in_turn(tmp_path, sample):
    source = written("cellpose", sample, [1] * 5, tmp_path / "masks")
    assert read(source, sample, {**EVERY, "*": "*"}) == ([1, 2, 3, 1, 2], [])
