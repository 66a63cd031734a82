"""`sissi predict`, as a user types it."""

import csv
import json
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sissi.boxes import make_boxes
from sissi.config import Detector
from sissi.data.images.read import read_image
from sissi.detector.model import build, detect, save
from sissi.inference import predict_chunks, predict_folder
from sissi.runtime.engines.local import LocalEngine
from tests.conftest import draw_cells

SEEN = (64, 96)


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    return build(Detector(preset="small", detections_per_image=20), SEEN)


@pytest.fixture
def lab(tmp_path, monkeypatch, detector):
    """A folder with a detector and five images of the size that it sees."""
    monkeypatch.chdir(tmp_path)
    save(detector, tmp_path / "detector.pt")
    (tmp_path / "images").mkdir()
    for k in range(5):
        draw_cells(tmp_path / f"images/well {k}.png", k)
    return tmp_path


@pytest.fixture
def run(lab, sissi):
    """Predict, with an exit code of 0."""

    def predicted(*options, images="images"):
        code, out, err = sissi("predict", "detector.pt", images, "--out", "out", *options)
        assert code == 0, err
        return out

    return predicted


def results(folder):
    """Boxes with scores by image name, and the rows of the counts."""
    tree = json.loads((folder / "predictions.json").read_text())
    names = {image["id"]: image["file_name"] for image in tree["images"]}
    boxes = {name: [] for name in names.values()}
    for one in tree["annotations"]:
        boxes[names[one["image_id"]]].append([*one["bbox"], one["score"]])
    return boxes, list(csv.DictReader((folder / "counts.csv").open(encoding="utf-8")))


@pytest.fixture
def looked(monkeypatch):
    """The batches that the detector was shown."""
    batches = []

    def counting(plain):
        def counted(detector, images):
            batches.append([image.shape[:2] for image in images])
            return plain(detector, images)

        return counted

    for name in ("predict", "predict_each_class"):
        monkeypatch.setattr(predict_chunks, name, counting(getattr(predict_chunks, name)))
    return batches


def test_boxes_are_those_of_the_detector_and_counts_are_those_of_the_boxes(lab, run, detector):
    run("--score", "0.06")
    boxes, counts = results(lab / "out")
    assert list(boxes) == [row["image"] for row in counts] == [f"well {k}.png" for k in range(5)]
    for row in counts:
        found = detect(detector, read_image(lab / "images" / row["image"]))
        kept = found.take(found.scores >= 0.06)
        x, y, width, height, score = np.array(boxes[row["image"]]).reshape(-1, 5).T
        np.testing.assert_allclose(np.stack([x, y, x + width, y + height], axis=1), kept.xyxy, atol=1e-3)
        np.testing.assert_allclose(score, kept.scores, atol=1e-5)
        assert int(row["count"]) == len(kept) > 0
        assert float(row["mean_score"]) == pytest.approx(kept.scores.mean(), abs=1e-4)


def test_a_second_run_looks_at_new_and_changed_images_only(lab, run, looked):
    run("--score", "0")
    first, _ = results(lab / "out")
    looked.clear()
    draw_cells(lab / "images/well 2.png", 77)
    draw_cells(lab / "images/well 5.png", 5)
    assert "4 of 6 images are already done" in run("--score", "0")
    assert looked == [[SEEN, SEEN]]
    second, counts = results(lab / "out")
    unchanged = set(first) - {"well 2.png"}
    assert len(counts) == 6 and {name: second[name] for name in unchanged} == {name: first[name] for name in unchanged}


def test_another_score_needs_no_second_look_and_other_settings_do(lab, run, looked):
    run("--score", "0")
    scores = [one[-1] for boxes in results(lab / "out")[0].values() for one in boxes]
    middle = str(np.median(scores))
    looked.clear()
    run("--score", middle)
    assert not looked
    assert sum(int(row["count"]) for row in results(lab / "out")[1]) == sum(score >= float(middle) for score in scores)
    run("--score", "0", "--tile", "32x48")
    assert len(looked) > 0
    looked.clear()
    run("--score", "0", "--tta")
    assert {size for batch in looked for size in batch} == {(51, 77), (58, 86), SEEN, (70, 106), (77, 115)}


KILLED = """
import os, signal, sys
from sissi import cli
from sissi.inference.progress_log import PredictionLog

add, count = PredictionLog.add, []

def dying(self, *arguments):
    if len(count) == 2:  # in the middle of a line
        self._file.write('{"name": "well')
        self._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    count.append(add(self, *arguments))

PredictionLog.add = dying
sys.argv = ["sissi", "predict", "detector.pt", "images", "--out", "out", "--score", "0", "--batch", "2"]
cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals that kill")
def test_after_kill_9_the_same_command_goes_on_and_ends_as_if_nothing_had_been(lab, run, looked):
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, cwd=lab, check=False)
    assert done.returncode == -9, done.stderr
    assert not (lab / "out/predictions.json").exists()
    assert "2 of 5 images are already done" in run("--score", "0", "--batch", "2")
    assert looked == [[SEEN, SEEN], [SEEN]]
    resumed = results(lab / "out")
    (lab / "out" / predict_folder.STATE).unlink()
    run("--score", "0", "--batch", "2")
    for name, boxes in results(lab / "out")[0].items():  # batches differ, so the last bits may
        np.testing.assert_allclose(boxes, resumed[0][name], rtol=1e-3, atol=1e-3)


def test_parts_side_by_side_give_what_one_command_gives(lab, run, looked):
    run()
    whole = results(lab / "out")
    shutil.rmtree(lab / "out")
    for part in ("2/3", "1/3"):
        assert f"part {part}: 2 images in out; when all parts are done" in run("--part", part)
        assert not (lab / "out/predictions.json").exists()
    looked.clear()
    assert "4 of 5 images are already done" in run()
    assert sum(map(len, looked)) == 1
    boxes, counts = results(lab / "out")
    assert list(boxes) == list(whole[0]) and [row["count"] for row in counts] == [row["count"] for row in whole[1]]
    for name, found in boxes.items():  # other batches differ in the last bits
        np.testing.assert_allclose(found, whole[0][name], atol=1e-3)


def test_processes_side_by_side_give_what_one_gives_and_go_on_where_another_command_was(lab, run, sissi, monkeypatch):
    monkeypatch.setattr(predict_chunks, "BATCHES", 1)
    run("--batch", "2")
    alone = (lab / "out/predictions.json").read_bytes()
    state = lab / "out" / predict_folder.STATE
    lines = state.read_text().splitlines(keepends=True)
    state.write_text("".join(lines[:3]))
    assert "2 of 5 images are already done" in run("--batch", "2", "--jobs", "2")
    assert (lab / "out/predictions.json").read_bytes() == alone
    assert sorted(state.read_text().splitlines(keepends=True)) == sorted(lines)


def test_jobs_of_ray_are_asked_for_with_an_address_or_by_name(lab, run, sissi, monkeypatch):
    opened, looked_at = [], []

    class Engine(LocalEngine):
        def machine(self):
            looked_at.append(True)
            return "a processor"

    def pretended(*arguments, **options):
        opened.append(arguments)
        return nullcontext(Engine("cpu"))

    monkeypatch.setattr(predict_folder, "open_engine", pretended)
    run("--address", "10.0.0.7:6379")
    assert opened == [("ray", Path("mlruns"), "auto", "10.0.0.7:6379")] and looked_at == [True]
    assert "5 of 5 images are already done" in run("--engine", "ray")
    assert len(opened) == 1  # nothing is left to do, so no engine is started
    for wrong, words in (
        (("--engine", "dask"), "give local or ray"),
        (("--engine", "local", "--address", "x:1"), "leave"),
    ):
        code, _, err = sissi("predict", "detector.pt", "images", "--out", "out", *wrong)
        assert code == 1 and words in " ".join(err.split())


def test_an_image_that_cannot_be_read_is_named_and_the_others_are_done(lab, sissi):
    (lab / "images/well 1.png").write_bytes(b"")
    (lab / "images/well 3.png").write_bytes(b"no image")
    code, _, err = sissi("predict", "detector.pt", "images", "--out", "out", "--score", "0")
    assert code == 1 and "2 of 5 images" in err and "well 1.png: is empty" in err and "well 3.png: is not a" in err
    boxes, counts = results(lab / "out")
    assert list(boxes) == ["well 0.png", "well 2.png", "well 4.png"]
    problems = {row["image"]: row["problem"] for row in counts}
    assert "is empty" in problems["well 1.png"] and not problems["well 0.png"]
    assert counts[1]["count"] == "" and int(counts[0]["count"]) > 0
    draw_cells(lab / "images/well 1.png", 1)
    draw_cells(lab / "images/well 3.png", 3)
    code, _, _ = sissi("predict", "detector.pt", "images", "--out", "out", "--score", "0")
    assert code == 0 and len(results(lab / "out")[0]) == 5


def test_a_large_image_is_cut_into_tiles_of_the_training_size(lab, run, looked):
    cv2.imwrite("images/scan.png", cv2.resize(cv2.imread("images/well 0.png"), None, fx=3, fy=3))
    said = run("--score", "0", images="images/scan.png")
    assert looked == [[SEEN]] and "image of another size than the 64x96 px of the detector" in said
    looked.clear()
    said = run("--score", "0", "--tile", "64x96", images="images/scan.png")
    assert [len(batch) for batch in looked] == [8, 8] and {size for batch in looked for size in batch} == {SEEN}
    assert "warning" not in said


def test_overlays_and_labels_of_another_format(lab, run):
    run("--score", "0.06", "--overlays", "--format", "label_studio")
    overlay = read_image(lab / "out/overlays/well 0.png.png")
    assert overlay.shape[1] % SEEN[1] == 0 and (overlay == (255, 140, 0)).all(axis=2).any()
    tasks = json.loads((lab / "out/labels/label_studio.json").read_text())
    boxes, _ = results(lab / "out")
    assert [len(task["predictions"][0]["result"]) for task in tasks] == [len(one) for one in boxes.values()]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.pt", "images"], "nowhere.pt: no such file"),
        (["detector.pt", "nowhere"], "IMAGES: nowhere: no such file or folder"),
        (["detector.pt", "images", "--tile", "640"], "--tile 640: give height x width in px, such as 480x640"),
        (
            ["detector.pt", "images", "--part", "4/3"],
            "--part 4/3: give the number of a part and of parts, such as 3/16",
        ),
        (["detector.pt", "images", "--format", "word"], "--format word: no such label format"),
        (["runs:/0/model", "images"], "no such MLflow store; name the tracking folder"),
    ],
)
def test_what_a_user_can_mend_ends_in_one_message(lab, arguments, told, sissi):
    code, _, err = sissi("predict", *arguments, "--out", "out")
    assert code == 1 and told in err and "Traceback" not in err


def test_a_logged_model_knows_the_size_of_its_images_and_its_augmentation(lab, monkeypatch, looked, sissi):
    from sissi.data.formats.coco import to_coco
    from sissi.tracking import open_store

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with open_store(lab / "mlruns").start_run("lab", "plain-a") as tracked:
        tracked.params(
            {"pseudo_labels.scales": [1.0], "pseudo_labels.flips": ["none", "both"], "pseudo_labels.score": 0}
        )
        images = [("a.png", 64, 96), ("b.png", 64, 96)]
        tracked.json(to_coco(images, [make_boxes([])] * 2), "predictions/target_test.json")
        address = tracked.model(lab / "detector.pt")
    cv2.imwrite("images/scan.png", np.zeros((64, 240, 3), np.uint8))
    for model in (address, f"runs:/{tracked.id}/model"):
        looked.clear()
        code, out, err = sissi("predict", model, "images", "--out", model[:4], "--tta")
        assert code == 0, err
        assert "warning" not in out
        assert looked == [[SEEN, SEEN]] * (5 + 3)  # two views of each image, and of each of three tiles
        assert json.loads((lab / model[:4] / predict_folder.STATE).open().readline())["scale"]["tile"] == list(SEEN)
