"""Exported detectors give the boxes of the original: every preset, ONNX by onnxruntime and TorchScript."""

import json
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from benchmarks.exported import spread_detector
from sissi.boxes import EMPTY, make_boxes, match
from sissi.data.images.read import read_image
from sissi.data.resized import resize
from sissi.detector.model import load, predict, save
from sissi.detector.presets import NETWORKS
from sissi.inference.export import nearest
from sissi.inference.onnx_network import load_for_prediction

SIZE = (90, 128)  # no multiple of a stride: networks pad it
QUICK, SLOW = ("small", "lite"), pytest.mark.slow


def pictures(folder, count=3):
    random = np.random.default_rng(0)
    folder.mkdir()
    for index in range(count):
        blurred = np.kron(random.integers(0, 255, (12, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        Image.fromarray(blurred).save(folder / f"{index}.png")
    return folder


@pytest.mark.parametrize("to", ["onnx", "torchscript"])
@pytest.mark.parametrize("preset", [name if name in QUICK else pytest.param(name, marks=SLOW) for name in NETWORKS])
def test_an_exported_detector_gives_the_boxes_of_the_original(sissi, tmp_path, preset, to):
    if preset == "rtdetr":
        pytest.importorskip("transformers", reason="transformers is not installed: pip install 'sissi[transformers]'")
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
    detector = load(model)
    counts = {len(predict(detector, [resize(read_image(file), *SIZE)])[0]) for file in images.glob("*.png")}
    assert len(counts) > 1  # sizes that depend on the image are none of the constants of the export
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


def test_integers_of_8_bits_find_the_same_cells_in_a_smaller_file(sissi, tmp_path):
    model, images = tmp_path / "detector.pt", pictures(tmp_path / "images")
    save(spread_detector("lite", SIZE, ("red", "white")), model)
    floats, integers = tmp_path / "floats.onnx", tmp_path / "integers.onnx"
    for out, more in ((floats, []), (integers, ["--int8", str(images), "--check", str(images)])):
        code, shown, errors = sissi("export", str(model), "--to", "onnx", "--out", str(out), *more)
        assert code == 0 and errors == ""
    assert shown.startswith(f"wrote lite for images of 90 x 128 px as onnx of 8 bits to {integers} (")
    assert integers.stat().st_size < floats.stat().st_size / 2
    about = [[entry.value for entry in onnx.load(file).metadata_props] for file in (floats, integers)]
    assert about[0] == about[1]
    for file in sorted(images.glob("*.png")):
        expected, found = (
            predict(load_for_prediction(one, "cpu"), [resize(read_image(file), *SIZE)])[0] for one in (floats, integers)
        )
        best = expected.take(expected.scores > 0.5)
        assert len(best) > 5
        assert (match(best, found, 0.7) >= 0).mean() > 0.9


def test_integers_of_8_bits_are_of_onnx_only(sissi, tmp_path):
    model, images, out = tmp_path / "detector.pt", pictures(tmp_path / "images", 1), tmp_path / "a.ts"
    save(spread_detector("small", SIZE), model)
    code, _, shown = sissi("export", str(model), "--to", "torchscript", "--out", str(out), "--int8", str(images))
    assert code == 1 and "--int8: torchscript has no such form; use --to onnx" in shown and not out.exists()


def test_images_that_are_missing_for_integers_leave_no_file(sissi, tmp_path):
    model, out = tmp_path / "detector.pt", tmp_path / "a.onnx"
    save(spread_detector("small", SIZE), model)
    code, _, shown = sissi("export", str(model), "--to", "onnx", "--out", str(out), "--int8", str(tmp_path / "none"))
    assert code == 1 and "none" in shown and not out.exists()


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(sissi, tmp_path, monkeypatch, package):
    model, images = tmp_path / "detector.pt", pictures(tmp_path / "images", 1)
    save(spread_detector("small", SIZE), model)
    monkeypatch.setitem(sys.modules, package, None)
    out = tmp_path / "a.onnx"
    code, _, shown = sissi("export", str(model), "--to", "onnx", "--out", str(out), "--check", str(images))
    assert code == 1 and "needs the packages onnx and onnxruntime: pip install 'sissi[onnx]'" in shown


def test_no_file_of_floats_stays_where_integers_fail(sissi, tmp_path, monkeypatch):
    model, images, out = tmp_path / "detector.pt", pictures(tmp_path / "images", 1), tmp_path / "a.onnx"
    save(spread_detector("small", SIZE), model)
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    code, _, shown = sissi("export", str(model), "--to", "onnx", "--out", str(out), "--int8", str(images))
    assert code == 1 and "--int8: needs the packages onnx and onnxruntime" in shown and not out.exists()
