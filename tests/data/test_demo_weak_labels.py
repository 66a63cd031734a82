"""The demo's weak labels are as imperfect as those of real images, and each pipeline is best on its own kind."""

import cv2
import numpy as np
import pytest

from sissi.boxes import match
from sissi.data.demo.series import target_image
from sissi.settings import DemoData
from sissi.weak_labels import PIPELINE_OF_CATEGORY, label_cells

SETTINGS = DemoData(kind="demo")
PIPELINES = tuple(PIPELINE_OF_CATEGORY.values())
Counts = dict[tuple[str, str], np.ndarray]


@pytest.fixture(scope="module")
def counts() -> Counts:
    """For each category and pipeline: boxes that match, all boxes, and cells, over the demo's training images."""
    total = {(category, pipeline): np.zeros(3) for category in PIPELINE_OF_CATEGORY for pipeline in PIPELINES}
    for index in range(SETTINGS.target_train):
        image = target_image(SETTINGS, "target_train", index)
        encoded = cv2.imencode(".jpg", image.pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        pixels = np.array(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
        for pipeline in PIPELINES:
            settings = SETTINGS.weak_labels.model_copy(update={"pipeline": pipeline})
            found = label_cells(pixels, settings, image.kind)
            matched = int((match(found, image.truth) >= 0).sum())
            total[image.kind, pipeline] += (matched, len(found), len(image.truth))
    return total


@pytest.mark.parametrize("category", PIPELINE_OF_CATEGORY)
def test_each_pipeline_is_best_on_its_own_kind(counts: Counts, category: str) -> None:
    f1 = {pipeline: 2 * counts[category, pipeline][0] / counts[category, pipeline][1:].sum() for pipeline in PIPELINES}
    own = f1.pop(PIPELINE_OF_CATEGORY[category])
    assert own > max(f1.values())


def test_labels_are_mostly_right_and_half_of_the_cells_are_missing(counts: Counts) -> None:
    own = [counts[category, pipeline] for category, pipeline in PIPELINE_OF_CATEGORY.items()]
    matched, boxes, cells = np.sum(own, axis=0)
    assert 0.65 <= matched / boxes <= 0.9
    assert 0.35 <= matched / cells <= 0.55
