import copy

import pytest
import torch
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork

from sissi.config import Detector
from sissi.detector.model import build

LABEL, CELL = [10.0, 10.0, 30.0, 30.0], [60.0, 20.0, 80.0, 40.0]
"""A cell with a label, and one that may be a cell."""


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build(Detector(preset="small"), (64, 96)).network.train()


def target(boxes, doubtful=None):
    one = {"boxes": torch.tensor(boxes).reshape(-1, 4), "labels": torch.ones(len(boxes), dtype=torch.int64)}
    return one | ({} if doubtful is None else {"ignored": torch.tensor(doubtful).reshape(-1, 4)})


def losses(network, one):
    torch.manual_seed(1)
    images = [torch.rand(3, 64, 96, generator=torch.Generator().manual_seed(2))]
    return network(images, [one])


def test_without_doubtful_boxes_the_losses_are_torchvision_s_to_the_bit(network):
    plain = copy.deepcopy(network)
    plain.rpn.__class__, plain.roi_heads.__class__ = RegionProposalNetwork, RoIHeads
    for mine in (target([LABEL]), target([LABEL], []), target([], [])):
        expected = losses(plain, {key: mine[key] for key in ("boxes", "labels")})
        found = losses(network, mine)
        assert all(torch.equal(found[key], expected[key]) for key in expected) and found.keys() == expected.keys()


BOXES = torch.tensor(
    [
        LABEL,  # a label: foreground
        [12.0, 12.0, 30.0, 30.0],  # nearly: foreground
        CELL,  # on the doubtful cell
        [60.0, 20.0, 80.0, 32.0],  # IoU 0.6 with it
        [60.0, 20.0, 80.0, 29.0],  # IoU 0.45 with it: background
        [0.0, 40.0, 20.0, 60.0],  # nowhere: background
    ]
)


def test_proposals_on_a_doubtful_cell_are_neither_cell_nor_background(network):
    heads, one = network.roi_heads, target([LABEL], [CELL])
    heads._targets = [one]
    _, [labels] = heads.assign_targets_to_proposals([BOXES], [one["boxes"]], [one["labels"]])
    assert labels.tolist() == [1, 1, -1, -1, 0, 0]


def test_anchors_on_a_doubtful_cell_are_neither_cell_nor_background(network):
    [labels], _ = network.rpn.assign_targets_to_anchors([BOXES], [target([LABEL], [CELL])])
    assert labels.tolist() == [1, 1, -1, -1, 0, 0]
    [labels], _ = network.rpn.assign_targets_to_anchors([BOXES], [target([], [CELL])])
    assert labels.tolist() == [0, 0, -1, -1, 0, 0]


def test_what_matches_a_label_stays_a_cell_also_on_a_doubtful_one(network):
    one = target([LABEL], [LABEL])
    network.roi_heads._targets = [one]
    _, [labels] = network.roi_heads.assign_targets_to_proposals([BOXES], [one["boxes"]], [one["labels"]])
    assert labels.tolist() == [1, 1, 0, 0, 0, 0]
    [labels], _ = network.rpn.assign_targets_to_anchors([BOXES], [one])
    assert labels.tolist() == [1, 1, 0, 0, 0, 0]


def test_proposals_on_doubtful_cells_are_not_sampled_and_have_no_gradient(network):
    """The doubtful box is the whole image, and all proposals are on it: there is nothing left to learn from."""
    everything = [[0.0, 0.0, 96.0, 64.0]]
    proposals = [torch.tensor([[0.0, 0.0, 96.0, 64.0], [0.0, 0.0, 90.0, 60.0]])]
    chosen, _, labels, _ = network.roi_heads.select_training_samples(list(proposals), [target([], everything)])
    assert len(chosen[0]) == len(labels[0]) == 0
    chosen, _, labels, _ = network.roi_heads.select_training_samples(list(proposals), [target([])])
    assert labels[0].tolist() == [0, 0]  # without it they are background
    logits = torch.zeros(6, 1, requires_grad=True)
    anchors = [BOXES]
    marked, boxes = network.rpn.assign_targets_to_anchors(anchors, [target([LABEL], [CELL])])
    loss, _ = network.rpn.compute_loss(logits, torch.zeros(6, 4), marked, [torch.zeros_like(boxes[0])])
    loss.backward()
    assert (logits.grad[2:4] == 0).all() and (logits.grad[[0, 1, 4, 5]] != 0).all()


def test_the_whole_network_learns_something_else_with_a_doubtful_cell(network):
    without, with_one = losses(network, target([LABEL])), losses(network, target([LABEL], [CELL]))
    assert all(torch.isfinite(value) for value in with_one.values())
    assert any(not torch.equal(without[key], with_one[key]) for key in without)
