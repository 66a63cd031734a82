"""`sissi grade`, as a user types it, with a tiny detector that can tell living, inhibited and dead discs apart."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch

from sissi.boxes import make_boxes
from sissi.config import Detector
from sissi.data.formats.coco import to_coco
from sissi.detector.model import build, save
from tests.conftest import HEIGHT, WIDTH

CLASSES = ("alive", "inhibited", "dead")
BRIGHTNESS = (220.0, 150.0, 20.0)
"""Grey value of the cells of each class, on a ground of 90."""
WELLS = {"A1": [(0, 0, 0)] * 4, "A2": [(0, 2, 2)], "B1": [(2, 2, 2)] * 4}
"""Classes of the cells in each image of each well."""
SCORE = "0.65"


def draw(seed, classes):
    """An image (H, W, 3) of three discs of these classes, and their boxes."""
    random = np.random.default_rng(seed)
    image = random.normal(90, 6, (HEIGHT, WIDTH, 3))
    corners = []
    for column, index in zip((16, 48, 80), classes, strict=True):
        x, y = column + int(random.integers(-5, 6)), int(random.integers(18, 46))
        radius = int(random.integers(7, 11))
        cv2.circle(image, (x, y), radius, (BRIGHTNESS[index],) * 3, -1)
        corners.append([x - radius, y - radius, x + radius + 1, y + radius + 1])
    return image.clip(0, 255).astype(np.uint8), make_boxes(corners, labels=np.array(classes) + 1)


def train(detector, steps, seed):
    """Train a detector on four new images in each step."""
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(detector.network.parameters(), 1e-3)
    detector.network.train()
    for step in range(steps):
        batch = [draw([seed, step, index], random.integers(0, 3, 3)) for index in range(4)]
        images = [torch.tensor(image).permute(2, 0, 1) / 255 for image, _ in batch]
        targets = [{"boxes": torch.tensor(one.xyxy), "labels": torch.tensor(one.labels)} for _, one in batch]
        optimizer.zero_grad()
        sum(detector.network(images, targets).values()).backward()
        optimizer.step()


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    """A folder with a detector of three classes, the same after more training, and one of one class."""
    folder = tmp_path_factory.mktemp("detectors")
    settings = Detector(preset="small", cell_size=18, detections_per_image=20)
    torch.manual_seed(0)
    save(build(settings, (HEIGHT, WIDTH)), folder / "cells.pt")
    detector = build(settings, (HEIGHT, WIDTH), CLASSES)
    for name, steps in (("one", 60), ("two", 6)):
        train(detector, steps, seed=steps)
        save(detector, folder / f"{name}.pt")
    return folder


@pytest.fixture
def lab(tmp_path, monkeypatch, detectors):
    """A folder with detectors, images of three wells, and labelled images."""
    monkeypatch.chdir(tmp_path)
    for path in detectors.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for number, (well, images) in enumerate(WELLS.items()):
        (tmp_path / "plate" / well).mkdir(parents=True)
        for k, classes in enumerate(images):
            cv2.imwrite(str(tmp_path / f"plate/{well}/{k}.png"), draw([1, number, k], classes)[0])
    (tmp_path / "labelled").mkdir()
    labelled = [draw([2, k], (0, 1, 2)) for k in range(12)]
    for k, (image, _) in enumerate(labelled):
        cv2.imwrite(str(tmp_path / f"labelled/{k}.png"), image)
    labels = to_coco([(f"{k}.png", HEIGHT, WIDTH) for k in range(12)], [boxes for _, boxes in labelled], CLASSES)
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return tmp_path


@pytest.fixture
def grade(lab, sissi):
    """Grade, with an exit code of 0."""

    def graded(*options, model="one.pt", images="plate"):
        code, out, err = sissi("grade", model, images, "--out", "out", "--score", SCORE, *options)
        assert code == 0, err
        return out

    return graded


def rows(path):
    return list(csv.DictReader(path.open(encoding="utf-8")))


def wells(folder):
    return {row["well"]: row for row in rows(folder / "out/grades.csv") if row["level"] == "well"}


def test_a_folder_of_wells_becomes_tables_a_page_and_pictures(lab, grade):
    said = grade()
    assert "3 wells: " in said and "no medical device" in said
    grades, cells = rows(lab / "out/grades.csv"), rows(lab / "out/cells.csv")
    assert [row["level"] for row in grades] == ["plate", *["well"] * 3, *["image"] * 9]
    found = wells(lab)
    assert {well: int(row["images"]) for well, row in found.items()} == {well: len(WELLS[well]) for well in WELLS}
    assert [found[well]["verdict"] for well in WELLS] == ["pass", "borderline", "fail"]
    assert int(found["A1"]["grade"]) <= 1 and int(found["B1"]["grade"]) == 4
    assert list(cells[0]) == [
        *("image", "plate", "well", "class", "score", "x0", "y0", "x1", "y1"),
        *("centre_x", "centre_y", "width", "height"),
    ]
    assert all(float(cell["score"]) >= float(SCORE) for cell in cells)
    for row in grades:
        mine = [cell for cell in cells if row["level"] == "plate" or cell["well"] == row["well"]]
        mine = [cell for cell in mine if row["level"] != "image" or cell["image"] == row["image"]]
        assert int(row["cells"]) == len(mine) > 0
        assert [int(row[name]) for name in CLASSES] == [sum(cell["class"] == name for cell in mine) for name in CLASSES]
        assert float(row["viability"]) == pytest.approx(1 - int(row["dead"]) / len(mine))
        assert 0 <= float(row["viability_low"]) <= float(row["viability"]) <= float(row["viability_high"]) <= 1
    page = (lab / "out/index.html").read_text(encoding="utf-8")
    assert "no medical device" in page and "ISO 10993-5" in page and "errors of the detectors are not known" in page
    assert 'src="data:image/png;base64,' in page and "http://" not in page and "https://" not in page
    assert "wells_1.png" in {path.name for path in (lab / "out/pictures").iterdir()}


def test_a_borderline_well_has_pictures_of_the_cells_that_decide(lab, grade):
    assert "1 borderline" in grade()
    assert {path.name for path in (lab / "out/pictures").glob("deciding_*")} == {"deciding_1.png"}
    page = (lab / "out/index.html").read_text(encoding="utf-8")
    assert "borderline: a person should look" in page and "Well plate A2" in page


def test_limits_are_settings(lab, grade):
    grade("--limits", "0,1,2,3")
    assert wells(lab)["A2"]["grade"] == "4" and wells(lab)["A2"]["verdict"] == "fail"


def test_wells_without_cells_are_unknown_and_not_dead(lab, grade):
    for path in (lab / "plate/B1").iterdir():
        cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    assert "3 wells: 1 pass, 1 borderline, 1 unknown" in grade()
    empty = [row for row in rows(lab / "out/grades.csv") if row["well"] == "B1"]
    for row in empty:
        assert (row["cells"], row["viability"], row["grade"], row["verdict"]) == ("0", "", "", "unknown")
    assert len(empty) == 5
    assert "unknown: no living or affected cell was found" in (lab / "out/index.html").read_text(encoding="utf-8")


def test_labels_tell_the_detector_s_errors_and_the_next_call_takes_them_from_the_file(lab, grade):
    grade("--validation", "labels.json", "labelled")
    corrected = wells(lab)
    page = (lab / "out/index.html").read_text(encoding="utf-8")
    assert "labels.json, 12 images" in page and "missed" in page
    known = json.loads((lab / "out/confusion.json").read_text())
    table = np.sum([image["counts"] for image in known["detectors"][0]["images"]], axis=0)
    assert table.shape == (4, 4) and table[:3].sum() == 36  # every true cell is found as a class, or missed
    (lab / "out/confusion.json").rename(lab / "confusion.json")
    said = grade()
    assert wells(lab) == corrected  # the file lies beside the detector
    assert "9 of 9 images are already done" in said


def test_several_detectors_are_in_one_interval(lab, grade):
    grade()
    alone = wells(lab)
    grade("--models", "two.pt")
    for well, row in wells(lab).items():
        assert [row[name] for name in CLASSES] == [alone[well][name] for name in CLASSES]
        assert float(row["viability_low"]) <= float(row["detectors_low"])
        assert float(row["viability_high"]) >= float(row["detectors_high"])


def test_a_layout_with_doses_becomes_a_plot_of_them(lab, grade):
    lines = ["image,well,plate,dose,unit,control", "A2/0.png,A2,p,10,mg/ml,"]
    lines += [f"A1/{k}.png,A1,p,1,mg/ml," for k in range(4)] + [f"B1/{k}.png,B1,p,,,positive" for k in range(4)]
    (lab / "layout.csv").write_text("\n".join(lines))
    grade("--layout", "layout.csv")
    assert (lab / "out/pictures/dose_1.png").stat().st_size > 0
    found = wells(lab)
    assert (found["A2"]["dose"], found["A2"]["unit"], found["B1"]["control"]) == ("10.0", "mg/ml", "positive")


def test_an_image_that_cannot_be_read_is_named_and_the_others_are_graded(lab, sissi):
    (lab / "plate/A1/1.png").write_bytes(b"no image")
    code, _, err = sissi("grade", "one.pt", "plate", "--out", "out", "--score", SCORE)
    assert code == 1 and "1 of 9 images cannot be read, see grades.csv" in err and "1.png" in err
    found = wells(lab)
    assert "1.png" in found["A1"]["problem"] and int(found["A1"]["cells"]) > 0 and not found["B1"]["problem"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cells.pt", "plate"], "the detector knows one class, cell: a viability needs living and affected cells"),
        (["one.pt", "plate", "--affected", "dying"], "--affected dying: the detector has no such class"),
        (["one.pt", "plate", "--wells", "(A[0-9])"], "has no group named well; write it as (?P<well>[A-H][0-9]+)"),
        (["one.pt", "plate", "--wells", "(?P<well>A[0-9])"], "4 images have no well, such as B1/0.png"),
        (["one.pt", "plate", "--wells", "x", "--layout", "y"], "--wells and --layout both name the wells"),
        (["one.pt", "plate", "--layout", "missing.csv"], "names 1 images that are not in IMAGES, such as 'C1/0.png'"),
        (["one.pt", "plate", "--layout", "short.csv"], "8 images have no well, such as A1/1.png"),
        (["one.pt", "plate", "--limits", "0,50,20,70"], "give four ascending numbers from 0 to 100"),
        (["one.pt", "plate", "--models", "one.pt"], "is the same detector as one.pt; name each once"),
        (["one.pt", "plate", "--models", "cells.pt"], "cells.pt: finds the classes cell, and one.pt finds alive"),
        (["one.pt", "plate", "--validation", "unseen.json", "labelled"], "has no cell of the class dead"),
        (["one.pt", "plate", "--validation", "unnamed.json", "labelled"], "nothing for labels of 'round'"),
        (
            ["one.pt", "plate", "--validation", "unnamed.json", "labelled", "--map", "round=dying"],
            "--map round=dying: the detector has no such class; it has alive, inhibited, dead",
        ),
        (["one.pt", "plate", "--confusion", "labels.json"], "labels.json: is no confusion matrix of `sissi grade`"),
        (["one.pt", "nowhere"], "IMAGES: nowhere: no such file or folder"),
    ],
)
def test_what_a_user_can_mend_ends_in_one_message(lab, arguments, told, sissi):
    (lab / "missing.csv").write_text("image,well\nA1/0.png,A1\nC1/0.png,C1\n")
    (lab / "short.csv").write_text("image,well\nA1/0.png,A1\n")
    size = [("0.png", HEIGHT, WIDTH)]
    for name, classes in (("unseen", CLASSES), ("unnamed", ("alive", "inhibited", "round"))):
        labels = [1, 2] if name == "unseen" else [1, 2, 3]
        boxes = make_boxes([[5, 5, 15, 15], [30, 30, 40, 40], [60, 30, 70, 40]][: len(labels)], labels=labels)
        (lab / f"{name}.json").write_text(json.dumps(to_coco(size, [boxes], classes)))
    code, _, err = sissi("grade", *arguments, "--out", "out", "--score", SCORE)
    assert code == 1 and told in " ".join(err.split()) and "Traceback" not in err
    assert not (lab / "out/grades.csv").exists()
