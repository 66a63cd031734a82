"""The head of the preset lite with several classes: where cells are is learnt and found as with one class."""

import math
from contextlib import contextmanager

import pytest
import torch

from sissi.config import Detector
from sissi.detector.anchor_free import assignment
from sissi.detector.model import build
from tests.shallow_detectors import shallow

CLASSES = ("alive", "inhibited", "dead")
SIZE = (64, 96)


@pytest.fixture
def networks():
    """A network of one class, and one of three with the same weights but for the classes, which are all as likely."""
    with shallow():
        one, three = (
            build(Detector(preset="lite", score_floor=0.0), SIZE, names).network for names in (["cell"], CLASSES)
        )
    for branch in one.head.classify:  # scores that differ clearly, so that rounding does not order them
        torch.nn.init.normal_(branch[-1].weight, std=1.0, generator=torch.Generator().manual_seed(0))
    state = three.state_dict()
    for name, tensor in one.state_dict().items():
        if state[name].shape == tensor.shape:
            state[name] = tensor
        else:
            state[name] = torch.cat([tensor, torch.zeros_like(tensor).repeat(3, *[1] * (tensor.ndim - 1))])
    three.load_state_dict(state)
    return one, three


def images():
    return [torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]


def targets(*classes):
    boxes = torch.tensor([[10.0, 10.0, 30.0, 30.0], [50.0, 20.0, 80.0, 44.0]])
    return [{"boxes": boxes, "labels": torch.tensor(classes)}, {"boxes": boxes[:0], "labels": torch.tensor([]).long()}]


def test_score_and_boxes_cost_the_same_whatever_the_classes(networks):
    one, three = (network.train() for network in networks)
    with torch.no_grad():
        alone = one(images(), targets(1, 1))
        for classes in ((1, 1), (3, 2)):
            several = three(images(), targets(*classes))
            for name in ("loss_score", "loss_box"):
                torch.testing.assert_close(several[name], alone[name])
    assert "loss_class" not in alone


def test_the_class_costs_its_cross_entropy_weighted_by_quality(networks, monkeypatch):
    network, assigned = networks[1].train(), []

    def recorded(*arguments):
        assigned.append(assignment.assign(*arguments))
        return assigned[-1]

    monkeypatch.setattr("sissi.detector.anchor_free.network.assign", recorded)
    with torch.no_grad(), shifted(network, [0.0, 1.0, 2.0]):
        found = [float(network(images(), targets(label, label))["loss_class"]) for label in (1, 2, 3)]
    quality = assigned[0].quality.sum()
    share = float(quality / quality.clamp(min=1))
    total = math.log(1 + math.e + math.e**2)
    assert share > 0
    assert found == pytest.approx([total * share, (total - 1) * share, (total - 2) * share], rel=1e-4)


@contextmanager
def shifted(network, amounts):
    """The network with other logits of the classes."""
    shift = torch.tensor([0.0, *amounts])
    for branch in network.head.classify:
        branch[-1].bias += shift
    yield
    for branch in network.head.classify:
        branch[-1].bias -= shift


def test_boxes_and_scores_are_those_of_one_class_and_each_has_its_likeliest_class(networks):
    one, three = (network.eval() for network in networks)
    with torch.no_grad(), shifted(three, [0.0, 1.0, 0.0]):
        found, alone = three(images()), one(images())
    for several, single in zip(found, alone, strict=True):
        assert len(single["boxes"]) > 0
        torch.testing.assert_close(several["boxes"], single["boxes"])
        torch.testing.assert_close(several["scores"], single["scores"])
        assert set(single["labels"].tolist()) == {1} and set(several["labels"].tolist()) == {2}
