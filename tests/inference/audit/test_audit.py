"""The command `sissi audit`, on tiny images."""

import csv
import json

import numpy as np
import pytest

from sissi.boxes import make_boxes
from sissi.config import LabelFiles, PseudoLabels
from sissi.data.formats import write_labels
from sissi.data.labels import read_labels
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.inference.audit.cross_fitting import folds, together
from sissi.inference.audit.run import labelled_samples, outside
from tests.conftest import HEIGHT, WIDTH, draw_cells

TINY = (
    "--folds",
    "2",
    "--repeats",
    "1",
    "--set",
    "training.epochs=2",
    "--set",
    f"training.image_size=[{HEIGHT}, {WIDTH}]",
    "--score",
    "0.3",
)


@pytest.fixture
def labelled(tmp_path):
    """Six images of three cells, the first without one of its labels, and their labels as COCO."""
    (tmp_path / "images").mkdir()
    samples = []
    for index in range(6):
        path = tmp_path / "images" / f"{index}.png"
        cells = draw_cells(path, index)
        samples.append(Sample(path.name, path, HEIGHT, WIDTH, make_boxes(cells[1:] if index == 0 else cells)))
    write_labels("coco", samples, [sample.boxes for sample in samples], tmp_path / "labels.json")
    return samples


@pytest.mark.slow
def test_an_audit_writes_its_flags_and_labels_to_correct_and_is_not_repeated(sissi, labelled, tmp_path):
    command = ["audit", str(tmp_path / "labels.json"), str(tmp_path / "images"), "--out", str(tmp_path / "out"), *TINY]
    command += ["--tracking", str(tmp_path / "mlruns")]
    code, out, err = sissi(*command)
    assert code == 0, err
    assert "fold 1: epoch 2/2" in out and "fold 2: epoch 2/2" in out and "index.html" in out
    rows = list(csv.DictReader((tmp_path / "out/flags.csv").open()))
    assert list(rows[0]) == ["rank", "image", "kind", "class", "left", "top", "right", "bottom", "score"]
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True) and min(scores) >= 0.3
    assert {row["kind"] for row in rows} <= {"missing", "wrong", "loose"}
    detections = json.loads((tmp_path / "out/detections.json").read_text())
    assert len(detections["images"]) == 6
    [export] = (tmp_path / "out/labels").iterdir()
    source = LabelFiles(format="label_studio", labels=export)
    back = read_labels(source, tmp_path, labelled, Problems(), "labels")
    for sample in labelled:
        if sample.name in back:
            given = back[sample.name].xyxy[: len(sample.boxes)]
            assert np.allclose(given, sample.boxes.xyxy, atol=0.01)
    assert len(list((tmp_path / "out/pictures").iterdir())) == len({row["image"] for row in rows})
    page = (tmp_path / "out/index.html").read_text()
    assert "Audit of labels" in page and "6 images with 17 labels" in page
    before = (tmp_path / "out/flags.csv").read_bytes()
    code, out, err = sissi(*command)
    assert code == 0 and "epoch" not in out
    assert (tmp_path / "out/flags.csv").read_bytes() == before
    code, out, err = sissi(*command, "--repeats", "2")
    assert code == 0 and "repeat 2, fold 2: epoch 2/2" in out and "repeat 1" not in out
    fused = json.loads((tmp_path / "out/detections.json").read_text())
    assert len(fused["images"]) == 6


def test_what_one_repeat_of_two_finds_has_half_its_score():
    sample = Sample("a.png", None, HEIGHT, WIDTH, make_boxes([]))
    both, one = [10, 10, 30, 30], [50, 20, 70, 40]
    found = [make_boxes([both, one], [0.9, 0.8]), make_boxes([[12, 10, 32, 30]], [0.3])]
    fused = together(found, sample, PseudoLabels(smallest=50))
    assert np.allclose(fused.xyxy, [[10.5, 10, 30.5, 30], one], atol=1e-4)
    assert np.allclose(fused.scores, [0.6, 0.4])
    assert together(found[:1], sample, PseudoLabels()) is found[0]


def test_faults_of_the_user_are_named(sissi, labelled, tmp_path):
    labels, images = str(tmp_path / "labels.json"), str(tmp_path / "images")
    out = ["--out", str(tmp_path / "out")]
    code, _, err = sissi("audit", str(tmp_path / "none.json"), images, *out)
    assert code == 1 and "none.json: no such file or folder; name the labels in doubt" in err
    code, _, err = sissi("audit", labels, str(tmp_path / "none"), *out)
    assert code == 1 and "none: no such folder; name the folder of the images" in err
    code, _, err = sissi("audit", labels, images, *out, "--folds", "4")
    assert code == 1 and "mentions 6 images, 6 of them with labels; 4 folds need at least 8 images" in err
    code, _, err = sissi("audit", labels, images, *out, "--format", "none")
    assert code == 1 and "--format none: no such label format" in err
    code, _, err = sissi("audit", labels, images, *out, "--set", "training.epoch=1")
    assert code == 1 and "training.epoch" in err


def test_every_image_is_in_one_fold_and_folds_depend_on_the_seed():
    parts = folds(11, 3, 0)
    assert sorted(index for part in parts for index in part) == list(range(11))
    assert sorted(map(len, parts)) == [3, 4, 4]
    assert folds(11, 3, 0) == parts != folds(11, 3, 1)


def test_images_that_labels_do_not_mention_are_left_out_and_regions_are_no_cells(labelled, tmp_path):
    tree = json.loads((tmp_path / "labels.json").read_text())
    tree["images"] = tree["images"][:4]
    tree["annotations"] = [one for one in tree["annotations"] if one["image_id"] <= 4]
    tree["categories"].append({"id": 2, "name": "unknown"})
    region = {"image_id": 2, "area": 100, "category_id": 2, "bbox": [50, 5, 40, 50], "iscrowd": 0}
    tree["annotations"] += [region | {"id": 98}, region | {"id": 99, "iscrowd": 1, "image_id": 3, "category_id": 1}]
    (tmp_path / "labels.json").write_text(json.dumps(tree))
    problems = Problems()
    source = LabelFiles(format="coco", labels=tmp_path / "labels.json")
    found = labelled_samples(source, tmp_path / "images", {}, ("unknown",), problems)
    assert [sample.name for sample in found] == ["0.png", "1.png", "2.png", "3.png"]
    assert [len(sample.boxes) for sample in found] == [2, 3, 3, 3]
    assert [sample.ignored.xyxy.tolist() for sample in found] == [[], [[50, 5, 90, 55]], [[50, 5, 90, 55]], []]
    assert sum(one.kind == "image that the labels do not mention, left out" for one in problems.found) == 2
    kept = outside(make_boxes([[0, 0, 10, 10], [60, 20, 70, 30], [85, 20, 99, 30]]), found[1].ignored)
    assert kept.xyxy.tolist() == [[0, 0, 10, 10], [85, 20, 99, 30]]
