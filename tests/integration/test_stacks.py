"""Every command that reads images names what it leaves out of them, and takes the same settings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
import yaml
from PIL import Image

from sissi.config import Detector
from sissi.detector.model import build, save
from tests.conftest import draw_cells

PARTLY = "image that is read in part, set plane, projection or channels to choose"
HEIGHT, WIDTH = 64, 96


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stacks whose cells are in plane 3 alone, and an experiment on them."""
    monkeypatch.chdir(tmp_path)
    for role in ("train", "val", "test", "source", "source_val"):
        (tmp_path / role).mkdir()
        for index in range(2):
            seed = 10 * sum(map(ord, role)) + index
            boxes = draw_cells(tmp_path / "drawn.png", seed)
            picture = np.asarray(Image.open(tmp_path / "drawn.png").convert("L"))
            noise = np.random.default_rng(seed).integers(90, 96, (4, HEIGHT, WIDTH), dtype=np.uint8)
            noise[2] = picture
            stack = {"metadata": {"axes": "ZYX"}, "photometric": "minisblack"}
            tifffile.imwrite(tmp_path / role / f"{index}.ome.tif", noise, **stack)
            rows = [f"cell {' '.join(f'{side:g}' for side in box)}" for box in boxes]
            (tmp_path / role / f"{index}.ome.txt").write_text("\n".join(rows))
    (tmp_path / "drawn.png").unlink()
    smoke = Path(__file__).parents[2] / "experiments" / "smoke.yaml"
    sets = {key: {"format": "celllab", "images": key} for key in ("train", "val", "source", "source_val")}
    data = {
        "kind": "files",
        "target_train": sets["train"],
        "target_val": sets["val"],
        "target_test": {"images": "test", "readers": {"one": {"format": "celllab", "labels": "test"}}},
        "source_train": sets["source"],
        "source_val": sets["source_val"],
    }
    tree = {key: value for key, value in yaml.safe_load(smoke.read_text()).items() if key != "data"}
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump(tree | {"data": data}))
    return tmp_path


ROLES = ("target_train", "target_val", "target_test", "source_train", "source_val")


def noted(text: str) -> bool:
    return PARTLY in text and "depth 1 of 4" in text and "0.ome.tif" in text


def test_the_check_names_them_and_each_data_set_has_the_settings(lab: Path, sissi: Any) -> None:
    code, out, _ = sissi("data", "check", "lab.yaml", "--set", "tracking.folder=mlruns")
    assert code == 0 and noted(out) and f"10 x {PARTLY}" in out
    for key, value in (("plane", "3"), ("projection", "max")):
        overrides = [word for role in ROLES for word in ("--set", f"data.{role}.{key}={value}")]
        code, out, _ = sissi("data", "check", "lab.yaml", "--set", "tracking.folder=mlruns", *overrides)
        assert code == 0 and PARTLY not in out


@pytest.mark.parametrize("key", ["plane=5", "channels=[2]"])
def test_a_plane_or_channel_that_no_image_has_is_refused_by_name(lab: Path, sissi: Any, key: str) -> None:
    given = ["--set", "tracking.folder=mlruns", "--set", f"data.target_train.{key}"]
    code, out, _ = sissi("data", "check", "lab.yaml", *given)
    assert code == 1
    assert "image that cannot be used" in out and f"has {'4 planes, no plane 5' if '5' in key else '1 channels'}" in out


@pytest.mark.parametrize("value", ["plane=0", "projection=mean", "channels=[1,2,3,4]", "channels=[]", "channels=[0]"])
def test_settings_that_make_no_sense_are_refused(lab: Path, sissi: Any, value: str) -> None:
    code, _, err = sissi("data", "check", "lab.yaml", "--set", f"data.target_test.{value}")
    assert code == 1 and "data.target_test." in err
    given = ["--set", "data.target_test.plane=1", "--set", "data.target_test.projection=max"]
    code, _, err = sissi("data", "check", "lab.yaml", *given)
    assert code == 1 and "set one of the two" in err


def test_convert_and_merge_name_them(lab: Path, sissi: Any) -> None:
    given = ["train", "--from", "celllab", "--to", "coco", "--images", "train", "--out", "a.json"]
    code, _, err = sissi("data", "convert", *given)
    assert code == 0 and noted(err)
    given = ["a.json", "a.json", "--with", "coco", "--images", "train", "--out", "b.json"]
    code, _, err = sissi("data", "merge", *given)
    assert code == 0 and noted(err)


def test_weak_labels_names_them_and_reads_the_plane_that_is_asked_for(lab: Path, sissi: Any) -> None:
    def labels(*options: str) -> tuple[int, str]:
        """How many cells are found, and what was noted."""
        out = f"labels{len(list(lab.glob('labels*')))}.json"
        given = ("--pipeline", "dead", "--cell-size", "23", "--out", out)
        code, _, err = sissi("weak-labels", "train", *given, *options)
        assert code == 0, err
        return len(json.loads((lab / out).read_text())["annotations"]), err

    first, err = labels()
    assert noted(err)
    third, err = labels("--plane", "3")
    assert PARTLY not in err
    highest, err = labels("--projection", "max")
    assert PARTLY not in err and third > 0 and highest > 0 and (first, third) != (third, first)
    code, _, err = sissi("weak-labels", "train")
    assert code == 1 and noted(err) and "no cell is to be seen" in err  # in the first plane, which is noise
    for bad in (("--channels", "0"), ("--channels", "1,2,3,4"), ("--plane", "1", "--projection", "max")):
        code, _, err = sissi("weak-labels", "train", *bad)
        assert code == 1 and "give one" in err


@pytest.fixture
def detector(lab: Path) -> Path:
    torch.manual_seed(0)
    save(build(Detector(preset="small", detections_per_image=20), (HEIGHT, WIDTH)), lab / "detector.pt")
    return lab / "detector.pt"


def test_predict_names_them_and_goes_on_only_with_the_same_settings(lab: Path, sissi: Any, detector: Path) -> None:
    code, out, _ = sissi("predict", "detector.pt", "train", "--out", "out", "--score", "0.06")
    assert code == 0 and noted(out)
    first = json.loads((lab / "out" / "predictions.json").read_text())
    code, out, _ = sissi("predict", "detector.pt", "train", "--out", "out", "--score", "0.06", "--plane", "3")
    assert code == 0 and PARTLY not in out and "were done before" not in out
    third = json.loads((lab / "out" / "predictions.json").read_text())
    assert first["annotations"] != third["annotations"]
    code, out, _ = sissi("predict", "detector.pt", "train", "--out", "out", "--score", "0.06", "--plane", "3")
    assert code == 0 and "2 of 2 images are already done" in out
    code, _, err = sissi("predict", "detector.pt", "train", "--out", "out", "--channels", "2")
    assert code == 1 and "has 1 channels, no channel 2" in err


def test_predict_names_files_of_microscopes_that_it_cannot_read(
    lab: Path, sissi: Any, detector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes an extra is an error in counts.csv; other kinds are noted."""
    monkeypatch.setitem(sys.modules, "nd2", None)
    for name in ("scan.nd2", "scan.lif"):
        (lab / "train" / name).write_bytes(b"nothing")
    code, out, err = sissi("predict", "detector.pt", "train", "--out", "out")
    assert code == 1 and "scan.nd2: is an ND2 file" in err and "sissi[nd2]" in err
    assert "image of a kind that is not read" in out and "scan.lif" in out
    assert 'scan.nd2,,,"' in (lab / "out" / "counts.csv").read_text().replace("'", "")
