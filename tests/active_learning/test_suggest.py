"""`sissi suggest`, as a user types it, on a store whose answer is known."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from sissi.active_learning import committee
from sissi.active_learning.committee import CorrectedLabels, committees
from sissi.boxes import make_boxes
from sissi.config import Detector
from sissi.config.load import Experiment, dump_experiment, load_experiment
from sissi.data.formats.coco import to_coco
from sissi.data.images.read import read_image
from sissi.detector.model import build
from sissi.tracking import ABLATION, open_store
from tests.conftest import HEIGHT, WIDTH, draw_cells

NAMES = [f"{k:03d}.png" for k in range(4)]
ALL_BOXES = {name: [[8, 20, 26, 38], [40, 20, 58, 38], [72, 20, 90, 38]] for name in NAMES}


def write_run(store, parent, variant, cycles):
    """A branch that ends with these labels; status KILLED, so that no trained detector is asked for."""
    tags = {"sissi.stage": "branch", "sissi.variant": variant, "sissi.seed": "0"}
    with store.start_run("lab", variant, parent=parent, tags=tags) as run:
        for epoch, labels in enumerate(cycles, start=5):
            images = [(name, HEIGHT, WIDTH) for name in NAMES]
            content = to_coco(images, [make_boxes(labels[name]) for name in NAMES])
            run.json(content, f"pseudo_labels/epoch_{epoch:03d}.json")
        run.end("KILLED")


def without(name, *indices):
    """All boxes but some of one image."""
    return {**ALL_BOXES, name: np.delete(ALL_BOXES[name], indices, axis=0)}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A store with an ablation: about 000 all agree, about 001 the variants do not, about 002 the cycles of one."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "images").mkdir()
    for k, name in enumerate(NAMES):
        draw_cells(folder / "images" / name, k)
    target = {"format": "coco", "images": "images", "labels": "labels.json"}
    data = {
        "kind": "files",
        "folder": str(folder),
        "target_train": target,
        "source_train": target,
        "source_val": target,
    }
    data["target_test"] = {"images": "images", "readers": {"one": {"format": "coco", "labels": "labels.json"}}}
    smoke = load_experiment(Path("experiments/smoke.yaml")).model_dump(mode="json")
    experiment = Experiment.model_validate({**smoke, "data": data})
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store = open_store(folder / "mlruns")
        with store.start_run("lab", "ablation lab", tags=ABLATION) as parent:
            parent.text(dump_experiment(experiment), "experiment.yaml")
            poor = {name: [] for name in NAMES}  # an early cycle, which does not count
            write_run(store, parent, "baseline", [poor] + [ALL_BOXES] * 3)
            write_run(store, parent, "sissi-w", [ALL_BOXES] * 3)
            write_run(store, parent, "plain-a", [without("001.png", 0, 1)] * 3)
            write_run(store, parent, "a+sissi-w", [without("001.png", 1), without("001.png", 1), without("001.png", 1)])
            write_run(store, parent, "sissi-s", [without("002.png", 2), ALL_BOXES, ALL_BOXES])
            write_run(store, parent, "weak-only", [])
            write_run(store, parent, "a+sissi-s", [])
    return folder, parent.id


@pytest.fixture
def lab(written, monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return written[0]


def table(path):
    return list(csv.DictReader(path.open(encoding="utf-8")))


@pytest.fixture
def suggested(lab, tmp_path, sissi):
    store = ["--tracking", str(lab / "mlruns")]
    code, out, err = sissi("suggest", "latest", "--out", "out", "-n", "2", "--no-views", *store)
    assert code == 0, err
    return tmp_path / "out", out


def entropy(p):
    return -p * np.log2(p) - (1 - p) * np.log2(1 - p)


def test_images_are_ranked_by_what_the_labels_disagree_about(suggested):
    rows = table(suggested[0] / "suggestions.csv")
    assert [row["image"] for row in rows] == ["001.png", "002.png", "000.png", "003.png"]
    between_variants = entropy(4 / 5) + entropy(3 / 5)
    assert float(rows[0]["variants"]) == pytest.approx(between_variants, abs=1e-4)
    assert float(rows[0]["score"]) == pytest.approx(between_variants / 2, abs=1e-4)
    assert float(rows[1]["cycles"]) == pytest.approx(entropy(1 / 3) / 5, abs=1e-4)
    assert float(rows[1]["score"]) == pytest.approx(entropy(1 / 3) / 10, abs=1e-4)
    assert [float(row["score"]) for row in rows[2:]] == [0, 0]


def test_boxes_are_ranked_and_say_how_many_labels_name_them(suggested):
    rows = table(suggested[0] / "boxes.csv")
    assert len(rows) == 12
    assert [(row["image"], float(row["left"])) for row in rows[:3]] == [
        ("001.png", 40),
        ("001.png", 8),
        ("002.png", 72),
    ]
    assert [float(row["agreement"]) for row in rows[:3]] == pytest.approx([9 / 15, 12 / 15, 14 / 15], abs=1e-4)


def test_the_first_are_exported_in_order_with_what_most_labels_name(suggested):
    tasks = json.loads((suggested[0] / "labels/label_studio.json").read_text())
    assert [task["data"]["name"] for task in tasks] == ["001.png", "002.png"]
    scores = [sorted(one["score"] for one in task["predictions"][0]["result"]) for task in tasks]
    assert scores[0] == pytest.approx([9 / 15, 12 / 15, 1]) and scores[1] == pytest.approx([14 / 15, 1, 1])
    assert "001.png" in (suggested[0] / "suggestions.md").read_text()
    assert "000.png" not in (suggested[0] / "suggestions.md").read_text()


def test_corrections_of_the_first_come_back_into_the_labels_of_all(suggested, lab, sissi):
    """The way through Label Studio: its export is the tasks with annotations."""
    out = suggested[0]
    tasks = json.loads((out / "labels/label_studio.json").read_text())
    for task in tasks:  # all boxes but the first are deleted
        task["annotations"] = [{"result": task["predictions"][0]["result"][:1]}]
    (out / "export.json").write_text(json.dumps(tasks))
    arguments = [str(out / name) for name in ("consensus.json", "export.json")]
    options = ["--images", str(lab / "images"), "--out", str(out / "merged.json")]
    code, said, err = sissi("data", "merge", *arguments, *options)
    assert code == 0, err
    assert "wrote 4 images" in said and "2 of them corrected" in said
    tree = json.loads((out / "merged.json").read_text())
    names = {image["id"]: image["file_name"] for image in tree["images"]}
    counts = Counter(names[one["image_id"]] for one in tree["annotations"])
    assert counts == {"000.png": 3, "001.png": 1, "002.png": 1, "003.png": 3}
    code, _, err = sissi("data", "merge", *arguments, *options)
    assert code == 1 and "merged.json: exists already" in err


def test_pictures_show_what_is_in_question_in_another_colour(suggested):
    pictures = sorted((suggested[0] / "pictures").iterdir())
    assert [path.name for path in pictures] == ["001 001.png.png", "002 002.png.png"]
    colours = [{tuple(pixel) for pixel in read_image(path).reshape(-1, 3).tolist()} for path in pictures]
    assert all((86, 180, 233) in one for one in colours)
    assert (255, 140, 0) in colours[0] and (255, 140, 0) not in colours[1]


def test_a_variant_that_made_no_labels_is_told_and_the_reference_row_is_not_asked(suggested):
    assert "variant without pseudo labels, left out: a+sissi-s" in suggested[1]
    assert "weak-only" not in suggested[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "run nowhere"),
        (["latest", "--format", "word"], "--format word: no such label format"),
        (["latest", "--set", "data.folder=gone"], "data.target_train.images"),
    ],
)
def test_what_a_user_can_mend_ends_in_one_message(lab, arguments, told, sissi):
    store = ["--tracking", str(lab / "mlruns")]
    code, _, err = sissi("suggest", *arguments, "--out", "out", *store)
    assert code == 1 and told in err and "Traceback" not in err


def test_images_that_have_moved_are_found_where_the_user_says(lab, written, sissi):
    shutil.copytree(lab / "images", "elsewhere/images")
    options = ["--no-views", "--set", "data.folder=elsewhere", "--tracking", str(lab / "mlruns"), "--format", "cvat"]
    code, _, err = sissi("suggest", written[1], "--out", "out", *options)
    assert code == 0, err
    assert len(table(Path("out/suggestions.csv"))) == 4 and len(list(Path("out/labels").iterdir())) == 1


def went_through(names):
    """The option that says which images a person went through."""
    boxes = [make_boxes(ALL_BOXES[name]) for name in names]
    Path("export.json").write_text(json.dumps(to_coco([(name, HEIGHT, WIDTH) for name in names], boxes)))
    corrected = {"format": "coco", "labels": str(Path("export.json").resolve())}
    return ["--set", f"data.target_corrected={json.dumps(corrected)}"]


def test_images_that_a_person_went_through_are_not_suggested_again(lab, sissi):
    options = ["--no-views", "--tracking", str(lab / "mlruns"), "-n", "3", *went_through(["001.png", "000.png"])]
    code, out, err = sissi("suggest", "latest", "--out", "out", *options)
    assert code == 0, err
    assert [row["image"] for row in table(Path("out/suggestions.csv"))] == ["002.png", "003.png", "001.png", "000.png"]
    tasks = json.loads(Path("out/labels/label_studio.json").read_text())
    assert [task["data"]["name"] for task in tasks] == ["002.png", "003.png"]
    assert "2 of 4 images to be looked at first" in out


def test_where_all_images_are_corrected_there_is_none_to_suggest(lab, sissi):
    options = ["--no-views", "--tracking", str(lab / "mlruns"), *went_through(NAMES)]
    code, _, err = sissi("suggest", "latest", "--out", "out", *options)
    assert code == 1 and "every image is among those of data.target_corrected" in " ".join(err.split())


def test_every_view_of_every_detector_has_a_vote(tmp_path, smoke, monkeypatch):
    """A view finds what reaches the score of a label, in px of the file."""
    draw_cells(tmp_path / "a.png", 0)
    torch.manual_seed(0)
    detectors = {name: build(Detector(preset="small"), (32, 48)) for name in ("plain-a", "baseline")}
    found = make_boxes([[4, 4, 12, 12], [20, 4, 28, 12]], [0.2, 0.19])
    monkeypatch.setattr(committee, "predict", lambda detector, images: [found for _ in images])
    snapshots = {"plain-a": [{"a.png": make_boxes([])}]}
    told = []
    finished = CorrectedLabels(smoke, {"a.png": tmp_path / "a.png"}, snapshots, {})
    ((name, members),) = committees(finished, detectors, lambda: told.append(True))
    assert name == "a.png" and told == [True] and (members.height, members.width) == (HEIGHT, WIDTH)
    plain, mirrored = [8, 8, 24, 24], [WIDTH - 24, HEIGHT - 24, WIDTH - 8, HEIGHT - 8]
    for seen in members.views.values():
        assert [boxes.xyxy.tolist() for boxes in seen] == [[plain], [mirrored]]
