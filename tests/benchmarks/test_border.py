"""The table of labels at the border, and where the wrong boxes of an audit lie."""

from pathlib import Path

import pytest

from benchmarks import audit, border
from sissi.boxes import make_boxes

SIZE = (100, 200)


def test_recalls_inside_and_at_the_border():
    reference = [make_boxes([[0, 10, 20, 30], [50, 50, 70, 70], [100, 50, 120, 70]])] * 2
    labels = [make_boxes([[51, 50, 70, 70], [100, 50, 120, 71]]), make_boxes([[0, 11, 20, 30], [50, 50, 70, 70]])]
    assert border.recalls(labels, reference, SIZE) == (0.75, 0.5)
    expected = 3 * ((200 + 20 * 0.4) * (100 + 20 * 0.4) / (176 * 76) - 1)
    only = [make_boxes([[k, 40, k + 20, 60] for k in (30, 60, 90)]), make_boxes([[0, 0, 20, 20]])]
    assert border.share(only, SIZE) == pytest.approx(1 / expected)


def test_a_line_of_an_experiment(tmp_path):
    overrides = [f"tracking.folder={tmp_path}"]
    name, *values = (cell.strip() for cell in border.line(Path("experiments/smoke.yaml"), overrides).split("|")[1:-1])
    assert name == "smoke" and len(values) == 4 and all(0 < float(value) < 3 for value in values)


def test_wrong_boxes_are_told_apart(monkeypatch):
    monkeypatch.setattr(audit, "FIRST", (2, 4, 9))
    careful = make_boxes([[0, 0, 20, 20], [40, 0, 60, 20], [80, 0, 100, 20]])
    found = make_boxes([[0, 0, 20, 20], [40, 10, 60, 30], [200, 0, 220, 20], [80, 0, 100, 20]], [0.9, 0.8, 0.7, 0.6])
    case = audit.Case(found, make_boxes([]), careful, found)
    text = audit.wrong_boxes([case])
    assert "| 2 | 50% | 100% | 0% |" in text and "| 4 | 50% | 50% | 50% |" in text and "| 9 |" not in text
