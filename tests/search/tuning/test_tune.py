"""`sissi tune`, as a user types it, on drawn images whose truth is known."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import optuna
import pytest
import yaml

from sissi.config.load import load_weak_labels
from sissi.runtime.cache import cache_folder
from tests.conftest import draw_cells

IMAGES = 6
OPTIONS = ("--pipeline", "dead", "--trials", "12")


def write_truth(file, boxes):
    """A COCO file of boxes by image name."""
    tree = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "cell"}]}
    for key, (name, rows) in enumerate(boxes.items()):
        tree["images"].append({"id": key, "file_name": name, "height": 64, "width": 96})
        for left, top, right, bottom in np.asarray(rows, float).reshape(-1, 4).tolist():
            box = [left, top, right - left, bottom - top]
            tree["annotations"].append({"image_id": key, "category_id": 1, "bbox": box})
    file.write_text(json.dumps(tree))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Six images of discs that differ from the ground too little for the untuned settings; five are corrected."""
    (tmp_path / "images").mkdir()
    truth = {}
    for k in range(IMAGES):
        path = tmp_path / "images" / f"{k}.png"
        truth[path.name] = draw_cells(path, k)
        image = cv2.GaussianBlur(cv2.imread(str(path)), (0, 0), 2).astype(float)
        cv2.imwrite(str(path), (90 + (image - 90) / 6).clip(0, 255).astype(np.uint8))
    del truth["5.png"]
    write_truth(tmp_path / "truth.json", truth)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held_out(out):
    """F1 by row of the table that the command prints."""
    rows = [line.rsplit(maxsplit=4) for line in out.splitlines()]
    return {row[0].strip(): float(row[1]) for row in rows if row and row[0].strip() in WAYS}


WAYS = ("as given", "cell size alone", "tuned")


def test_tuned_settings_find_cells_that_untuned_ones_miss(folder, sissi):
    code, out, err = sissi("tune", "images", "--truth", "truth.json", "--out", "s.yaml", "--plots", "plots", *OPTIONS)
    assert code == 0, err
    f1 = held_out(out)
    assert f1["tuned"] > f1["cell size alone"] and "The tuned settings are written (pipeline dead)" in out
    written = yaml.safe_load(Path("s.yaml").read_text())
    assert written["pipeline"] == "dead" and 13 <= written["cell_size"] <= 27
    assert f"tuned: {f1['tuned']:.3f}" in Path("s.yaml").read_text()
    assert {"trials.csv", "history.png", "slice.png"} <= {path.name for path in Path("plots").iterdir()}
    assert len(Path("plots/trials.csv").read_text().splitlines()) == 13


def test_the_written_settings_label_the_images_and_stand_in_an_experiment(folder, sissi):
    sissi("tune", "images", "--truth", "truth.json", "--out", "s.yaml", *OPTIONS)
    code, out, err = sissi("weak-labels", "images", "--settings", "s.yaml", "--truth", "truth.json")
    assert code == 0, err
    f1 = float(next(line for line in out.splitlines() if line.startswith("all ")).split()[6])
    _, untuned, _ = sissi("weak-labels", "images", "--truth", "truth.json", "--pipeline", "dead")
    before = next(line for line in untuned.splitlines() if line.startswith("all ")).split()[6]
    assert before == "-" or f1 > float(before)
    settings = load_weak_labels(Path("s.yaml"))
    assert not settings.needs_cell_size and load_weak_labels(Path("s.yaml")) == settings


def test_untuned_settings_are_written_where_tuning_is_not_better(folder, sissi):
    """Every trial is that with the untuned settings: nothing is left to be searched."""
    draw_cells_as_they_are(folder)
    given = ["radius=[6,14]", "smoothing=0", "edge_threshold=90", "votes=12", "margin=2", "nms_iou=0.2"]
    fixed = [word for one in given for word in ("--set", f"dead.{one}")]
    code, out, err = sissi("tune", "images", "--truth", "truth.json", "--out", "s.yaml", *OPTIONS, *fixed)
    assert code == 0, err
    f1 = held_out(out)
    assert f1["tuned"] == f1["as given"] > 0.5
    assert "Tuning does not beat untuned settings here; these are written (as given)" in out
    assert yaml.safe_load(Path("s.yaml").read_text())["dead"]["radius"] == [6, 14]


def draw_cells_as_they_are(folder):
    for k in range(IMAGES):
        draw_cells(folder / "images" / f"{k}.png", k)


def test_a_cell_size_that_is_given_stays_and_is_no_row_of_its_own(folder, sissi):
    code, out, err = sissi("tune", "images", "--truth", "truth.json", "--out", "s.yaml", *OPTIONS, "--cell-size", "20")
    assert code == 0, err
    assert set(held_out(out)) == {"as given", "tuned"}
    assert yaml.safe_load(Path("s.yaml").read_text())["cell_size"] == 20


KILL = """
import os, signal, sys
from pathlib import Path
from sissi import cli
from sissi.search.tuning.scoring import Scorer
remember, left, how = Scorer._remember, [int(sys.argv.pop(1))], getattr(signal, sys.argv.pop(1))
def killed(self, *arguments):
    remember(self, *arguments)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), how)
Scorer._remember = killed
cli.main()
"""


def stopped(how, after, *arguments):
    """The command, which gets a signal after some comparisons."""
    command = [sys.executable, "-c", KILL, str(after), how, *arguments]
    root = Path(__file__).parents[3]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(root)})


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals that kill")
@pytest.mark.parametrize(("how", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_a_stopped_tuning_goes_on_and_ends_as_one_that_was_not(folder, sissi, how, code):
    arguments = ("tune", "images", "--truth", "truth.json", "--out", "s.yaml", *OPTIONS)
    sissi(*arguments, "--tracking", "whole")
    whole = Path("s.yaml").read_text()
    Path("s.yaml").unlink()
    ended = stopped(how, 40, *arguments)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr and not Path("s.yaml").exists()
    assert how == "SIGKILL" or "the same command continues from here" in ended.stderr
    [counts] = (cache_folder(Path("mlruns")) / "tuning").glob("*/calls.jsonl")
    assert len(counts.read_text().splitlines()) == 40
    sissi(*arguments)
    assert Path("s.yaml").read_text() == whole
    known = counts.read_text().splitlines()
    assert len({(key, index) for key, (index, *_) in map(json.loads, known)}) == len(known)
    trials = [len(study_in(folder / name).get_trials()) for name in ("whole", "mlruns")]
    assert trials == [12, 12]


def study_in(tracking):
    address = f"sqlite:///{tracking}/optuna.db"
    [name] = optuna.get_all_study_names(address)
    return optuna.load_study(study_name=name, storage=address)


def test_a_half_written_count_is_counted_again(folder, sissi):
    arguments = ("tune", "images", "--truth", "truth.json", "--out", "s.yaml", *OPTIONS)
    sissi(*arguments)
    first = Path("s.yaml").read_text()
    [counts] = (cache_folder(Path("mlruns")) / "tuning").glob("*/calls.jsonl")
    counts.write_bytes(counts.read_bytes()[:-4])
    code, _, err = sissi(*arguments)
    assert code == 0, err
    assert Path("s.yaml").read_text() == first
    assert all(len(json.loads(line)[1]) == 4 for line in counts.read_text().splitlines())


def test_more_trials_go_on_with_the_study(folder, sissi):
    arguments = ("tune", "images", "--truth", "truth.json", "--out", "s.yaml", "--pipeline", "dead")
    sissi(*arguments, "--trials", "5")
    few = [trial.params for trial in study_in(folder / "mlruns").get_trials()]
    sissi(*arguments, "--trials", "9")
    more = [trial.params for trial in study_in(folder / "mlruns").get_trials()]
    assert len(few) == 5 and len(more) == 9 and more[:5] == few


@pytest.mark.parametrize(
    ("boxes", "told"),
    [
        ({"x.png": [[1, 1, 9, 9]]}, "--truth truth.json: lists none of the 6 images"),
        ({"0.png": [[1, 1, 9, 9]]}, "--truth lists cells for 1 of the 6 images; tuning needs at least 2"),
        ({"0.png": [[1, 1, 9, 9]], "1.png": []}, "--truth lists cells for 1 of the 6 images"),
    ],
)
def test_a_truth_that_says_too_little_is_one_sentence(folder, sissi, boxes, told):
    write_truth(folder / "truth.json", boxes)
    code, _, err = sissi("tune", "images", "--truth", "truth.json", "--out", "s.yaml", *OPTIONS)
    assert code == 1 and told in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere"),
        (["images", "--truth", "gone.json"], "--truth gone.json: no such file or folder"),
        (["images", "--set", "dead.radios=3"], "did you mean radius?"),
    ],
)
def test_what_a_user_can_mend_ends_in_one_message(folder, sissi, arguments, told):
    truth = [] if "--truth" in arguments else ["--truth", "truth.json"]
    code, _, err = sissi("tune", *arguments, *truth, "--out", "s.yaml")
    assert code == 1 and told in err and "Traceback" not in err
