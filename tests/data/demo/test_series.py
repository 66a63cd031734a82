"""The demo's images, their truth and their readers."""

import numpy as np
import pytest
from scipy import ndimage

from sissi.boxes import Boxes, match, same
from sissi.config import DemoData
from sissi.data.demo.readers import READERS, annotate
from sissi.data.demo.series import readings, source_image, target_image
from sissi.data.demo.target import TargetImage

SETTINGS = DemoData(kind="demo")
TEST_IMAGES = 45


@pytest.fixture(scope="module")
def tested() -> list[TargetImage]:
    return [target_image(SETTINGS, "target_test", index) for index in range(TEST_IMAGES)]


@pytest.fixture(scope="module")
def read(tested: list[TargetImage]) -> dict[str, list[Boxes]]:
    each = [readings(SETTINGS, image, index) for index, image in enumerate(tested)]
    return {reader.name: [boxes[reader.name] for boxes in each] for reader in READERS}


def test_a_target_image_depends_on_seed_role_and_index_alone() -> None:
    image = target_image(SETTINGS, "target_train", 4)
    more = SETTINGS.model_copy(update={"target_train": 300, "source_val": 2, "target_test": 3})
    again = target_image(more, "target_train", 4)
    assert np.array_equal(image.pixels, again.pixels)
    assert same(image.truth, again.truth)
    others = [
        target_image(SETTINGS, "target_train", 7),
        target_image(SETTINGS, "target_test", 4),
        target_image(SETTINGS.model_copy(update={"seed": 1}), "target_train", 4),
    ]
    assert all(other.kind == image.kind and not np.array_equal(other.pixels, image.pixels) for other in others)


def test_a_source_image_depends_on_seed_role_and_index_alone() -> None:
    image = source_image(SETTINGS, "source_train", 3)
    again = source_image(SETTINGS.model_copy(update={"source_train": 9}), "source_train", 3)
    assert np.array_equal(image.pixels, again.pixels)
    assert np.array_equal(image.masks, again.masks)
    assert not np.array_equal(image.masks, source_image(SETTINGS, "source_val", 3).masks)


def test_truth_is_the_extent_of_each_mask(tested: list[TargetImage]) -> None:
    for image in tested:
        for mask, box in zip(image.masks, image.truth.xyxy, strict=True):
            rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
            assert box.tolist() == [columns.start, rows.start, columns.stop, rows.stop]


def test_target_images_are_as_asked_for(tested: list[TargetImage]) -> None:
    for index, image in enumerate(tested):
        assert image.kind == ("alive", "inhib", "dead")[index % 3]
        assert image.pixels.shape == (160, 192)
        assert image.pixels.dtype == np.uint8
        assert len(image.masks) == len(image.contrast) == len(image.visible)
        assert 12 <= len(image.masks) <= 28


def test_cells_vary_in_size_contrast_and_place(tested: list[TargetImage]) -> None:
    sides = np.concatenate([np.maximum(image.truth.widths, image.truth.heights) for image in tested])
    contrast = np.concatenate([image.contrast for image in tested])
    visible = np.concatenate([image.visible for image in tested])
    assert np.percentile(sides, [5, 95]) == pytest.approx([13, 32], abs=4)
    assert 0.1 < (contrast < 0.35).mean() < 0.4
    assert 0.05 < (visible < 1).mean() < 0.4
    overlapping = [np.sum(image.masks, axis=0).max() > 1 for image in tested]
    assert np.mean(overlapping) > 0.3


def test_even_faint_cells_stand_out_from_the_ground(tested: list[TargetImage]) -> None:
    """A person sees them: at their scale grey levels vary more inside a cell than on the ground."""
    seen = []
    for image in tested:
        ground = ~np.any([ndimage.binary_dilation(mask, iterations=4) for mask in image.masks], axis=0)
        for x0, y0, x1, y1 in image.debris.xyxy.astype(int):
            ground[max(y0 - 2, 0) : y1 + 2, max(x0 - 2, 0) : x1 + 2] = False
        smooth = ndimage.gaussian_filter(image.pixels.astype(float), 1)
        smooth -= ndimage.gaussian_filter(image.pixels.astype(float), 8)
        spread = np.array([smooth[mask].std() for mask in image.masks])
        seen.append(spread > 1.3 * smooth[ground].std())
    assert np.mean(np.concatenate(seen)) > 0.9


def test_a_crowded_image_has_as_many_cells_as_fit() -> None:
    crowded = SETTINGS.model_copy(update={"width": 96, "height": 96, "cells": (60, 60)})
    assert 10 <= len(target_image(crowded, "target_train", 0).masks) < 60


def test_source_images_are_numbered_masks_on_colour() -> None:
    for index in range(12):
        image = source_image(SETTINGS, "source_train", index)
        assert image.pixels.shape == (160, 192, 3)
        assert image.pixels.dtype == np.uint8
        assert image.masks.shape == (160, 192)
        assert image.masks.dtype == np.uint16
        numbers = np.unique(image.masks)
        assert numbers.tolist() == list(range(len(numbers)))
        assert 12 <= numbers[-1] <= 28


def test_fluorescent_cells_are_bright_on_dark_and_stained_ones_dark_on_bright() -> None:
    for index in range(10):
        image = source_image(SETTINGS, "source_train", index)
        inside, outside = (image.pixels[where].mean() for where in (image.masks > 0, image.masks == 0))
        if index % 2 == 0:
            assert outside < 40 < inside + 20
            assert inside > 2 * outside
        else:
            assert outside > 170
            assert inside < outside - 15


def test_readers_find_as_many_cells_as_the_papers_readers(read: dict[str, list[Boxes]]) -> None:
    first, second, third = (sum(map(len, read[name])) for name in ("reader_1", "reader_2", "reader_3"))
    assert second / first == pytest.approx(565 / 552, abs=0.04)
    assert third / first == pytest.approx(477 / 552, abs=0.04)


def test_readers_agree_mostly_but_not_always(read: dict[str, list[Boxes]], tested: list[TargetImage]) -> None:
    for boxes in read.values():
        found = [match(mine, image.truth) >= 0 for mine, image in zip(boxes, tested, strict=True)]
        assert 0.9 < np.mean(np.concatenate(found)) < 1
        sides = np.concatenate([mine.xyxy.ravel() for mine in boxes])
        assert not np.array_equal(sides, np.round(sides))


def test_the_strict_reader_leaves_faint_cut_and_small_cells_out(tested: list[TargetImage]) -> None:
    strict = READERS[2]
    for index, image in enumerate(tested[:15]):
        boxes = annotate(np.random.default_rng(index), image, strict, np.random.default_rng(0))
        matched = match(boxes, image.truth, threshold=0.75)
        marked = np.unique(matched[matched >= 0])
        assert np.all(image.contrast[marked] >= strict.least_contrast)
        assert np.all(image.visible[marked] >= strict.least_visible)


def test_readers_boxes_lie_inside_the_image(read: dict[str, list[Boxes]]) -> None:
    for boxes in (mine for each in read.values() for mine in each):
        assert np.all(boxes.xyxy >= 0)
        assert np.all(boxes.xyxy[:, 2:] <= (192, 160))
        assert np.all((boxes.widths > 1) & (boxes.heights > 1))
