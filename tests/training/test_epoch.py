import pytest
import torch

from sissi.boxes import EMPTY, same
from sissi.config import Detector, Training
from sissi.detector.model import build, predict_dataset
from sissi.training.checkpoint import Checkpoints, restore
from sissi.training.epoch import LOSS_INTERVAL, NonFiniteLoss, learning_rate, mean_losses, train_epoch
from sissi.training.mixed_batches import MixedBatches
from sissi.training.teacher_student import make_teacher_student

SETTINGS = Training(
    epochs=10,
    target_batch=2,
    source_batch=2,
    optimizer="adamw",
    learning_rate=0.003,
    schedule="cosine",
    clip_gradient=5,
)
AVERAGED = SETTINGS.model_copy(update={"averaging": 0.5})


def fresh(settings=SETTINGS, **changes):
    torch.manual_seed(0)
    return make_teacher_student(build(Detector(preset="small", **changes), (64, 96)), settings)


def ignore(fraction, loss):
    pass


def weights_equal(one, other):
    for detector in ("student", "teacher"):
        states = [getattr(learner, detector).network.state_dict().values() for learner in (one, other)]
        if not all(torch.equal(a, b) for a, b in zip(*states, strict=True)):
            return False
    return True


def test_training_lowers_the_loss(target, source):
    learner, batches = fresh(), MixedBatches(target, source, SETTINGS)
    losses = [train_epoch(learner, batches, 0, epoch, ignore)["loss"] for epoch in range(1, 7)]
    assert losses[-1] < 0.7 * losses[0]


def test_the_same_seed_trains_the_same_weights_bit_by_bit(target, source):
    trained = []
    for noise in (1, 2):
        learner = fresh()
        torch.manual_seed(noise)  # what was drawn before must not matter
        train_epoch(learner, MixedBatches(target, source, SETTINGS), 0, 1, ignore)
        trained.append(learner)
    assert weights_equal(*trained)


@pytest.mark.parametrize("settings", [SETTINGS, AVERAGED], ids=["plain", "averaged"])
def test_going_on_from_a_checkpoint_equals_going_on(target, source, tmp_path, settings):
    batches = MixedBatches(target, source, settings)
    straight = fresh(settings)
    train_epoch(straight, batches, 0, 1, ignore)
    checkpoints = Checkpoints(tmp_path / "deep")
    checkpoints.write(1, straight, {}, {})
    train_epoch(straight, batches, 0, 2, ignore)
    resumed = fresh(settings)
    restore(checkpoints.path(1), resumed)
    train_epoch(resumed, batches, 0, 2, ignore)
    assert weights_equal(straight, resumed)


def test_without_averaging_the_teacher_is_the_student(target, source):
    learner = fresh()
    assert learner.teacher is learner.student


def test_the_teacher_is_the_running_average_of_the_student(target, source):
    learner, plain = fresh(AVERAGED), fresh(SETTINGS)
    weight = "rpn.head.cls_logits.weight"
    mean = learner.teacher.network.state_dict()[weight].clone()
    for epoch in (1, 2):
        train_epoch(learner, MixedBatches(target, source, AVERAGED), 0, epoch, ignore)
        train_epoch(plain, MixedBatches(target, source, SETTINGS), 0, epoch, ignore)
    assert torch.equal(*(one.student.network.state_dict()[weight] for one in (learner, plain)))
    # the same average by hand, iteration by iteration
    again = fresh(SETTINGS)
    original = again.optimizer.step
    steps = iter(range(1000))

    def step():
        nonlocal mean
        original()
        decay = min(0.5, (1 + (now := next(steps))) / (10 + now))
        mean = decay * mean + (1 - decay) * again.student.network.state_dict()[weight]

    again.optimizer.step = step
    for epoch in (1, 2):
        train_epoch(again, MixedBatches(target, source, SETTINGS), 0, epoch, ignore)
    torch.testing.assert_close(learner.teacher.network.state_dict()[weight], mean)


def test_losses_are_judged_without_changing_the_detector(target, source):
    learner = fresh()
    train_epoch(learner, MixedBatches(target, source, SETTINGS), 0, 1, ignore)
    before = {name: tensor.clone() for name, tensor in learner.student.network.state_dict().items()}
    first = mean_losses(learner.student, source, 3)
    assert first == mean_losses(learner.student, source, 3)
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.student.network.state_dict().items())
    assert set(first) == {"classifier", "box_reg", "objectness", "rpn_box_reg", "loss"}
    assert first["loss"] == pytest.approx(sum(value for name, value in first.items() if name != "loss"), rel=1e-5)


def test_changed_targets_change_no_prediction(target, source):
    detector = fresh(score_floor=0.0).student
    before = predict_dataset(detector, target)
    mean_losses(detector, target, 2)
    mean_losses(detector, target.with_boxes([EMPTY] * 5), 2)
    moved = target.with_boxes([target.boxes[(k + 1) % 5] for k in range(5)])
    assert sum(map(len, before)) > 0
    for after in (predict_dataset(detector, target), predict_dataset(detector, moved)):
        assert all(same(a, b) for a, b in zip(before, after, strict=True))


def test_the_learning_rate_is_a_function_of_the_position():
    settings = Training(epochs=10, learning_rate=0.01, schedule="cosine", warmup_steps=4)
    rates = [learning_rate(step, 5, settings) for step in range(50)]
    assert rates[0] == pytest.approx(0.002) and rates[:5] == sorted(rates[:5])
    assert rates[25] == pytest.approx(0.005) and rates[-1] < 1e-4
    assert learning_rate(40, 5, settings.model_copy(update={"schedule": "constant"})) == 0.01


def test_a_loss_that_is_not_finite_stops_with_the_keys_to_change(target, source):
    learner = fresh()
    with torch.no_grad():
        next(learner.student.network.parameters()).fill_(float("nan"))
    batches = MixedBatches(target, source, SETTINGS)
    with pytest.raises(NonFiniteLoss, match="iteration 1 in epoch 1 is NaN or infinite; lower training") as caught:
        train_epoch(learner, batches, 0, 1, ignore)
    first = next(iter(batches.epoch(0, 1)))
    assert all(torch.equal(one, two) for one, two in zip(first.images, caught.value.batch.images, strict=True))


def test_the_paper_optimizer():
    optimizer = fresh(Training(epochs=2)).optimizer
    group = optimizer.param_groups[0]
    assert isinstance(optimizer, torch.optim.SGD)
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.001, 0.9, 0.0002)


def test_reading_ahead_changes_no_weight(target, source):
    trained = []
    for workers in (0, 1, 3):
        settings = AVERAGED.model_copy(update={"workers": workers})
        trained.append(fresh(settings))
        for epoch in (1, 2):
            train_epoch(trained[-1], MixedBatches(target, source, settings), 0, epoch, ignore)
    assert weights_equal(trained[0], trained[1]) and weights_equal(trained[0], trained[2])


def test_the_mean_losses_are_told_at_the_end_and_each_few_iterations(target, source):
    told = []
    settings = SETTINGS.model_copy(update={"target_batch": 1})
    many = target.take([index % 5 for index in range(12)])
    batches = MixedBatches(many, source, settings)
    losses = train_epoch(fresh(settings), batches, 0, 1, lambda fraction, loss: told.append((fraction, loss)))
    assert [fraction for fraction, _ in told] == pytest.approx([(k + 1) / 12 for k in range(12)])
    assert [k for k, (_, loss) in enumerate(told) if loss is not None] == [LOSS_INTERVAL - 1, 11]
    assert told[-1][1] == losses["loss"]


def test_the_first_iteration_whose_loss_is_not_finite_is_named(target, source):
    learner, batches = fresh(), MixedBatches(target, source, SETTINGS)
    real, calls = learner.student.network.forward, []

    def forward(images, targets):
        calls.append(1)
        return {name: loss * (float("nan") if len(calls) == 2 else 1) for name, loss in real(images, targets).items()}

    learner.student.network.forward = forward
    learner.optimizer.step = lambda: None  # or torchvision finds the bad weights before we do
    with pytest.raises(NonFiniteLoss, match="iteration 2 in epoch 1 is NaN or infinite"):
        train_epoch(learner, batches, 0, 1, ignore)
    assert len(calls) == 3
