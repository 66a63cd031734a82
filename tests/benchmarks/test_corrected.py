"""The curve of corrected images: which images and rows are run, and the table."""

import json
import sys

from benchmarks import corrected
from benchmarks.corrected import ALONE, ROWS


def test_each_number_of_corrected_images_is_run_with_the_rows_that_it_allows(tmp_path, monkeypatch, capsys):
    runs = {}

    def run(experiment, values, out):
        given = dict(value.split("=", 1) for value in values)
        runs[out.name] = given
        rows = given["variants"].strip("[]").split(", ")
        return {row: (50.0, 40.0, 10.0 * index, 30.0) for index, row in enumerate(rows)}

    monkeypatch.setattr(corrected, "run_ablation", run)
    folder = f"tracking.folder={tmp_path / 'mlruns'}"
    arguments = ["experiments/smoke.yaml", "--set", folder, "--numbers", "0", "1", "3", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["corrected", *arguments, "--plot", str(tmp_path / "curve.png")])
    corrected.main()
    assert list(runs) == ["0", "1", "3"] and "data.target_corrected" not in runs["0"]
    assert runs["0"]["variants"] == f"[{', '.join(ALONE)}]" and runs["3"]["variants"] == f"[{', '.join(ROWS)}]"
    images = {}
    for number in ("1", "3"):
        labels = json.loads(runs[number]["data.target_corrected"])
        assert labels["format"] == "coco"
        written = json.loads((tmp_path / f"{number}.json").read_text())
        images[number] = {image["file_name"] for image in written["images"]}
        assert labels["labels"] == str(tmp_path / f"{number}.json") and written["annotations"]
    assert len(images["1"]) == 1 and len(images["3"]) == 3 and images["1"] < images["3"]
    lines = capsys.readouterr().out.splitlines()
    assert "| 0 | oracle | 50.0 | 40.0 | 20.0 | 30.0 |" in lines
    assert "| 3 | corrected-first | 50.0 | 40.0 | 30.0 | 30.0 |" in lines
    assert (tmp_path / "curve.png").stat().st_size > 5000
