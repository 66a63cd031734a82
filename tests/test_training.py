import pytest
import torch

from sissi.boxes import EMPTY, same
from sissi.checkpoint import Checkpoint
from sissi.detector import build, predict_frames
from sissi.mixed_batches import MixedBatches
from sissi.settings import Detector, Training
from sissi.training import learning_rate, make_optimizer, mean_losses, train_epoch

SETTINGS = Training(
    epochs=10,
    target_batch=2,
    source_batch=2,
    optimizer="adamw",
    learning_rate=0.003,
    schedule="cosine",
    clip_gradient=5,
)


def fresh(settings=SETTINGS, **changes):
    torch.manual_seed(0)
    detector = build(Detector(preset="small", **changes), (64, 96))
    return detector, make_optimizer(detector, settings)


def ignore(fraction, loss):
    pass


def weights_equal(one, other):
    pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_training_lowers_the_loss(target, source):
    detector, optimizer = fresh()
    batches = MixedBatches(target, source, SETTINGS)
    losses = [train_epoch(detector, optimizer, batches, 0, epoch, ignore)["loss"] for epoch in range(1, 7)]
    assert losses[-1] < 0.7 * losses[0]


def test_the_same_seed_trains_the_same_weights_bit_by_bit(target, source):
    trained = []
    for noise in (1, 2):
        detector, optimizer = fresh()
        torch.manual_seed(noise)  # what was drawn before must not matter
        train_epoch(detector, optimizer, MixedBatches(target, source, SETTINGS), 0, 1, ignore)
        trained.append(detector)
    assert weights_equal(*trained)


def test_going_on_from_a_checkpoint_equals_going_on(target, source, tmp_path):
    batches = MixedBatches(target, source, SETTINGS)
    straight, optimizer = fresh()
    train_epoch(straight, optimizer, batches, 0, 1, ignore)
    Checkpoint.of(straight, optimizer, 1).write(tmp_path / "deep" / "epoch_001.pt")
    train_epoch(straight, optimizer, batches, 0, 2, ignore)
    resumed, other = fresh()
    saved = Checkpoint.read(tmp_path / "deep" / "epoch_001.pt", "cpu")
    saved.restore(resumed, other)
    train_epoch(resumed, other, batches, 0, saved.epoch + 1, ignore)
    assert weights_equal(straight, resumed)


def test_losses_are_judged_without_changing_the_detector(target, source):
    detector, optimizer = fresh()
    train_epoch(detector, optimizer, MixedBatches(target, source, SETTINGS), 0, 1, ignore)
    before = {name: tensor.clone() for name, tensor in detector.network.state_dict().items()}
    first = mean_losses(detector, source, 3)
    assert first == mean_losses(detector, source, 3)
    assert all(torch.equal(before[name], tensor) for name, tensor in detector.network.state_dict().items())
    assert set(first) == {"classifier", "box_reg", "objectness", "rpn_box_reg", "loss"}
    assert first["loss"] == pytest.approx(sum(value for name, value in first.items() if name != "loss"), rel=1e-5)


def test_changed_targets_change_no_prediction(target, source):
    detector, _ = fresh(score_floor=0.0)
    before = predict_frames(detector, target)
    mean_losses(detector, target, 2)
    mean_losses(detector, target.with_boxes([EMPTY] * 5), 2)
    moved = target.with_boxes([target.boxes[(k + 1) % 5] for k in range(5)])
    assert sum(map(len, before)) > 0
    for after in (predict_frames(detector, target), predict_frames(detector, moved)):
        assert all(same(a, b) for a, b in zip(before, after, strict=True))


def test_the_learning_rate_is_a_function_of_the_position():
    settings = Training(epochs=10, learning_rate=0.01, schedule="cosine", warmup_steps=4)
    rates = [learning_rate(step, 5, settings) for step in range(50)]
    assert rates[0] == pytest.approx(0.002) and rates[:5] == sorted(rates[:5])
    assert rates[25] == pytest.approx(0.005) and rates[-1] < 1e-4
    assert learning_rate(40, 5, settings.model_copy(update={"schedule": "constant"})) == 0.01


def test_a_loss_that_is_not_finite_stops_with_the_keys_to_change(target, source):
    detector, optimizer = fresh()
    with torch.no_grad():
        next(detector.network.parameters()).fill_(float("nan"))
    with pytest.raises((FloatingPointError, ValueError), match=r"learning_rate|nan|NaN"):
        train_epoch(detector, optimizer, MixedBatches(target, source, SETTINGS), 0, 1, ignore)


def test_the_paper_optimizer():
    _, optimizer = fresh(Training(epochs=2))
    group = optimizer.param_groups[0]
    assert isinstance(optimizer, torch.optim.SGD)
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.001, 0.9, 0.0002)
