"""From a folder of images to labels and an experiment, through the command line, as a person goes it."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest
import tifffile
import yaml

from sissi.config.load import load_experiment
from sissi.data.demo.series import source_image
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems
from tests.data.start.conftest import COUNT, SETTINGS, person

SIZED = ("--cell-size", "23")


def data_of(out, *overrides):
    experiment = load_experiment(out / "experiment.yaml", [f"tracking.folder={out / 'mlruns'}", *overrides])
    problems = Problems()
    return experiment, load_data(experiment, problems), problems.summary()


def small(out):
    """An experiment of few drawn images."""
    return data_of(out, "data.drawn_source.train=2", "data.drawn_source.val=2")


def test_images_alone_become_an_experiment_without_readers_and_with_a_drawn_source(sissi, lab, tmp_path):
    before = sorted(lab.iterdir())
    code, out, err = sissi("start", "images", "--out", "my-lab", *SIZED)
    assert (code, err) == (0, "")
    assert out.startswith(f"{COUNT} images: PNG, 8-bit grey, 128 x 96 px\n")
    assert "cell size: 23 px, as set" in out and "labels by image processing" in out
    assert "no readers: all 6 images are trained on" in out and "sissi ablation my-lab/experiment.yaml" in out
    assert sorted(lab.iterdir()) == before
    text = (tmp_path / "my-lab/experiment.yaml").read_text()
    assert len(text.splitlines()) <= 40 and str(tmp_path) not in text
    experiment, data, problems = small(tmp_path / "my-lab")
    assert experiment.name == "my-lab" and experiment.data.source == "drawn" and experiment.data.target_test is None
    assert [sample.name for sample in data.target_train] == [path.name for path in before]
    assert len(data.source_train) == len(data.source_val) == 2 and not data.readers
    assert data.source_train[0].width == experiment.training.image_size[1] and problems == []
    written = json.loads((tmp_path / "my-lab/labels.json").read_text())
    assert sum(len(sample.boxes) for sample in data.target_train) == len(written["annotations"]) > COUNT


def test_labels_only_stops_after_labels_and_pictures(sissi, lab, tmp_path):
    code, out, _ = sissi("start", "images", "--out", "labels", "--labels-only", *SIZED)
    assert code == 0 and out.endswith("wrote labels/labels.json\n")
    there = {path.name for path in (tmp_path / "labels").iterdir()}
    assert there == {"labels.json", "labels.jpg", "pictures", "weak-labels.yaml"}
    assert len(list((tmp_path / "labels/pictures").glob("*.jpg"))) == COUNT
    assert cv2.imread(str(tmp_path / "labels/labels.jpg")).shape[1] == 3 * 420 + 2 * 6


@pytest.mark.parametrize("size", [SIZED, ()], ids=["given", "estimated"])
def test_the_settings_that_are_written_make_the_same_labels_again(sissi, lab, tmp_path, size):
    sissi("start", "images", "--out", "a", "--labels-only", "--pipeline", "inhibited", *size)
    assert set(yaml.safe_load((tmp_path / "a/weak-labels.yaml").read_text())) == {"pipeline", "cell_size"}
    code, _, _ = sissi("weak-labels", "images", "--settings", "a/weak-labels.yaml", "--out", "again.json")
    assert code == 0
    first, again = (json.loads((tmp_path / name).read_text()) for name in ("a/labels.json", "again.json"))
    assert first["annotations"] == again["annotations"]


def test_what_readers_looked_at_is_set_aside(sissi, lab, tmp_path):
    person(lab, [1, 4], "anna.json")
    person(lab, [4], "ben.json")
    code, out, _ = sissi("start", "images", "--out", "lab", "--readers", "anna.json", "--readers", "ben.json", *SIZED)
    assert code == 0 and "4 images are trained on; 2 that readers looked at are set aside" in out
    experiment, data, _ = small(tmp_path / "lab")
    assert [sample.name for sample in data.target_test] == ["001.png", "004.png"]
    assert [sample.name for sample in data.target_train] == ["000.png", "002.png", "003.png", "005.png"]
    assert set(data.readers) == {"anna", "ben"} and data.readers["ben"][0] is None
    assert experiment.data.target_reference is None and "oracle" not in experiment.variants


def test_of_readers_that_looked_at_all_a_third_is_for_testing_and_the_rest_the_reference(sissi, lab, tmp_path):
    person(lab, range(COUNT), "anna.json")
    code, _, _ = sissi("start", "images", "--out", "lab", "--readers", "anna.json", *SIZED)
    assert code == 0
    assert len((tmp_path / "lab/experiment.yaml").read_text().splitlines()) <= 40
    experiment, data, problems = small(tmp_path / "lab")
    assert [sample.name for sample in data.target_test] == ["000.png", "003.png"] and problems == []
    assert "oracle" in experiment.variants and len(data.referenced()) == 4


def test_corrected_images_stay_as_they_are_and_get_rows_of_their_own(sissi, lab, tmp_path):
    person(lab, [1, 4], "corrected.json")
    person(lab, [0], "anna.json")
    options = ("--corrected", "corrected.json", "--readers", "anna.json")
    code, out, _ = sissi("start", "images", "--out", "lab", *options, *SIZED)
    assert code == 0 and "corrected labels of 2 of the images" in out
    assert len((tmp_path / "lab/experiment.yaml").read_text().splitlines()) <= 40
    experiment, data, _ = small(tmp_path / "lab")
    assert {"corrected-first", "corrected-only", "weak-only"} <= set(experiment.variants)
    assert [sample.name for sample in data.corrected()] == ["001.png", "004.png"]
    told = json.loads((tmp_path / "corrected.json").read_text())
    assert sum(len(sample.boxes) for sample in data.corrected()) == len(told["annotations"]) > 2


def test_corrected_labels_of_other_images_are_refused(sissi, lab, tmp_path):
    person(lab, [1], "corrected.json")
    options = ("--corrected", "corrected.json", "--readers", "corrected.json")
    code, _, err = sissi("start", "images", "--out", "lab", *options, *SIZED)
    assert code == 1 and "mentions none of the target training images" in err and not (tmp_path / "lab").exists()
    code, _, err = sissi("start", "images", "--out", "lab", "--corrected", "corrected.json", "--labels-only", *SIZED)
    assert code == 1 and "--corrected is for the training, and --labels-only stops before" in err


def test_own_labels_are_taken_and_their_size_of_a_cell(sissi, lab, tmp_path):
    person(lab, range(COUNT), "voc", "voc")
    code, out, _ = sissi("start", "images", "--out", "lab", "--labels", "voc", "--labels-format", "voc")
    assert code == 0 and "labels of voc:" in out and "cell size" not in out
    assert not (tmp_path / "lab/labels.json").exists()
    experiment, data, _ = small(tmp_path / "lab")
    assert experiment.data.target_train.format == "voc"
    sides = np.concatenate([np.maximum(one.boxes.widths, one.boxes.heights) for one in data.target_train])
    assert f"cells of about {np.median(sides):.0f} px" in (tmp_path / "lab/experiment.yaml").read_text()


@pytest.mark.parametrize("folders", [True, False])
def test_a_source_with_masks_is_split_for_training_and_validation(sissi, lab, tmp_path, folders):
    for index in range(6):
        drawn = source_image(SETTINGS, "source_train", index)
        folder = tmp_path / "nuclei" / (("val" if index < 2 else "train") if folders else "")
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{index}_img.png"), drawn.pixels)
        cv2.imwrite(str(folder / f"{index}_masks.png"), drawn.masks)
    code, _, _ = sissi("start", "images", "--out", "lab", "--source", "nuclei", *SIZED)
    assert code == 0
    experiment, data, _ = data_of(tmp_path / "lab")
    assert experiment.data.source is None
    assert [sample.name[0] for sample in data.source_val] == (["0", "1"] if folders else ["0", "5"])
    assert len(data.source_train) == 4


def test_a_plane_that_is_chosen_is_the_image_everywhere(sissi, lab, tmp_path):
    for path in lab.iterdir():
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        stack = np.stack([np.zeros_like(image), image]).astype(np.uint16) * 16
        tifffile.imwrite(path.with_suffix(".tif"), stack, metadata={"axes": "ZYX"})
        path.unlink()
    person(lab, [1], "anna.json", suffix=".tif")
    code, out, _ = sissi("start", "images", "--out", "lab", "--plane", "2", "--readers", "anna.json", *SIZED)
    assert code == 0 and "16-bit grey" in out and "warning" not in out
    experiment, data, _ = small(tmp_path / "lab")
    assert experiment.data.target_train.plane == experiment.data.target_test.plane == 2
    assert data.target_train[0].read().any()
    _, out, _ = sissi("start", "images", "--out", "first", "--labels", "anna.json")
    assert "warning: 6 x" in out and "depth 1 of 2" in out


def test_masks_among_the_images_are_left_out(sissi, lab, tmp_path):
    cv2.imwrite(str(lab / "000_masks.png"), np.ones((96, 128), np.uint16))
    code, out, _ = sissi("start", "images", "--out", "lab", *SIZED)
    assert code == 0 and out.startswith("6 images")
    _, data, _ = small(tmp_path / "lab")
    assert len(data.target_train) == COUNT and "000_masks.png" not in {sample.name for sample in data.target_train}


def test_the_folder_can_be_moved_with_its_images(sissi, lab, tmp_path):
    sissi("start", "images", "--out", "lab", *SIZED)
    (tmp_path / "elsewhere").mkdir()
    for name in ("images", "lab"):
        shutil.move(tmp_path / name, tmp_path / "elsewhere" / name)
    _, data, _ = small(tmp_path / "elsewhere/lab")
    assert len(data.target_train) == COUNT


def empty(lab):
    for path in lab.iterdir():
        path.unlink()


def black(lab):
    for path in lab.iterdir():
        cv2.imwrite(str(path), np.zeros((96, 128), np.uint8))


def nothing(lab):
    pass


@pytest.mark.parametrize(
    ("spoil", "arguments", "told"),
    [
        (empty, [], "IMAGES: no image in images"),
        (black, [], "cell"),
        (black, [*SIZED], "image processing finds no cell in any of the 6 images"),
        (nothing, ["--cell-size", "900"], "900 px is larger than the images"),
        (nothing, ["--labels", "none.json"], "--labels none.json: no such file or folder"),
        (nothing, ["--labels", "bad.json"], "--labels: bad.json"),
        (nothing, ["--labels", "images", "--labels-format", "voc"], "--labels: no image has labels of the format voc"),
        (nothing, ["--readers", "none.json", *SIZED], "--readers none.json: no such file or folder"),
        (nothing, ["--readers", "other.json", *SIZED], "--readers other.json: names none of the 6 images"),
        (nothing, ["--readers", "other.json", "--readers", "sub/other.json"], "a second reader named other"),
        (nothing, ["--source", "nowhere", *SIZED], "--source nowhere: no such folder"),
        (nothing, ["--source", "sub", *SIZED], "no image in sub"),
        (nothing, ["--labels", "bad.json", "--labels-only"], "--labels-only makes labels"),
        (nothing, ["--settings", "nowhere.yaml"], "nowhere.yaml: no such"),
    ],
)
def test_bad_input_is_told_in_a_sentence_and_leaves_nothing(sissi, lab, tmp_path, spoil, arguments, told):
    (tmp_path / "sub").mkdir()
    (tmp_path / "bad.json").write_text("{")
    for name in ("other.json", "sub/other.json"):
        (tmp_path / name).write_text('{"images": [], "annotations": [], "categories": []}')
    spoil(lab)
    code, _, err = sissi("start", "images", "--out", "lab", *arguments)
    assert code == 1 and told in err and "Traceback" not in err and err.count("\n") <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.json", "images", "other.json", "sub"]


def test_a_folder_that_is_there_is_not_touched(sissi, lab, tmp_path):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/notes.txt").write_text("mine")
    code, _, err = sissi("start", "images", "--out", "lab", *SIZED)
    assert code == 1 and "lab: exists already" in err
    assert (tmp_path / "lab/notes.txt").read_text() == "mine"
