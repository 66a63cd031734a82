"""The functions for notebooks and scripts: what `sissi ablation` records, as data frames and figures."""

import subprocess
import sys
import warnings

import pandas as pd
import pytest
from PIL import Image

import sissi
from sissi.boxes import make_boxes
from sissi.data.label_table import label_table
from sissi.errors import SissiError
from tests.conftest import draw_cells

SCRIPT = """
import sissi
ablation = sissi.run_ablation("smoke", [{overrides}])
ablation.table.to_csv("table.csv", index=False)
ablation.labels().to_csv("labels.csv", index=False)
assert ablation.run == sissi.read_ablation().run and ablation.gaps == []
assert len(ablation.headroom) and "| Baseline |" in ablation._repr_markdown_()
name, figure = next(iter(ablation.figures.items()))
assert figure._repr_png_().startswith(b"\\x89PNG") and figure.caption
cells = sissi.Detector("latest").predict_files(["{image}"], score=0)
assert list(cells.columns) == ["image", "class", "left", "top", "right", "bottom", "score"] and len(cells)
print("done")
"""
"""Without `if __name__ == "__main__"`, which would run it again in every job."""
SHORT = (
    *("variants=[baseline, a+sissi-s, weak-only, oracle]", "training.epochs=2"),
    *("early_learning.max_epochs=1", "early_learning.min_epoch=1", "tracking.overlays=0"),
)


@pytest.mark.slow
def test_a_script_without_a_guard_runs_an_ablation_once_and_quietly(tmp_path):
    image = tmp_path / "image.png"
    draw_cells(image, 0)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(overrides=", ".join(map(repr, SHORT)), image=image))
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
    assert all("Warning" in line or line.startswith("  ") for line in done.stderr.splitlines()), done.stderr
    table = pd.read_csv(tmp_path / "table.csv")
    assert set(table.variant) == {"baseline", "a+sissi-s", "weak-only", "oracle"} and table.AP.between(0, 1).all()
    assert len(pd.read_csv(tmp_path / "labels.csv"))


def test_labels_of_any_format_are_a_data_frame(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        Image.new("L", (30, 20)).save(tmp_path / name)
    (tmp_path / "cells.csv").write_text("image,class,x,y\na.png,red,10,8\na.png,white,28,8\nb.png,,,\n")
    meaning = {"red": "red", "white": "white"}
    with pytest.warns(UserWarning, match="box over the edge of the image, cut"):
        found = sissi.read_labels(tmp_path / "cells.csv", tmp_path, "cells", classes=meaning, cell_size=6)
    assert found.values.tolist() == [["a.png", "red", 7, 5, 13, 11, 1], ["a.png", "white", 25, 5, 30, 11, 1]]
    assert found.attrs["images"] == ["a.png", "b.png"]
    with pytest.raises(SissiError, match=r"coco: .*cells\.csv: cannot be read as JSON"):
        sissi.read_labels(tmp_path / "cells.csv", tmp_path, "coco")


def test_a_table_without_cells_has_the_same_columns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        empty = label_table({"a.png": make_boxes([])})
        none = label_table({})
    assert list(empty.columns) == list(none.columns) == ["image", "class", "left", "top", "right", "bottom", "score"]
    assert len(empty) == len(none) == 0 and empty.attrs["images"] == ["a.png"]


def test_an_unknown_experiment_is_an_error_of_sissi():
    with pytest.raises(SissiError, match="nowhere"):
        sissi.run_ablation("nowhere")
