from dataclasses import replace

import numpy as np

from sissi.boxes import with_ignore_regions
from sissi.config import Blur, SyntheticImages
from sissi.method.synthetic_dataset import synthetic_dataset
from sissi.method.synthetic_images import synthesise
from sissi.training.mixed_batches import MixedBatches

BLUR = Blur(kernel=(21, 21))


def half(target, epoch, seed=0):
    return synthetic_dataset(target, BLUR, SyntheticImages(share=0.4), seed, epoch)


def test_every_image_is_read_in_its_synthetic_like_version(target):
    frames = synthetic_dataset(target, BLUR, SyntheticImages(margin=3), 0, 1)
    for k in range(len(target)):
        assert np.array_equal(frames.read(k), synthesise(target.read(k), target.boxes[k], BLUR, 3))
    assert frames.boxes == target.boxes


def test_a_share_of_the_images_is_synthetic_like_drawn_anew_every_epoch(target):
    drawn = [half(target, epoch).chosen for epoch in range(1, 9)]
    assert {len(one) for one in drawn} == {2} and len(set(drawn)) > 1
    assert [half(target, epoch).chosen for epoch in range(1, 9)] == drawn
    assert [half(target, epoch, seed=1).chosen for epoch in range(1, 9)] != drawn
    assert not synthetic_dataset(target, BLUR, SyntheticImages(share=0), 0, 1).chosen
    frames = half(target, 1)
    unchanged = [np.array_equal(frames.read(k), target.read(k)) for k in range(len(target))]
    assert unchanged == [k not in frames.chosen for k in range(len(target))]


def test_images_that_are_taken_keep_their_version(target):
    frames = half(target, 1)
    order = [4, 2, 0, 1, 3, 3]
    taken = frames.take(order).with_boxes([target.boxes[k] for k in order])
    assert all(np.array_equal(taken.read(place), frames.read(index)) for place, index in enumerate(order))


def test_cloning_beside_the_training_gives_the_same_batches(target, source, smoke):
    batches = MixedBatches(half(target, 1), source, smoke.training)
    alone, beside = (list(batches.epoch(0, 3, workers)) for workers in (0, 3))
    assert all(
        np.array_equal(one, other)
        for first, second in zip(alone, beside, strict=True)
        for one, other in zip(first.images, second.images, strict=True)
    )


def test_doubtful_cells_vanish_in_the_blur(target):
    marked = target.with_boxes(
        [with_ignore_regions(boxes.take(slice(1)), boxes.take(slice(1, None))) for boxes in target.boxes]
    )
    frames = synthetic_dataset(marked, BLUR, SyntheticImages(), 0, 1)
    assert np.array_equal(frames.read(0), synthesise(target.read(0), target.boxes[0].take(slice(1)), BLUR, 5))


def test_corrected_images_stay_original(target):
    frames = synthetic_dataset(replace(target, corrected=(0, 2)), BLUR, SyntheticImages(), 0, 1)
    assert frames.chosen == {1, 3, 4} and np.array_equal(frames.read(0), target.read(0))
