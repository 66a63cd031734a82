"""The contract of `sissi.detector.presets`, for the network of every preset, with shallow bodies.

`test_weights.py` and `test_rtdetr.py` compare the whole networks with the published ones.
"""

import copy

import numpy as np
import pytest
import torch

from sissi.boxes import same
from sissi.config import Detector, Training
from sissi.config.detector import PRESETS
from sissi.detector.model import CellDetector, build, load, predict, save
from sissi.detector.presets import NETWORKS
from sissi.errors import SissiError
from sissi.training.checkpoint import Checkpoints, restore
from sissi.training.epoch import mean_losses, train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import make_teacher_student
from tests.shallow_detectors import shallow

SIZE = (64, 96)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="module", autouse=True)
def shallow_bodies():
    with shallow():
        yield


def settings(preset, **changes):
    few = {"score_floor": 0.0, "proposals": 60, "rois_per_image": 16}
    return Detector(**{"preset": preset, "cell_size": 18, **few, **changes})


@pytest.fixture(scope="module", params=NETWORKS)
def detector(request, shallow_bodies):
    torch.manual_seed(0)
    return build(settings(request.param), SIZE)


def picture(height=64, width=96, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def image(height=64, width=96, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def target(boxes=((10.0, 10.0, 30.0, 30.0),), ignored=None, label=1):
    one = {"boxes": torch.tensor(boxes).reshape(-1, 4), "labels": torch.full((len(boxes),), label)}
    return one | ({} if ignored is None else {"ignored": torch.tensor(ignored).reshape(-1, 4)})


def losses(detector, *targets, **seeds):
    torch.manual_seed(1)
    network = detector.network.train()
    images = [image(**seeds).to(detector.device) for _ in targets]
    return network(images, [{key: value.to(detector.device) for key, value in one.items()} for one in targets])


def state_of(detector):
    return {name: tensor.clone() for name, tensor in detector.network.state_dict().items()}


def test_every_preset_of_the_settings_has_a_network():
    assert NETWORKS.keys() == PRESETS.keys()


def test_images_alone_give_boxes_in_their_pixels(detector):
    for height, width in (SIZE, (96, 128)):
        [found] = predict(detector, [picture(height, width)])
        assert len(found) > 0 and found.xyxy.min() >= 0
        assert (found.xyxy[:, 2] <= width).all() and (found.xyxy[:, 3] <= height).all()
        assert set(found.labels.tolist()) == {1}
        assert (np.diff(found.scores) <= 0).all()


def test_predictions_change_nothing(detector):
    before = state_of(detector)
    predict(detector, [picture(), picture(seed=1)])
    assert all(torch.equal(tensor, before[name]) for name, tensor in detector.network.state_dict().items())


def test_the_size_that_is_passed_is_the_size_that_is_seen(detector):
    seen = []
    hook = detector.network.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[2:]))
    for size in ((64, 96), (128, 192), (96, 64)):
        predict(detector, [picture(*size)])
    hook.remove()
    assert [tuple(size) for size in seen] == [(64, 96), (128, 192), (96, 64)]


def test_losses_are_finite_scalars_and_equal_for_equal_seeds(detector):
    first, second = (losses(copy.deepcopy(detector), target(), target(())) for _ in range(2))
    assert first.keys() == second.keys() and len(first) >= 2
    for name, value in first.items():
        assert value.shape == () and torch.isfinite(value) and torch.equal(value, second[name])


def test_losses_reach_the_first_layer(detector):
    own = copy.deepcopy(detector)
    sum(losses(own, target(((10.0, 10.0, 40.0, 40.0), (50.0, 20.0, 70.0, 40.0))), target()).values()).backward()
    first = next(own.network.backbone.parameters())
    assert first.grad is not None and first.grad.abs().sum() > 0


def test_images_without_any_label_can_be_trained_on(detector):
    found = losses(copy.deepcopy(detector), target(()), target(()))
    assert all(torch.isfinite(value) for value in found.values())


def test_without_ignore_regions_the_losses_are_the_same_to_the_bit(detector):
    plain, empty = (losses(copy.deepcopy(detector), target(ignored=ignored)) for ignored in (None, []))
    assert all(torch.equal(plain[name], empty[name]) for name in plain)


def test_the_background_in_ignore_regions_has_no_loss(detector):
    """Ignore regions of the sizes of anchors all over an image without labels: another background, if any, is left."""
    tiles = [[x, y, x + size, y + size] for size in (9.0, 18.0, 36.0) for x in range(0, 96, 4) for y in range(0, 64, 4)]
    plain, ignored = (losses(copy.deepcopy(detector), target((), regions)) for regions in (None, tiles))
    assert all(torch.isfinite(value) for value in ignored.values())
    assert any(not torch.equal(ignored[name], plain[name]) for name in plain)


def test_what_a_label_covers_is_a_cell_in_an_ignore_region_too(detector):
    covered = losses(copy.deepcopy(detector), target(ignored=[[10.0, 10.0, 30.0, 30.0]]))
    assert all(torch.isfinite(value) for value in covered.values())
    boxes = [name for name in covered if "box" in name]
    plain = losses(copy.deepcopy(detector), target())
    assert boxes and all(covered[name] > 0 or plain[name] == 0 for name in boxes)


BOX_LOSSES = ("loss_rpn_box_reg", "loss_box_reg", "bbox_regression", "loss_box")


def test_a_label_of_box_weight_0_is_a_cell_without_a_loss_of_its_box(detector):
    two = ((10.3, 10.2, 30.6, 30.1), (50.3, 20.4, 70.6, 40.7))

    def weighted(*weights, moved=0.0):
        boxes = (two[0], tuple(value + moved for value in two[1]))
        return detached(losses(copy.deepcopy(detector), target(boxes) | {"box_weights": torch.tensor(weights)}))

    def detached(values):
        return {name: value.detach() for name, value in values.items()}

    plain, ones, none = detached(losses(copy.deepcopy(detector), target(two))), weighted(1.0, 1.0), weighted(0.0, 0.0)
    assert all(torch.equal(plain[name], ones[name]) for name in plain)
    names = [name for name in plain if name in BOX_LOSSES]
    assert names
    for name in names:
        assert none[name] == pytest.approx(0, abs=1e-5)
        assert plain[name] == 0 or none[name] < plain[name]
    for name in plain.keys() - set(names):
        torch.testing.assert_close(none[name], plain[name])
    one, moved = weighted(1.0, 0.0), weighted(1.0, 0.0, moved=1e-4)
    for name in names:
        assert one[name] <= plain[name] + 1e-6
        torch.testing.assert_close(moved[name], one[name], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_a_file_of_tensors_restores_it(detector, device, tmp_path):
    save(detector, tmp_path / "detector.pt")
    [mine], [read] = (predict(one, [picture()]) for one in (detector, load(tmp_path / "detector.pt", device)))
    assert len(mine) and (device == "cuda" or same(mine, read))


@pytest.mark.parametrize("preset", NETWORKS)
def test_the_classes_are_numbered_from_one_on(preset):
    torch.manual_seed(0)
    detector = build(settings(preset, detections_per_image=1000, nms_iou=1.0), SIZE, classes=("a", "b", "c"))
    found = losses(detector, target(label=1), target(label=3))
    assert all(torch.isfinite(value) for value in found.values())
    [boxes] = predict(detector, [picture()])
    assert set(boxes.labels.tolist()) <= {1, 2, 3}


@pytest.mark.parametrize("preset", NETWORKS)
def test_going_on_from_a_checkpoint_is_going_on_to_the_bit(preset, target, source, tmp_path):
    light = preset in ("small", "lite")  # box heads of the others make large files
    averaged = {"optimizer": "adamw", "averaging": 0.5} if light else {}
    training = Training(epochs=4, target_batch=2, source_batch=1, **averaged)
    batches = MixedBatches(target, source, training, images=2)

    def fresh():
        torch.manual_seed(0)
        return make_teacher_student(build(settings(preset), SIZE), training)

    straight, checkpoints = fresh(), Checkpoints(tmp_path / "kept")
    train_epoch(straight, batches, 0, 1, lambda *_: None)
    checkpoints.write(1, straight, {}, {})
    train_epoch(straight, batches, 0, 2, lambda *_: None)
    resumed = fresh()
    restore(checkpoints.path(1), resumed)
    train_epoch(resumed, batches, 0, 2, lambda *_: None)
    for one, other in ((straight.student, resumed.student), (straight.teacher, resumed.teacher)):
        pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert mean_losses(straight.teacher, source, 2) == mean_losses(resumed.teacher, source, 2)


def test_a_batch_predicts_what_each_image_alone_does(detector):
    images = [picture(seed=seed) for seed in range(3)]
    together, alone = predict(detector, images), [predict(detector, [one])[0] for one in images]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.scores[:20], other.scores[:20], atol=1e-4)


def test_impossible_settings_say_what_there_is():
    with pytest.raises(ValueError, match="weights: coco does not exist for preset lite; there are imagenet, none"):
        settings("lite", weights="coco")
    with pytest.raises(ValueError, match="weights: imagenet does not exist for preset rtdetr; there are coco, none"):
        settings("rtdetr", weights="imagenet")
    for preset in ("lite", "fcos", "rtdetr"):
        with pytest.raises(ValueError, match=f"preset {preset} has no anchors; leave it out"):
            settings(preset, anchor_sizes=((8,),))
    for sizes in (((8, 9), (16,)), ((), ())):
        with pytest.raises(ValueError, match="each level needs the same number of sizes, at least one"):
            settings("small", anchor_sizes=sizes)
    with pytest.raises(ValueError, match="preset retinanet has 5 pyramid levels, 1 given"):
        settings("retinanet", anchor_sizes=((8,),))
    with pytest.raises(ValueError, match="only preset lite has other backbones"):
        settings("small", backbone="resnet18")


@pytest.mark.parametrize(
    ("backbone", "message"),
    [("nosuchnet", "timm cannot build nosuchnet"), ("vit_tiny_patch16_224", "has no pyramid")],
)
def test_a_backbone_that_cannot_serve_is_named(backbone, message):
    with pytest.raises(SissiError, match=message):
        build(settings("lite", backbone=backbone), SIZE)


def test_another_backbone_of_timm_is_a_detector_too():
    torch.manual_seed(0)
    detector: CellDetector = build(settings("lite", backbone="resnet10t"), SIZE)
    assert len(predict(detector, [picture()])[0])
    assert all(torch.isfinite(value) for value in losses(detector, target()).values())


def test_anchors_follow_from_the_cell_size():
    assert settings("small", cell_size=None).anchors == ((12, 18), (26, 38))
    np.testing.assert_allclose(settings("resnet50", cell_size=40).anchors, [[10], [20], [40], [80], [160]])
    assert settings("resnet50", cell_size=40, anchor_sizes=((1,), (2,), (3,), (4,), (5,))).anchors[4] == (5,)
    assert settings("lite").anchors is None
