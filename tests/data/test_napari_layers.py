"""The plugin for napari: a valid manifest, and labels that are opened, corrected and saved with their classes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from sissi.boxes import EMPTY, make_boxes, same
from sissi.data.classes import label_classes
from sissi.data.formats.napari import read_labels, write_labels
from sissi.data.napari_layers import shapes_reader, write_shapes
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from tests.strategies import boxes

MEANING = {"red": "red", "white": "white"}


@pytest.fixture
def sample(tmp_path):
    Image.new("L", (100, 80)).save(tmp_path / "a.png")
    return Sample("a.png", tmp_path / "a.png", 80, 100, EMPTY)


def layer_of(file):
    (layer,) = shapes_reader(str(file))(str(file))
    assert layer[2] == "shapes"
    return layer[:2]


def read(folder, sample):
    return read_labels(folder, {"a.png": sample.path}, label_classes(MEANING), Problems())["a.png"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=boxes(100, 80))
def test_labels_come_back_from_a_layer_as_they_were(tmp_path, sample, written):
    labels = np.arange(len(written)) % 2 + 1
    cells = make_boxes(written.xyxy, written.scores, labels)
    (file,) = write_labels([sample], [cells], tmp_path / "labels", tuple(MEANING))
    data, attributes = layer_of(file)
    assert write_shapes(str(file), data, attributes) == [str(file)]
    assert same(read(tmp_path / "labels", sample), cells)


def test_cells_of_a_class_have_a_colour_of_their_own(tmp_path, sample):
    cells = make_boxes([[2, 3, 8, 7], [20, 3, 28, 7], [40, 3, 48, 7]], labels=[2, 1, 2])
    (file,) = write_labels([sample], [cells], tmp_path / "labels", tuple(MEANING))
    first, other, like_first = layer_of(file)[1]["edge_color"]
    assert np.array_equal(first, like_first) and not np.array_equal(first, other)
    assert all(colour.shape == (3,) and (colour >= 0).all() and (colour <= 1).all() for colour in (first, other))


def test_a_corrected_layer_is_saved_with_classes(tmp_path, sample):
    (file,) = write_labels([sample], [make_boxes([[2, 3, 8, 7]], [0.5])], tmp_path / "labels", tuple(MEANING))
    data, attributes = layer_of(file)
    polygon = np.array([[10.5, 20.5], [15.5, 30.5], [19.5, 24.5]])
    attributes["shape_type"] += ["polygon"]
    attributes["features"] = {"class": ["white", "red"], "score": [0.5, np.nan]}
    write_shapes(str(file), [*data, polygon], attributes)
    found = read(tmp_path / "labels", sample)
    assert found.xyxy.tolist() == [[2, 3, 8, 7], [21, 11, 31, 20]]
    assert (found.labels.tolist(), found.scores.tolist()) == ([2, 1], [0.5, 1])


@pytest.mark.parametrize("text", ["index,axis-0,axis-1\n0,1,2\n", "a,b\n1,2\n", ""])
def test_other_tables_are_left_to_napari(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    assert shapes_reader(str(tmp_path / "a.csv")) is None
    assert shapes_reader([str(tmp_path / "a.csv")]) is None and shapes_reader(str(tmp_path / "a.png")) is None


def test_napari_takes_the_manifest():
    npe2 = pytest.importorskip("npe2", reason="npe2 is installed with napari")
    manifest = npe2.PluginManifest.from_file(Path("sissi/napari.yaml"))
    manifest.validate_imports()
    assert [writer.layer_types for writer in manifest.contributions.writers] == [["shapes"]]
