from dataclasses import replace

import numpy as np
import torch

from sissi.boxes import make_boxes
from sissi.config import Training
from sissi.training.mixed_batches import MixedBatches, as_target

SETTINGS = Training(epochs=3, target_batch=2, source_batch=3)


def test_every_batch_holds_target_and_source_images_in_the_set_ratio(target, source):
    plan = MixedBatches(target, source, SETTINGS).plan(0, 1)
    assert [[draw.domain for draw in batch] for batch in plan] == [["target"] * 2 + ["source"] * 3] * 3


def test_an_epoch_is_a_pass_over_the_target_images(target, source):
    plan = MixedBatches(target, source, SETTINGS).plan(0, 1)
    drawn = [draw.index for batch in plan for draw in batch if draw.domain == "target"]
    assert set(drawn[:5]) == set(range(5)) and len(drawn) == 6
    assert [draw.index for batch in plan for draw in batch if draw.domain == "source"][:4] != []


def test_fewer_images_fill_an_epoch_in_several_passes(target, source):
    few = MixedBatches(target.take([0, 1, 2]), source, SETTINGS, images=8)
    assert few.iterations == MixedBatches(target.take([0, 1, 2, 3, 4, 0, 1, 2]), source, SETTINGS).iterations == 4
    drawn = [draw for batch in few.plan(0, 1) for draw in batch if draw.domain == "target"]
    indices = [draw.index for draw in drawn]
    assert set(indices[:3]) == set(indices[3:6]) == {0, 1, 2} and len(set(indices[6:])) == 2
    assert len({draw.seed for draw in drawn}) == 8


def test_order_and_augmentation_depend_on_seed_and_epoch_alone(target, source):
    first, second = MixedBatches(target, source, SETTINGS), MixedBatches(target, source, SETTINGS)
    first.plan(0, 1)
    assert first.plan(0, 2) == second.plan(0, 2)
    assert first.plan(0, 2) != first.plan(0, 1) and first.plan(0, 2) != first.plan(1, 2)


def same_batches(one, other):
    for a, b in zip(one, other, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a.images, b.images, strict=True))
        assert all(torch.equal(x["boxes"], y["boxes"]) for x, y in zip(a.targets, b.targets, strict=True))


def test_the_number_of_workers_changes_nothing(target, source):
    batches = MixedBatches(target, source, SETTINGS)
    same_batches(batches.epoch(0, 1), batches.epoch(0, 1))
    same_batches(batches.epoch(0, 1, workers=0), batches.epoch(0, 1, workers=2))


def test_no_two_draws_are_augmented_alike(target, source):
    batches = MixedBatches(target, source, SETTINGS)
    seeds = [draw.seed for epoch in (1, 2) for batch in batches.plan(0, epoch) for draw in batch]
    assert len(set(seeds)) == len(seeds)


def test_boxes_follow_their_cells_through_every_augmentation(target, source):
    """A disc stays brighter than the ground, so the middle of its box must stay bright."""
    batches = MixedBatches(target, source, SETTINGS)
    seen = 0
    for epoch in range(1, 8):
        for batch in batches.epoch(0, epoch):
            for image, labels in zip(batch.images[:2], batch.targets[:2], strict=True):
                assert image.dtype == torch.uint8 and image.shape == (3, 64, 96)
                for left, top, right, bottom in labels["boxes"].tolist():
                    x, y = int((left + right) / 2), int((top + bottom) / 2)
                    cut = min(left, top) < 1 or right > 95 or bottom > 63
                    if not cut:
                        assert image[:, y, x].float().mean() > 150
                        seen += 1
    assert seen > 50


def test_an_image_without_boxes_is_trained_on_as_one_without_cells(target, source):
    from sissi.boxes import EMPTY

    batches = MixedBatches(target.with_boxes([EMPTY] * 5), source, SETTINGS)
    batch = next(batches.epoch(0, 1))
    assert [tuple(one["boxes"].shape) for one in batch.targets[:2]] == [(0, 4)] * 2
    assert batch.targets[0]["labels"].dtype == torch.int64
    assert np.isfinite(batch.images[0].float()).all()


def test_boxes_that_a_detector_found_can_be_left_out_of_the_loss_of_the_boxes():
    mixed = make_boxes([[0, 0, 9, 9], [10, 10, 19, 19]], [1, 0.999])
    assert as_target(mixed, "initial")["box_weights"].tolist() == [1, 0]
    assert as_target(mixed, "corrected")["box_weights"].tolist() == [0, 0]
    assert "box_weights" not in as_target(mixed)


def test_corrected_images_have_a_share_of_their_own_in_every_batch(target, source):
    corrected = replace(target, corrected=(1, 3))
    batches = MixedBatches(corrected, source, SETTINGS.model_copy(update={"corrected_batch": 2}))
    plan = batches.plan(0, 1)
    assert [[draw.domain for draw in batch] for batch in plan] == [
        ["target"] * 2 + ["corrected"] * 2 + ["source"] * 3
    ] * 3
    assert batches.domains["corrected"].paths == (target.paths[1], target.paths[3])
    others = [[draw for draw in batch if draw.domain != "corrected"] for batch in plan]
    assert others == MixedBatches(target, source, SETTINGS).plan(0, 1)


def test_boxes_can_be_learnt_from_corrected_and_source_images_alone(target, source):
    corrected = replace(target, corrected=(1, 3))
    batches = MixedBatches(corrected, source, SETTINGS, box_loss="corrected")
    weights = {
        (draw.domain, draw.domain == "target" and draw.index in (1, 3)): batches[draw][1].get("box_weights")
        for batch in batches.plan(0, 1)
        for draw in batch
    }
    assert not weights.pop(("target", False)).any()
    assert list(weights.values()) == [None] * 3
