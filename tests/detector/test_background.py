"""Weights of examples of the background, by closed forms, and what they change in the losses of the preset lite."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import IGNORE, make_boxes
from sissi.config import Detector
from sissi.config.load import load_experiment
from sissi.config.training import Background
from sissi.detector.background import background_weights, risk
from sissi.detector.model import build
from sissi.errors import SissiError
from sissi.training.mixed_batches import MixedBatches, background_of

HEIGHT, WIDTH = 64, 96
INSIDE, CUT, ON_LABEL = [40, 20, 60, 40], [80, 20, 96, 40], [10, 10, 30, 30]
BOXES = torch.tensor([INSIDE, CUT, ON_LABEL], dtype=torch.float32)
SCORES = torch.tensor([0.8, 0.3, 0.9])


def target(border=1.0, far=1.0, confident=1.0, soft=0.0, completeness=1.0, labels=(ON_LABEL,)):
    boxes = torch.tensor(labels, dtype=torch.float32).reshape(-1, 4)
    return {"boxes": boxes, "background": torch.tensor([border, far, confident, soft, completeness])}


def weights(**rules):
    return background_weights(BOXES, SCORES, target(**rules), HEIGHT, WIDTH).numpy()


def test_each_rule_by_its_formula():
    assert weights() == pytest.approx([1, 1, 1])
    assert weights(border=0.25) == pytest.approx([1, 0.25, 1])
    assert weights(confident=0.1) == pytest.approx([0.1, 1, 1])
    assert weights(soft=1) == pytest.approx([0.2, 0.7, 1])
    assert weights(soft=0.5, border=0.5) == pytest.approx([0.6, 0.425, 1])
    assert weights(far=0.25) == pytest.approx([0.25, 0.25, 1], abs=1e-6)
    assert weights(far=0.25, labels=()) == pytest.approx([0.25] * 3, abs=1e-6)


@given(st.floats(0, 1))
def test_soft_sampling_is_the_curve_of_its_paper(shift):
    box = torch.tensor([[10.0 + 20 * shift, 10.0, 30.0 + 20 * shift, 30.0]])
    overlap = (1 - shift) / (1 + shift)
    expected = 0.25 + 0.75 * np.exp(-50 * np.exp(-20 * overlap))
    found = background_weights(box, torch.zeros(1), target(far=0.25), HEIGHT, WIDTH)
    assert found.item() == pytest.approx(expected, abs=1e-3)


@given(st.integers(0, 2**20), *[st.floats(0, 1)] * 4)
def test_weights_lie_between_0_and_1(seed, border, far, confident, soft):
    random = np.random.default_rng(seed)
    low = random.uniform(-10, 90, (30, 2))
    boxes = torch.tensor(np.concatenate([low, low + random.uniform(0, 30, (30, 2))], axis=1), dtype=torch.float32)
    scores = torch.tensor(random.random(30), dtype=torch.float32)
    found = background_weights(boxes, scores, target(border, far, confident, soft), HEIGHT, WIDTH)
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize(("recall", "inside"), [(0.25, 0.58), (0.1, 0.9)])
def test_the_ratio_of_odds_makes_scores_at_the_border_equal_to_those_inside(recall, inside):
    """A score that knows nothing but the place settles at e / (e + (1 - e) w), where e of the cells have a label."""
    odds = [share / (1 - share) for share in (recall, inside)]
    weight = background_weights(BOXES[1:2], SCORES[1:2], target(border=odds[0] / odds[1]), HEIGHT, WIDTH).item()
    logit = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([logit], max_iter=50)

    def loss():
        optimizer.zero_grad()
        value = -recall * torch.nn.functional.logsigmoid(logit) - (
            1 - recall
        ) * weight * torch.nn.functional.logsigmoid(-logit)
        value.sum().backward()
        return value.sum()

    optimizer.step(loss)
    assert logit.sigmoid().item() == pytest.approx(inside, abs=1e-3)


def test_the_risk_of_labels_with_gaps_is_that_of_all_labels():
    """Of 1000 cells half have a label; the sums are those of the risk with all labels, up to chance."""
    random = np.random.default_rng(0)
    cells, ground = (torch.tensor(random.normal(mean, 1, 1000)) for mean in (1.0, -2.0))
    labelled = torch.tensor(random.random(1000) < 0.5)
    as_cell, as_background = (torch.nn.functional.softplus(sign * cells) for sign in (-1, 1))
    of_ground = torch.nn.functional.softplus(ground).sum()
    whole = as_cell.sum() + of_ground
    seen = as_cell[labelled].sum(), of_ground + as_background[~labelled].sum(), as_background[labelled].sum()
    share = labelled.double().mean().item()
    assert risk(*seen, target(completeness=share)).item() == pytest.approx(whole.item(), rel=0.03)
    assert risk(*seen, target(completeness=1)).item() == pytest.approx((seen[0] + seen[1]).item())
    assert risk(seen[0], seen[1], 100 * seen[2], target(completeness=share)).item() == pytest.approx(
        (seen[0] / share).item()
    )


@pytest.fixture
def detector():
    torch.manual_seed(0)
    return build(Detector(preset="lite"), (HEIGHT, WIDTH))


def losses(detector, **given):
    images = [torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(k)) for k in range(2)]
    labels = {"boxes": torch.tensor([ON_LABEL], dtype=torch.float32), "labels": torch.ones(1, dtype=torch.int64)}
    network = detector.network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    with torch.no_grad():
        return network(images, [labels | given, labels])


def test_weights_of_1_change_nothing_and_others_only_the_loss_of_the_scores(detector):
    plain, full = losses(detector), losses(detector, background=torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0]))
    assert all(torch.allclose(plain[name], full[name]) for name in plain)
    assert all(torch.equal(plain[name], full[name]) for name in plain if name != "loss_score")
    less = losses(detector, background=torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]))
    assert less["loss_score"] < plain["loss_score"] and torch.equal(less["loss_box"], plain["loss_box"])
    some = losses(detector, background=torch.tensor([1.0, 1.0, 1.0, 0.0, 0.5]))
    assert not torch.isclose(some["loss_score"], plain["loss_score"])
    assert less["loss_score"] > plain["loss_score"] / 3  # the labels and the other image count as before


def test_only_weak_labels_have_a_background_that_counts_less(target, source, smoke):
    training = smoke.training.model_copy(update={"background": Background(far=0.25)})
    corrected = target.take(range(len(target)))
    object.__setattr__(corrected, "corrected", (1,))
    batches = MixedBatches(corrected, source, training)
    assert {spec.domain for batch in batches.plan(0, 1) for spec in batch} == {"target", "corrected", "source"}
    for spec in (spec for batch in batches.plan(0, 1) for spec in batch):
        weak = spec.domain == "target" and spec.index != 1
        assert ("background" in batches[spec][1]) == weak
    plain = MixedBatches(corrected, source, smoke.training)
    assert not any("background" in plain[spec][1] for batch in plain.plan(0, 1) for spec in batch)


def test_the_labels_say_how_rare_they_are_at_the_border(target):
    inside = [[20, 20, 30, 30], [50, 30, 60, 40], [40, 10, 50, 20]]
    boxes = [make_boxes([*inside, [0, 0, 90, 60]], labels=[1, 1, 1, IGNORE])] * len(target)
    assert background_of(target.with_boxes(boxes), Background(border="labels"))[0] == 0
    cut = [make_boxes([*inside, *[[0, k, 8, k + 10] for k in range(0, 50, 5)]])] * len(target)
    assert background_of(target.with_boxes(cut), Background(border="labels"))[0] == 1
    assert background_of(target, Background()) is None


def test_other_presets_are_refused():
    with pytest.raises(
        SissiError, match=r"training\.background: preset small weights no background; set detector\.preset"
    ):
        load_experiment("experiments/smoke.yaml", ["training.background.far=0.25"])
