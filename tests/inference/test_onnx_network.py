"""An exported detector in place of the original, in every command that predicts."""

import json

import numpy as np
import onnx
import pytest

from benchmarks.exported import spread_detector
from sissi import Detector
from sissi.boxes import make_boxes
from sissi.detector.model import save
from sissi.inference.export import nearest
from sissi.inference.exported_network import write_onnx
from tests.inference.test_export import SIZE, pictures


def corners(xywh):
    return np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A detector, the same as ONNX, and images of twice its size."""
    folder = tmp_path_factory.mktemp("exported")
    detector = spread_detector("lite", SIZE, ("red", "white"))
    save(detector, folder / "detector.pt")
    write_onnx(detector, folder / "detector.onnx")
    return folder / "detector.pt", folder / "detector.onnx", pictures(folder / "images")


def test_predict_gives_the_boxes_of_the_original(sissi, files, tmp_path):
    found = []
    for model in files[:2]:
        out = tmp_path / model.suffix
        code, _, shown = sissi("predict", str(model), str(files[2]), "--out", str(out), "--score", "0.2")
        assert code == 0, shown
        found.append(json.loads((out / "predictions.json").read_text())["annotations"])
    for image in {box["image_id"] for box in found[0]}:
        original, exported = (
            make_boxes(
                corners(np.array([box["bbox"] for box in boxes if box["image_id"] == image])),
                labels=[box["category_id"] for box in boxes if box["image_id"] == image],
            )
            for boxes in found
        )
        unmatched, difference = nearest(original, exported)
        assert len(original) > 20 and unmatched == 0 and difference < 0.01


def test_a_notebook_takes_it_too(files):
    assert Detector(files[1]).classes == ("red", "white") and Detector(files[1]).image_size == SIZE
    image = next(files[2].iterdir())
    assert len(Detector(files[1]).predict(image, 0.2)) == len(Detector(files[0]).predict(image, 0.2)) > 5


def test_views_of_other_sizes_are_refused(sissi, files, tmp_path):
    code, _, shown = sissi("predict", str(files[1]), str(files[2]), "--tta", "--out", str(tmp_path / "out"))
    assert code == 1 and "sees images of 90 x 128 px only: leave out --tta" in shown


def test_a_damaged_a_foreign_and_a_missing_file_are_refused(sissi, files, tmp_path):
    cut, foreign = tmp_path / "cut.onnx", tmp_path / "foreign.onnx"
    cut.write_bytes(files[1].read_bytes()[:5000])
    model = onnx.load(files[1])
    del model.metadata_props[:]
    onnx.save(model, foreign)
    for file, message in (
        (cut, "onnxruntime cannot read it"),
        (foreign, "was not written by `sissi export`"),
        (tmp_path / "none.onnx", "no such file"),
    ):
        code, _, shown = sissi("predict", str(file), str(files[2]), "--out", str(tmp_path / "out"))
        assert code == 1 and f"{file}: {message}" in shown and "Traceback" not in shown
