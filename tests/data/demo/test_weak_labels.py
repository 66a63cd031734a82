"""The demo's weak labels are as imperfect as those of real images, and each pipeline is best on its own kind."""

from collections.abc import Iterator
from itertools import chain

import cv2
import numpy as np
import pytest

from sissi.boxes import match
from sissi.config import DemoData, WeakLabels
from sissi.data.demo.series import target_image
from sissi.data.demo.target import TargetImage
from sissi.weak_labels import PIPELINE_OF_CATEGORY, choose, find_cells

SHIPPED = DemoData(kind="demo").seed
FRESH = (21, 22)
"""Drawings on which no setting was chosen."""
PIPELINES = tuple(PIPELINE_OF_CATEGORY.values())
Counts = dict[tuple[str, str], np.ndarray]


def as_files(seed: int) -> Iterator[tuple[TargetImage, np.ndarray]]:
    """The demo's training images, each with its pixels as its file holds them."""
    settings = DemoData(kind="demo", seed=seed)
    for index in range(settings.target_train):
        image = target_image(settings, "target_train", index)
        encoded = cv2.imencode(".jpg", image.pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        yield image, np.array(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def count(*seeds: int) -> Counts:
    """For each category and pipeline: boxes that match, all boxes, and cells, over the demo's training images."""
    total = {(category, pipeline): np.zeros(3) for category in PIPELINE_OF_CATEGORY for pipeline in PIPELINES}
    for image, pixels in chain.from_iterable(map(as_files, seeds)):
        for pipeline in PIPELINES:
            found = find_cells(pixels, WeakLabels(), pipeline)
            matched = int((match(found, image.truth) >= 0).sum())
            total[image.kind, pipeline] += (matched, len(found), len(image.truth))
    return total


@pytest.fixture(scope="module")
def counts() -> Counts:
    return count(SHIPPED)


@pytest.fixture(scope="module")
def fresh_counts() -> Counts:
    return count(*FRESH)


def f1_of(counts: Counts, category: str) -> dict[str, float]:
    return {
        pipeline: 2 * counts[category, pipeline][0] / counts[category, pipeline][1:].sum() for pipeline in PIPELINES
    }


@pytest.mark.parametrize("category", PIPELINE_OF_CATEGORY)
def test_each_pipeline_is_best_on_its_own_kind(counts: Counts, category: str) -> None:
    f1 = f1_of(counts, category)
    assert f1.pop(PIPELINE_OF_CATEGORY[category]) > max(f1.values())


@pytest.mark.parametrize("category", PIPELINE_OF_CATEGORY)
def test_each_pipeline_is_clearly_best_on_drawings_that_nothing_was_chosen_on(
    fresh_counts: Counts, category: str
) -> None:
    f1 = f1_of(fresh_counts, category)
    assert f1.pop(PIPELINE_OF_CATEGORY[category]) > max(f1.values()) + 0.05


def test_auto_takes_the_right_pipeline_for_nine_images_in_ten() -> None:
    right = [
        choose(pixels, WeakLabels()).pipeline == PIPELINE_OF_CATEGORY[image.kind]
        for image, pixels in as_files(FRESH[0])
    ]
    assert np.mean(right) >= 0.9


def test_labels_are_mostly_right_and_half_of_the_cells_are_missing(counts: Counts) -> None:
    own = [counts[category, pipeline] for category, pipeline in PIPELINE_OF_CATEGORY.items()]
    matched, boxes, cells = np.sum(own, axis=0)
    assert 0.65 <= matched / boxes <= 0.9
    assert 0.35 <= matched / cells <= 0.55
