"""`sissi weak-labels`, through the command."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from sissi.config import DemoData, WeakLabels
from sissi.data.demo.series import target_image
from sissi.data.images.read import read_image
from sissi.weak_labels import find_cells
from tests.weak_labels import pictures

DEMO = DemoData(kind="demo", seed=21)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six drawn images as files below alive, dead and inhib, and their truth."""
    truth: dict[str, list[object]] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "cell"}]}
    for index in range(6):
        drawn = target_image(DEMO, "target_train", index)
        name = f"{drawn.kind}/{index // 3}.png"
        write(tmp_path / "images" / name, drawn.pixels)
        truth["images"].append({"id": index, "file_name": name, "height": DEMO.height, "width": DEMO.width})
        for left, top, right, bottom in drawn.truth.xyxy.tolist():
            box = [left, top, right - left, bottom - top]
            truth["annotations"].append({"image_id": index, "category_id": 1, "bbox": box})
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


def labels_of(file: Path) -> dict[str, int]:
    tree = json.loads(file.read_text())
    names = {image["id"]: image["file_name"] for image in tree["images"]}
    return {name: sum(box["image_id"] == key for box in tree["annotations"]) for key, name in names.items()}


def test_auto_tells_its_reasons_measures_draws_and_writes(folder, sissi):
    code, out, err = sissi(
        *("weak-labels", "images", "--cell-size", "23", "--truth", "truth.json"),
        *("--out", "labels.json", "--overlays", "pictures"),
    )
    assert code == 0, err
    assert "alive/0.png: alive (rim" in out and "bright halo" in out and "dark ring" in out
    assert "6 of 6 images are in the truth" in out
    cells = sum(len(target_image(DEMO, "target_train", index).truth) for index in range(6))
    row = next(line for line in out.splitlines() if line.startswith("all "))
    labels = labels_of(folder / "labels.json")
    assert f" {sum(labels.values())} " in row and f" {cells} " in row
    assert sorted(labels) == [f"{kind}/{k}.png" for kind in ("alive", "dead", "inhib") for k in (0, 1)]
    image = read_image(folder / "images" / "dead" / "0.png")
    assert labels["dead/0.png"] == len(find_cells(image, WeakLabels().for_cells_of(23), "dead"))
    assert len(sorted((folder / "pictures").rglob("*.jpg"))) == 6
    picture = read_image(folder / "pictures" / "dead" / "0.jpg").astype(int)
    assert ((picture[..., 0] - picture[..., 2]) > 150).any()  # orange lines on a grey image


def test_the_size_of_cells_is_found_told_and_drawn(folder, sissi):
    code, out, err = sissi("weak-labels", "images", "--overlays", "found")
    assert code == 0, err
    told = re.match(r"cell size: (\d+) px, (\d+)% sure \(half of 6 images have cells of", out)
    assert told and 17 <= int(told[1]) <= 28
    sissi("weak-labels", "images", "--cell-size", "40", "--overlays", "given")
    found, given = (read_image(folder / name / "dead" / "0.jpg").astype(int) for name in ("found", "given"))
    blue = [np.argwhere(picture[..., 2] - picture[..., 0] > 150) for picture in (found, given)]
    sides = [np.ptp(place[place[:, 1] < 10, 0]) / 2 for place in blue]  # small pictures are drawn twice as large
    assert sides == pytest.approx([int(told[1]), 40], abs=3)


def test_a_size_that_is_given_is_told_and_every_open_size_follows(folder, sissi):
    code, out, _ = sissi("weak-labels", "images", "--cell-size", "46", "--pipeline", "dead", "--out", "large.json")
    assert code == 0 and out.startswith("cell size: 46 px, as set\n")
    image = read_image(folder / "images" / "dead" / "0.png")
    expected = find_cells(image, WeakLabels().for_cells_of(46), "dead")
    assert labels_of(folder / "large.json")["dead/0.png"] == len(expected)


def test_images_of_very_different_scale_are_told_with_their_sizes(folder, sissi):
    for index, radius in enumerate([6, 6, 6, 30, 30, 30]):
        circles = [(x, y, radius) for x in range(60, 350, 4 * radius) for y in range(50, 260, 4 * radius)]
        write(folder / "mixed" / f"{index}.png", pictures.discs(circles, (280, 400)))
    code, _, err = sissi("weak-labels", "mixed")
    assert code == 0
    assert "very different scale" in err and re.search(r"mixed/[012]\.png \(1[0-9] px, in [345]\.png [56]\d px", err)


def test_labels_measured_against_themselves_are_perfect(folder, sissi):
    sissi("weak-labels", "images", "--out", "labels.json")
    code, out, _ = sissi("weak-labels", "images/*/*.png", "--truth", "labels.json")
    assert code == 0
    assert next(line for line in out.splitlines() if line.startswith("all ")).count("1.000") == 4


def test_classes_of_the_truth_that_are_no_cells_are_left_out(folder, sissi):
    sissi("weak-labels", "images", "--out", "labels.json")
    tree = json.loads((folder / "labels.json").read_text())
    tree["categories"] = [{"id": 1, "name": "cell"}, {"id": 2, "name": "debris"}]
    tree["annotations"] += [{"id": 10_000, "image_id": 1, "category_id": 2, "bbox": [3, 3, 9, 9]}]
    (folder / "two.json").write_text(json.dumps(tree))
    _, all_classes, _ = sissi("weak-labels", "images", "--truth", "two.json")
    code, cells, err = sissi("weak-labels", "images", "--truth", "two.json", "--truth-class", "cell")
    assert code == 0, err
    assert next(line for line in cells.splitlines() if line.startswith("all ")).count("1.000") == 4
    assert next(line for line in all_classes.splitlines() if line.startswith("all ")).count("1.000") < 4


@pytest.mark.parametrize("format", ["celllab", "voc", "yolo"])
def test_labels_are_read_back_in_other_formats(folder, format, sissi):
    code, out, err = sissi("weak-labels", "images", "--format", format, "--out", "labels")
    assert code == 0, err
    code, out, err = sissi("weak-labels", "images", "--truth", "labels", "--truth-format", format)
    assert code == 0, err
    assert next(line for line in out.splitlines() if line.startswith("all ")).count("1.000") >= 3


def test_one_pipeline_with_settings_of_a_file_and_of_the_command(folder, sissi):
    (folder / "few.yaml").write_text("pipeline: dead\ndead: {votes: 15, margin: 0}\n")
    sissi(
        *("weak-labels", "images/dead/0.png", "--settings", "few.yaml", "--set", "dead.votes=16"),
        *("--cell-size", "23", "--out", "a.json"),
    )
    image = read_image(folder / "images" / "dead" / "0.png")
    expected = find_cells(
        image, WeakLabels.model_validate({"dead": {"votes": 16, "margin": 0}}).for_cells_of(23), "dead"
    )
    assert labels_of(folder / "a.json") == {"dead/0.png": len(expected)}


def test_colour_and_16_bits_give_the_labels_of_8_grey_bits(folder, sissi):
    grey = cv2.imread(str(folder / "images" / "alive" / "0.png"), cv2.IMREAD_GRAYSCALE)
    low, high = np.percentile(grey, (0.1, 99.9))
    stretched = np.clip(np.round((grey - low) / (high - low) * 255), 0, 255).astype(np.uint8)
    write(folder / "more" / "8.png", stretched)
    write(folder / "more" / "colour.png", np.repeat(stretched[..., None], 3, axis=2))
    write(folder / "more" / "16.png", grey.astype(np.uint16) * 100 + 7)
    code, _, err = sissi("weak-labels", "more", "--pipeline", "alive", "--out", "more.json")
    assert code == 0, err
    counts = labels_of(folder / "more.json")
    assert counts["8.png"] == counts["colour.png"] == counts["16.png"] > 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "IMAGES: nowhere: no such file or folder"),
        (["truth.json"], "truth.json: is not a PNG"),
        (["images", "--out", "truth.json"], "truth.json: exists already"),
        (["images", "--overlays", "images"], "images: exists already"),
        (
            ["images", "--cell-size", "0"],
            "cell_size: the size of a cell must be auto or a length above 0, in px, not 0",
        ),
        (
            ["images", "--cell-size", "5000"],
            "cell_size: 5000 px is larger than the images, of which the largest is 192x160",
        ),
        (["plain"], "no cell is to be seen in the images, so that its size is unknown"),
        (["images", "--set", "dead.radius=[9,3]"], "dead.radius: an interval must be [low, high]"),
        (
            ["images", "--set", "dead.radii=[3,9]"],
            "dead.radii: unknown key, did you mean radius?; allowed here: edge",
        ),
        (["images", "--settings", "truth.yaml"], "truth.yaml: no such"),
        (["images/dead/0.png", "images/dead/1.png", "--truth", "nowhere"], "--truth nowhere: no such file or folder"),
        (["images", "--truth", "other.json"], "other.json: lists none of the 6 images"),
        (["plain", "--pipeline", "category"], "put images into the folders alive, inhib, dead"),
    ],
)
def test_what_a_user_can_mend_is_told_before_anything_is_written(folder, arguments, told, sissi):
    (folder / "other.json").write_text('{"images": [], "annotations": [], "categories": []}')
    write(folder / "plain" / "a.png", np.full((30, 30), 9, np.uint8))
    before = sorted(folder.rglob("*"))
    code, _, err = sissi("weak-labels", *arguments)
    assert code == 1
    assert told in err and "Traceback" not in err
    assert sorted(folder.rglob("*")) == before


def test_the_shipped_settings_are_read():
    from sissi.config.load import load_weak_labels

    shipped = sorted((Path(__file__).parents[2] / "experiments" / "weak_labels").glob("*.yaml"))
    assert [load_weak_labels(path).pipeline for path in shipped] == ["dead"]
    assert load_weak_labels(None).pipeline == "auto"
