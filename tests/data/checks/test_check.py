"""The check of an experiment's data names everything that is wrong with it, in one go."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sissi.data.weak_labelling
from sissi.boxes import same
from sissi.config.load import load_experiment
from sissi.data.checks.check import Check, check_cheaply, check_data, labelled_sets
from sissi.data.demo.folder import write_demo_folder
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems

Spoil = Callable[[Path], Path]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke demo as files, and text files with weak labels beside the images."""
    folder = tmp_path_factory.mktemp("check") / "demo"
    write_demo_folder(Path("experiments/smoke.yaml"), ["detector.anchor_sizes=[[4],[32]]"], folder)
    for image in (folder / "cell_lab").glob("*/*.jpg"):
        if image.parent.name != "test_labelled":
            image.with_suffix(".txt").write_text("cell 10 10 30 30\ncell 40 40 60 60\n")
    return folder


@pytest.fixture
def folder(drawn: Path, tmp_path: Path) -> Path:
    shutil.copytree(drawn, tmp_path / "demo")
    return tmp_path / "demo"


def check(folder: Path, *overrides: str) -> Check:
    return check_data(load_experiment(folder / "experiment.yaml", ["data.target_train.weak_labels=null", *overrides]))


def kinds(found: Check) -> Counter[tuple[str, str, bool]]:
    return Counter((one.file.name, one.kind.partition(",")[0], one.error) for one in found.problems.found)


def test_good_data_have_no_problem(folder: Path) -> None:
    found = check(folder)
    assert (kinds(found), found.refused, found.errors, found.warnings) == (Counter(), [], 0, 0)
    assert [len(samples) for samples in found.data.roles.values()] == [6, 3, 6, 3]


def cut_image(folder: Path) -> Path:
    path = folder / "cell_lab" / "dead" / "000.jpg"
    path.write_bytes(path.read_bytes()[:-400])
    return path


def empty_image(folder: Path) -> Path:
    path = folder / "cellpose" / "val" / "001_img.png"
    path.write_bytes(b"")
    return path


def binary_text(folder: Path) -> Path:
    path = folder / "cell_lab" / "alive" / "000.txt"
    path.write_bytes(b"\xff\xfe\x00\xd8")
    return path


def mask_of_another_size(folder: Path) -> Path:
    path = folder / "cellpose" / "train" / "002_masks.png"
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(path)
    return path


UNUSABLE = [
    (cut_image, "image that cannot be used"),
    (empty_image, "image that cannot be used"),
    (binary_text, "label file that cannot be used"),
    (mask_of_another_size, "label file that cannot be used"),
]


@pytest.mark.parametrize(("spoil", "kind"), UNUSABLE)
def test_a_file_that_cannot_be_used_is_an_error(folder: Path, spoil: Spoil, kind: str) -> None:
    path = spoil(folder)
    found = check(folder)
    assert kinds(found)[path.name, kind, True] == 1
    assert found.errors == 1


def test_all_such_files_are_told_at_once(folder: Path) -> None:
    paths = {spoil(folder) for spoil, _ in UNUSABLE}
    found = check(folder)
    assert {one.file for one in found.problems.found if one.error} == paths
    assert [len(samples) for samples in found.data.roles.values()] == [5, 3, 6, 2]


def test_what_training_can_go_on_with_is_a_warning(folder: Path) -> None:
    cells = folder / "cell_lab"
    (cells / "alive" / "000.txt").write_text("cell 10 10 30 30\ncell 5 5 5 9\ncell 500 1 600 9\ncell -3 1 9 9\nx")
    (cells / "dead" / "000.txt").unlink()
    (cells / "dead" / "gone.txt").write_text("cell 1 2 10 12")
    shutil.copy(cells / "inhib" / "000.jpg", cells / "inhib" / "copy.jpg")
    found = check(folder)
    assert found.errors == 0
    assert kinds(found) == {
        ("000.txt", "line that is no box", False): 1,
        ("000.jpg", "box without width or height", False): 1,
        ("000.jpg", "box outside the image", False): 1,
        ("000.jpg", "box over the edge of the image", False): 1,
        ("000.jpg", "image without labels", False): 1,
        ("gone.txt", "labels without their image", False): 1,
        ("copy.jpg", "image without labels", False): 1,
        ("copy.jpg", "image that is there twice", False): 1,
    }


def test_a_test_image_that_is_trained_on_is_an_error_whatever_its_file(folder: Path) -> None:
    tested, trained = folder / "cell_lab" / "test_labelled" / "001.jpg", folder / "cell_lab" / "alive" / "000.jpg"
    tested.unlink()
    Image.open(trained).save(tested.with_suffix(".png"))
    found = check(folder)
    assert kinds(found)["001.png", "image that is measured on", True] == 1
    assert found.problems.found[-1].detail == f"target_test; target_train has {trained}"


def with_target_val(folder: Path, *names: str) -> list[str]:
    """Images of the target domain for choosing settings, copied from others; the overrides that name them."""
    (folder / "val").mkdir()
    for name in names:
        shutil.copy(folder / "cell_lab" / name, folder / "val" / name.replace("/", "_"))
        (folder / "val" / name.replace("/", "_")).with_suffix(".txt").write_text("cell 10 10 30 30\n")
    return ["data.target_val={format: celllab, images: val}"]


def test_the_images_to_choose_settings_by_are_read_and_counted(folder: Path) -> None:
    overrides = with_target_val(folder, "alive/000.jpg")
    path = folder / "val" / "alive_000.jpg"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (96, 128, 3), dtype=np.uint8)).save(path)
    found = check(folder, *overrides)
    assert (found.errors, found.warnings) == (0, 0)
    assert [len(boxes) for _, boxes in labelled_sets(found.data)["target_val"]] == [1]
    path.write_bytes(path.read_bytes()[:200])
    assert kinds(check(folder, *overrides))["alive_000.jpg", "image that cannot be used", True] == 1


def test_an_image_to_choose_settings_by_that_is_trained_or_tested_on_is_an_error(folder: Path) -> None:
    found = check(folder, *with_target_val(folder, "alive/000.jpg", "test_labelled/001.jpg"))
    assert {(one.file.name, one.detail.split()[0]) for one in found.problems.found if one.error} == {
        ("alive_000.jpg", "target_val;"),
        ("001.jpg", "target_test;"),
    }
    assert found.errors == 2


def test_a_data_set_that_is_missing_leaves_the_others_to_be_checked(folder: Path) -> None:
    shutil.rmtree(folder / "cellpose" / "train")
    path = empty_image(folder)
    found = check(folder, "data.target_reference.labels=none.json")
    assert [message.partition(":")[0] for message in found.refused] == [
        "data.target_reference.labels",
        "data.source_train.images",
    ]
    assert kinds(found)[path.name, "image that cannot be used", True] == 1
    assert found.errors == 3


def test_a_class_that_nobody_has(folder: Path) -> None:
    found = check(folder, "data.target_train.classes=[cell, RBC]")
    assert kinds(found)["cell_lab", "class that no label has", False] == 1
    (message,) = check(folder, "data.target_train.classes=[RBC]").refused
    assert "has no class RBC; set `classes` to what there is: cell" in message


def test_cells_that_do_not_suit_the_detector(folder: Path) -> None:
    found = check(folder, "detector.anchor_sizes=[[96],[128]]", "detector.detections_per_image=4")
    counted = {(file, kind) for file, kind, _ in kinds(found)}
    assert ("source_train", "data set with cells smaller than 48 px") in counted
    assert any(kind == "image with more cells than detector.detections_per_image (4)" for _, kind in counted)
    assert found.errors == 0


def test_the_cheap_part_on_loaded_data_finds_the_same(folder: Path) -> None:
    shutil.copy(folder / "cell_lab" / "inhib" / "000.jpg", folder / "cell_lab" / "inhib" / "copy.jpg")
    overrides = ["data.target_train.weak_labels=null", "detector.detections_per_image=4"]
    experiment = load_experiment(folder / "experiment.yaml", overrides)
    problems = Problems()
    check_cheaply(experiment, load_data(experiment, problems), problems)
    assert problems.found == check_data(experiment).problems.found


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_tells_counts_and_sizes(folder: Path, sissi) -> None:
    code, out, _ = sissi(
        "data", "check", str(folder / "experiment.yaml"), "--set", "data.target_train.weak_labels=null"
    )
    assert code == 0
    rows = [line.split() for line in out.splitlines() if line.split()[:1] == ["target_train"]]
    assert rows[0] == ["target_train", "6", "0", "12", "2..2", "128x96"]
    assert rows[1] == ["target_train", "100.0"]
    assert out.splitlines()[-1] == "0 errors, 0 warnings"


def test_the_command_ends_with_1_and_writes_every_problem(folder: Path, tmp_path: Path, sissi) -> None:
    path, table = cut_image(folder), tmp_path / "new" / "problems.csv"
    (folder / "cell_lab" / "alive" / "gone.txt").touch()
    shutil.rmtree(folder / "cellpose" / "train")
    given = ["--set", "data.target_train.weak_labels=null", "--problems", str(table)]
    code, out, _ = sissi("data", "check", str(folder / "experiment.yaml"), *given)
    assert code == 1
    assert "error: data.source_train.images: no such file or folder" in out
    assert f"error: 1 x image that cannot be used: {path} (cannot be read as an image" in out
    assert "warning: 1 x labels without their image, not used" in out
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["severity"] for row in rows) == {"error": 2, "warning": len(rows) - 2}
    assert str(path) in {row["file"] for row in rows}


def test_what_a_check_labelled_is_not_labelled_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = load_experiment(folder / "experiment.yaml", [f"tracking.folder={folder / 'mlruns'}"])
    first = check_data(experiment).data.target_train
    monkeypatch.setattr(sissi.data.weak_labelling, "label_cells", None)
    for again in (check_data(experiment).data.target_train, load_data(experiment, Problems()).target_train):
        assert all(same(one.boxes, other.boxes) for one, other in zip(again, first, strict=True))
    assert any(len(sample.boxes) for sample in first)
