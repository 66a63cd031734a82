"""Labels go to the real ImageJ and come back: Debian's package imagej, on a display that xvfb-run draws."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sissi.data.demo.write import save_image

from .conftest import sissi

JAR = Path("/usr/share/java/ij.jar")
DISPLAY = shutil.which("xvfb-run")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not JAR.exists() or DISPLAY is None, reason="no ImageJ here: apt-get install imagej default-jre xvfb"
    ),
]
MACRO = """
Roi.setGroupNames("red,white");
open("{folder}/images/a.png");
roiManager("open", "{folder}/rois/a.zip");
roiManager("select", 0);
roiManager("delete");
makeOval(10, 20, 30, 40);
Roi.setGroup(2);
roiManager("add");
roiManager("deselect");
roiManager("save", "{folder}/rois/a.zip");
"""


def convert(source, target, given, wanted, folder):
    named = ("--map", "red=red", "--map", "white=white")
    where = ("--images", folder / "images", "--out", folder / target, *named)
    done = sissi("data", "convert", folder / source, "--from", given, "--to", wanted, *where, cwd=folder)
    assert done.returncode == 0, done.stderr


def rows(path):
    tree = json.loads(path.read_text())
    names = {category["id"]: category["name"] for category in tree["categories"]}
    return {(names[row["category_id"]], *row["bbox"]) for row in tree["annotations"]}


def test_what_imagej_leaves_alone_comes_back_and_what_is_drawn_there_too(tmp_path):
    (tmp_path / "images").mkdir()
    save_image(tmp_path / "images/a.png", np.full((90, 120, 3), 128, np.uint8))
    boxes = [(1, [60.0, 5.0, 20.5, 30.25]), (1, [70.0, 40.0, 50.0, 50.0]), (2, [0.5, 60.0, 9.5, 12.75])]
    labels = {
        "images": [{"id": 1, "file_name": "a.png", "width": 120, "height": 90}],
        "annotations": [
            {"id": index, "image_id": 1, "category_id": number, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for index, (number, box) in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "red"}, {"id": 2, "name": "white"}],
    }
    (tmp_path / "weak.json").write_text(json.dumps(labels))
    convert("weak.json", "rois", "coco", "imagej", tmp_path)
    (tmp_path / "correct.ijm").write_text(MACRO.format(folder=tmp_path))
    java = ["java", "-jar", str(JAR), "-batch", str(tmp_path / "correct.ijm")]
    subprocess.run([DISPLAY, "--auto-servernum", *java], check=True, timeout=300, cwd=tmp_path, capture_output=True)
    convert("rois", "back.json", "imagej", "coco", tmp_path)
    kept = {("red", 70.0, 40.0, 50.0, 50.0), ("white", 0.5, 60.0, 9.5, 12.75)}
    assert rows(tmp_path / "back.json") == {*kept, ("white", 10.0, 20.0, 30.0, 40.0)}
