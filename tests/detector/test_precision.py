import copy

import torch

from sissi.config import Detector, Training
from sissi.detector.model import build, predict_dataset
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import make_teacher_student

SETTINGS = Training(epochs=2, target_batch=2, source_batch=2, optimizer="adamw", averaging=0.5, precision="bf16")
FLOAT = SETTINGS.model_copy(update={"precision": "float32"})


def learner(settings):
    torch.manual_seed(0)
    return make_teacher_student(build(Detector(preset="small", score_floor=0.0), (64, 96)), settings)


def test_only_the_backbone_computes_in_bf16_and_hands_on_float32():
    inside = []
    exact, rounded = (learner(settings).student.network.eval() for settings in (FLOAT, SETTINGS))
    rounded.backbone.stem.register_forward_hook(lambda module, given, result: inside.append(result.dtype))
    images = torch.rand(1, 3, 64, 96)
    features = rounded.backbone(images)
    assert inside == [torch.bfloat16]
    for name, level in exact.backbone(images).items():
        assert features[name].dtype == torch.float32
        assert not torch.equal(features[name], level)
        torch.testing.assert_close(features[name], level, rtol=0.05, atol=0.05 * float(level.detach().abs().max()))


def test_the_names_of_the_weights_do_not_depend_on_the_precision():
    exact, rounded = (learner(settings).student.network.state_dict() for settings in (FLOAT, SETTINGS))
    assert exact.keys() == rounded.keys()
    assert all(value.dtype == exact[name].dtype for name, value in rounded.items())


def test_the_teacher_computes_with_its_own_weights():
    network = learner(SETTINGS).student.network
    other = copy.deepcopy(network)
    with torch.no_grad():
        next(other.backbone.parameters()).zero_()
    images = torch.rand(1, 3, 64, 96)
    assert not torch.equal(network.backbone(images)["0"], other.backbone(images)["0"])


def test_training_in_bf16_stays_close_to_float32_with_boxes_in_float32(target, source):
    losses = []
    for settings in (FLOAT, SETTINGS):
        trained = learner(settings)
        losses.append(train_epoch(trained, MixedBatches(target, source, settings), 0, 1, lambda *told: None))
    assert 0 < abs(losses[1]["loss"] / losses[0]["loss"] - 1) < 0.05
    corners = torch.cat([torch.from_numpy(boxes.xyxy.copy()) for boxes in predict_dataset(trained.teacher, target)])
    assert len(corners) and not torch.equal(corners, corners.bfloat16().float())
