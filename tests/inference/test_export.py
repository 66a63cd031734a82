"""Exported detectors give the boxes of the original: every preset, ONNX by onnxruntime and TorchScript."""

import json
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from benchmarks.exported import spread_detector
from sissi.boxes import EMPTY, make_boxes
from sissi.config import Detector
from sissi.detector.model import build, save
from sissi.detector.presets import NETWORKS
from sissi.inference.export import UNSUPPORTED, nearest

SIZE = (90, 128)  # no multiple of a stride: networks pad it
EXPORTED = [name for name in NETWORKS if name != UNSUPPORTED]
QUICK, SLOW = ("small", "lite"), pytest.mark.slow


def pictures(folder, count=3):
    random = np.random.default_rng(0)
    folder.mkdir()
    for index in range(count):
        blurred = np.kron(random.integers(0, 255, (12, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        Image.fromarray(blurred).save(folder / f"{index}.png")
    return folder


@pytest.mark.parametrize("to", ["onnx", "torchscript"])
@pytest.mark.parametrize("preset", [name if name in QUICK else pytest.param(name, marks=SLOW) for name in EXPORTED])
def test_an_exported_detector_gives_the_boxes_of_the_original(sissi, tmp_path, preset, to):
    model = tmp_path / "detector.pt"
    save(spread_detector(preset, SIZE, ("red", "white")), model)
    images, out = pictures(tmp_path / "images"), tmp_path / f"detector.{to}"
    code, shown, _ = sissi("export", str(model), "--to", to, "--out", str(out), "--check", str(images))
    assert code == 0
    wrote, compared = shown.splitlines()
    assert wrote.startswith(f"wrote {preset} for images of 90 x 128 px as {to} to {out} (")
    words = compared.split()
    assert words[:3] == ["3", "images", "with"] and int(words[3]) > 20
    assert words[5] == "0" and float(words[words.index("most") + 1]) < 0.01
    if to == "onnx":
        about = {entry.key: entry.value for entry in onnx.load(out).metadata_props}
        assert json.loads(about["sissi"])["classes"] == ["red", "white"]


def test_the_nearest_box_of_the_same_class_is_the_partner():
    expected = make_boxes([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]], labels=[1, 1, 2])
    found = make_boxes([[40, 0, 50, 10.25], [0, 0.5, 10, 10], [20, 0, 30, 10]], labels=[2, 1, 2])
    assert nearest(expected, found) == (2, 0.5)
    assert nearest(expected, EMPTY) == (3, 0.0) and nearest(EMPTY, EMPTY) == (0, 0.0)


def test_another_form_is_refused(sissi, tmp_path):
    code, _, shown = sissi("export", "none.pt", "--to", "tflite", "--out", str(tmp_path / "a"))
    assert code == 2 and "'onnx'" in shown and "torchscript" in shown


def test_a_detector_that_cannot_be_exported_is_refused(sissi, tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed: pip install 'sissi[transformers]'")
    model, out = tmp_path / "detector.pt", tmp_path / "a.onnx"
    save(build(Detector(preset=UNSUPPORTED), SIZE), model)
    code, _, shown = sissi("export", str(model), "--to", "onnx", "--out", str(out))
    assert code == 1 and "a detector of the preset rtdetr cannot be exported" in shown and not out.exists()


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(sissi, tmp_path, monkeypatch, package):
    model, images = tmp_path / "detector.pt", pictures(tmp_path / "images", 1)
    save(spread_detector("small", SIZE), model)
    monkeypatch.setitem(sys.modules, package, None)
    out = tmp_path / "a.onnx"
    code, _, shown = sissi("export", str(model), "--to", "onnx", "--out", str(out), "--check", str(images))
    assert code == 1 and "needs the packages onnx and onnxruntime: pip install 'sissi[onnx]'" in shown
