"""Sizes that follow from cells and images."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import EMPTY, make_boxes
from sissi.config.variants import DEFAULT
from sissi.data.sample import Sample
from sissi.data.start.detector_settings import detector_settings
from sissi.data.start.frames import LARGEST_FACTOR, LONGEST, STEP, WANTED, fit_frames
from sissi.errors import DataError


def sample(height, width, boxes=EMPTY):
    return Sample("a", Path("a"), height, width, boxes)


@given(st.integers(64, 3000), st.integers(64, 3000), st.floats(5, 64), st.sampled_from(["cpu", "cuda"]))
def test_frames_are_multiples_of_32_and_within_reason(height, width, cell, device):
    frames = fit_frames([sample(height, width)], cell, device, 2)
    assert frames.height % STEP == frames.width % STEP == 0 and min(frames.height, frames.width) >= 2 * STEP
    assert max(frames.height, frames.width) <= 2 * LONGEST[device]
    factor = frames.cell / cell
    assert factor <= LARGEST_FACTOR * 1.6  # rounding of small sides to whole steps


@pytest.mark.parametrize(
    ("height", "width", "cell", "expected"),
    [
        (512, 512, 60, (384, 384)),  # 45 px
        (480, 640, 95, (224, 288)),
        (160, 192, 23, (320, 384)),
        (256, 256, 8, (512, 512)),  # twice as large, and no more
        (2000, 2000, 50, (1024, 1024)),  # 13 px at 512, so the frames may be larger
    ],
)
def test_a_typical_cell_has_about_45_px(height, width, cell, expected):
    frames = fit_frames([sample(height, width)], cell, "cpu", 2)
    assert (frames.height, frames.width) == expected


def test_a_cell_larger_than_the_images_is_refused():
    with pytest.raises(DataError, match=r"--cell-size: a cell of 70 px is larger than the images"):
        fit_frames([sample(64, 200)], 70, "cpu", 2)


def test_many_cells_raise_the_limits_and_many_images_lower_the_epochs():
    crowded = sample(500, 500, make_boxes([[k, 0, k + 5, 5] for k in range(260)]))
    frames = fit_frames([crowded], 10, "cpu", 2)
    assert frames.detections == detector_settings(frames)[0]["detections_per_image"] == 600
    few, many = (fit_frames([sample(100, 100)] * count, 20, "cpu", 2) for count in (10, 2000))
    assert few.detections == 300 and few.epochs > fit_frames([sample(100, 100)] * 48, 20, "cpu", 2).epochs > many.epochs
    assert few.early_learning["max_epochs"] < few.epochs and many.early_learning["min_epoch"] >= 2


def test_the_time_of_the_demo_is_that_of_the_demo():
    demo = fit_frames([sample(160, 192)] * 48, WANTED, "cpu", 2)
    assert (demo.height, demo.width, demo.epochs) == (160, 192, 30)
    assert demo.minutes(DEFAULT) == 10
    assert fit_frames([sample(160, 192)] * 48, WANTED, "cpu", 8).minutes(DEFAULT) < 4
