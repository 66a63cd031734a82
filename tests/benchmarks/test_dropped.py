"""The labels that the benchmark of the audit drops."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.dropped import RULES, drawn, kept
from sissi.boxes import make_boxes
from sissi.data.sample import Sample


def samples(count=40):
    """Images with 20 cells at the border and 40 inside."""
    at_border = np.stack([np.zeros(20), np.arange(20) * 9], axis=1)
    inside = np.stack([np.repeat([50.0, 90.0], 20), np.tile(np.arange(20) * 8.0 + 10, 2)], axis=1)
    corners = np.concatenate([at_border, inside])
    boxes = make_boxes(np.concatenate([corners, corners + 7], axis=1))
    return [Sample(f"{index}.png", Path(f"{index}.png"), 200, 200, boxes) for index in range(count)]


def shares(rule):
    """Share of the labels that each image keeps at the border, and inside."""
    boxes = [kept(sample, RULES[rule]) for sample in samples()]
    border = [int((one.xyxy[:, 0] == 0).sum()) for one in boxes]
    return np.array(border) / 20, (np.array(list(map(len, boxes))) - border) / 40


def test_half_are_dropped_anywhere():
    border, inside = shares("half of them")
    assert border.mean() == pytest.approx(0.5, abs=0.06) and inside.mean() == pytest.approx(0.5, abs=0.05)


def test_more_are_dropped_at_the_border():
    border, inside = shares("85 % at the border, 30 % inside")
    assert border.mean() == pytest.approx(0.15, abs=0.05) and inside.mean() == pytest.approx(0.7, abs=0.05)


def test_images_differ_where_the_share_is_drawn():
    _, inside = shares("0 to 90 %, drawn for each image")
    assert inside.min() < 0.25 and inside.max() > 0.85


def test_the_same_labels_are_dropped_again_and_the_same_images_drawn():
    for rule in RULES.values():
        first, second = (np.concatenate([kept(one, rule).xyxy for one in samples(3)]) for _ in range(2))
        assert np.array_equal(first, second)
    assert [one.name for one in drawn(samples(), 5)] == [one.name for one in drawn(samples(), 5)]
    assert len({one.name for one in drawn(samples(), 5)}) == 5
