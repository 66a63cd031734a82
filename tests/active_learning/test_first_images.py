"""`sissi suggest IMAGES`, before any ablation, as a user types it."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import draw_cells

OPTIONS = ("--set", "pipeline=dead", "--set", "cell_size=19")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Six images of discs, of which one is faint, and an empty image."""
    (tmp_path / "images").mkdir()
    for k in range(6):
        draw_cells(tmp_path / "images" / f"{k}.png", k)
    faint = cv2.imread(str(tmp_path / "images" / "5.png")).astype(float)
    cv2.imwrite(str(tmp_path / "images" / "5.png"), (90 + (faint - 90) / 3).clip(0, 255).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "images" / "6.png"), np.full((64, 96), 90, np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(path):
    return list(csv.DictReader(Path(path).open(encoding="utf-8")))


def test_images_are_named_and_exported_with_their_weak_labels(folder, sissi):
    code, out, err = sissi("suggest", "images", "--out", "next", "-n", "3", *OPTIONS)
    assert code == 0, err
    assert "3 of 7 images to be looked at first: next/suggestions.md" in out.replace("\\", "/")
    table = rows("next/suggestions.csv")
    assert len(table) == 7 and [row["rank"] for row in table] == [str(k) for k in range(1, 8)]
    tasks = json.loads(Path("next/labels/label_studio.json").read_text())
    assert [task["data"]["name"] for task in tasks] == [row["image"] for row in table[:3]]
    assert all(task["predictions"][0]["result"] for task in tasks)
    assert len(list(Path("next/pictures").iterdir())) == 3
    measured = {row["image"]: row for row in table}
    assert measured["6.png"]["size"] == "" and measured["6.png"]["boxes"] == "0"
    assert float(measured["5.png"]["contrast"]) < float(measured["4.png"]["contrast"])
    assert "| rank | image | score | in question | sure | size | contrast |" in Path("next/suggestions.md").read_text()


def test_patterns_and_cvat_and_the_same_answer_each_time(folder, sissi):
    for out in ("a", "b"):
        code, _, err = sissi("suggest", "images/*.png", "--out", out, "--format", "cvat", *OPTIONS)
        assert code == 0, err
    assert Path("a/suggestions.csv").read_text() == Path("b/suggestions.csv").read_text()
    assert "<image " in next(Path("a/labels").iterdir()).read_text()


def test_labels_that_do_not_change_are_not_in_doubt(folder, sissi):
    sizes = ("--set", "dead.radius=[7,15]", "--set", "dead.margin=2", "--set", "dead.smoothing=0")
    code, _, err = sissi("suggest", "images", "--out", "next", *OPTIONS, *sizes, "--set", "cell_size=10")
    assert code == 0, err
    assert {float(row["score"]) for row in rows("next/suggestions.csv")} == {0.0}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["images", "--format", "word"], "--format word: no such label format"),
        (["images", "--set", "dead.radios=3"], "did you mean radius?"),
        (["images", "nowhere/*.png"], "nowhere/*.png: no image matches the pattern"),
        (["images/6.png"], "no cell is to be seen in the images"),
        (["0123456789abcdef0123456789abcdef", "--plane", "2"], "--plane, --projection and --channels are for images"),
    ],
)
def test_what_a_user_can_mend_ends_in_one_message(folder, arguments, told, sissi):
    code, _, err = sissi("suggest", *arguments, "--out", "out")
    assert code == 1 and told in err and "Traceback" not in err
