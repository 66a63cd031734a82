import io
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from sissi.ablation import stages
from sissi.boxes import EMPTY, IGNORE, make_boxes, same, scale
from sissi.config import Blur, PseudoLabels, SelfTraining
from sissi.detector.ignore_regions import split_by_score
from sissi.detector.model import build
from sissi.method import self_training
from sissi.method.self_training import SelfTrainingSetup, self_train, train_on_fixed_labels
from sissi.training.mixed_batches import as_target
from sissi.training.teacher_student import make_teacher_student

THREE = make_boxes([[0, 0, 9, 9], [10, 10, 19, 19], [20, 20, 29, 29]])
EIGHT = make_boxes([[k * 5, 0, k * 5 + 4, 9] for k in range(8)], np.linspace(0.5, 0.9, 8))


class Silent:
    def record(self, event):
        pass


def steps(monkeypatch, target, source, smoke, blur):
    """The order in which algorithm 1 does its steps, and the labels of every cycle."""
    done, seen = [], []
    torch.manual_seed(0)
    detector = build(smoke.detector, smoke.training.image_size)

    def correct(*arguments):
        done.append("correct")
        return [EIGHT] * len(target)

    real_synthesise, real_train = self_training.synthetic_dataset, self_training.train_epoch

    def synthetic(*arguments):
        done.append("synthesise")
        return real_synthesise(*arguments)

    def train(learner, batches, seed, epoch, progress):
        done.append(f"train {epoch}")
        seen.append([len(boxes) for boxes in batches.domains["target"].boxes])
        return real_train(learner, batches, seed, epoch, progress)

    monkeypatch.setattr(self_training, "predict_pseudo_labels", correct)
    monkeypatch.setattr(self_training, "synthetic_dataset", synthetic)
    monkeypatch.setattr(self_training, "train_epoch", train)
    learner = make_teacher_student(detector, smoke.training)
    setup = SelfTrainingSetup(target, source, blur, smoke, 0)
    for cycle in self_train(learner, setup, 2, target.boxes, None, Silent()):
        assert np.isfinite(list(cycle.losses.values())).all()
        done.append(f"end {cycle.epoch} with {len(cycle.labels[0])} labels")
    return done, seen


def test_algorithm_1_corrects_synthesises_then_trains_to_the_last_epoch(monkeypatch, target, source, smoke):
    done, seen = steps(monkeypatch, target, source, smoke, Blur(kernel=(21, 21)))
    cycle = ["correct", "synthesise", "train {}", "end {} with 8 labels"]
    assert done == [step.format(epoch) for epoch in (3, 4) for step in cycle]
    assert seen == [[8] * 5] * 2


def test_without_blur_the_original_images_are_trained_on(monkeypatch, target, source, smoke):
    done, _ = steps(monkeypatch, target, source, smoke, None)
    assert "synthesise" not in done and done.count("correct") == 2


def test_labels_that_somebody_has_already_are_not_made_again(monkeypatch, target, source, smoke):
    learner = make_teacher_student(build(smoke.detector, smoke.training.image_size), smoke.training)
    setup = SelfTrainingSetup(target, source, None, smoke, 0)
    monkeypatch.setattr(self_training, "predict_pseudo_labels", lambda *arguments: [THREE] * len(target))
    cycles = self_train(learner, setup, 2, target.boxes, [EIGHT] * len(target), Silent())
    assert [len(cycle.labels[0]) for cycle in cycles] == [8, 3]


def test_labels_can_be_brought_to_the_size_of_the_initial_ones(monkeypatch, target, source, smoke):
    """Where every box that is found is a tenth too small: shrinking from cycle to cycle in the paper's way, and not."""
    sides = {}
    for size in ("found", "initial"):
        changed = smoke.model_copy(update={"pseudo_labels": PseudoLabels(size=size)})
        learner = make_teacher_student(build(smoke.detector, smoke.training.image_size), smoke.training)
        current = [target.boxes]

        def a_tenth_too_small(*arguments, current=current):
            return [smaller(boxes) for boxes in current[-1]]

        monkeypatch.setattr(self_training, "predict_pseudo_labels", a_tenth_too_small)
        monkeypatch.setattr(self_training, "train_epoch", lambda *arguments: {})
        for cycle in self_train(
            learner, SelfTrainingSetup(target, source, None, changed, 0), 2, target.boxes, None, Silent()
        ):
            current.append(cycle.labels)
        sides[size] = [np.concatenate([boxes.widths for boxes in labels]) for labels in current]
    np.testing.assert_allclose(sides["found"][2], 0.81 * sides["found"][0], rtol=1e-4)
    np.testing.assert_allclose(sides["initial"][2], sides["initial"][0], rtol=1e-4)


def smaller(boxes):
    """Nine tenths of every side, about the centre."""
    centres = np.tile((boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / 2, 2)
    return make_boxes(centres + 0.9 * (boxes.xyxy - centres), boxes.scores)


def test_the_reference_row_trains_every_epoch_on_the_initial_labels(target, source, smoke):
    learner = make_teacher_student(build(smoke.detector, smoke.training.image_size), smoke.training)
    cycles = list(
        train_on_fixed_labels(learner, SelfTrainingSetup(target, source, None, smoke, 0), 2, len(target), Silent())
    )
    assert [cycle.epoch for cycle in cycles] == [3, 4]
    assert all(same(one, two) for cycle in cycles for one, two in zip(cycle.labels, target.boxes, strict=True))


def test_a_network_that_starts_anew_learns_the_last_labels_on_original_images(monkeypatch, target, source, smoke):
    """Epochs 5 to 8 of a row of 4 and 4: batches and learning rates are those of epochs 1 to 4 of the first network."""
    seen = []
    monkeypatch.setattr(self_training, "train_epoch", lambda _, batches, seed, epoch, __: seen.append((epoch, batches)))
    labels = [EIGHT, *[THREE] * (len(target) - 1)]
    anew = smoke.model_copy(update={"self_training": SelfTraining(restart=True)})
    cycles = list(
        self_train(None, SelfTrainingSetup(target, source, Blur(kernel=(21, 21)), anew, 0), 5, labels, None, Silent())
    )
    assert [cycle.epoch for cycle in cycles] == [6, 7, 8] and [epoch for epoch, _ in seen] == [2, 3, 4]
    assert all(same(one, two) for cycle in cycles for one, two in zip(cycle.labels, labels, strict=True))
    _, batches = seen[0]
    assert [len(boxes) for boxes in batches.domains["target"].boxes] == [8, *[3] * (len(target) - 1)]
    assert batches.domains["target"].paths == target.paths and len(batches.domains["source"]) == len(source)


@pytest.mark.parametrize(("changed", "images", "source_images"), [("on_empty", 1, 4), ("mixed", 5, 5)])
def test_a_network_that_starts_anew_keeps_to_the_settings_of_correction(
    monkeypatch, target, source, smoke, changed, images, source_images
):
    """With `on_empty: drop` images without labels sit out; without mixed batches source images do."""
    seen = []
    monkeypatch.setattr(self_training, "train_epoch", lambda _, batches, *__: seen.append(batches.domains))
    update = {
        "pseudo_labels": PseudoLabels(on_empty="drop" if changed == "on_empty" else "keep"),
        "self_training": SelfTraining(restart=True, mixed=changed != "mixed"),
    }
    setup = SelfTrainingSetup(target, source, None, smoke.model_copy(update=update), 0)
    list(self_train(None, setup, 7, [EIGHT, *[EMPTY] * (len(target) - 1)], None, Silent()))
    assert (len(seen[0]["target"]), len(seen[0]["source"])) == (images, source_images)


def batches_of(monkeypatch, target, source, experiment, blur=None):
    """The learner's batches in the epochs of self-training, in which `EIGHT` is found, with scores of 0.5 to 0.9."""
    seen = []

    def train(learner, batches, seed, epoch, progress):
        seen.append(batches)
        return {}

    monkeypatch.setattr(self_training, "train_epoch", train)
    learner = make_teacher_student(build(experiment.detector, experiment.training.image_size), experiment.training)
    setup = SelfTrainingSetup(target, source, blur, experiment, 0)
    monkeypatch.setattr(self_training, "predict_pseudo_labels", lambda *arguments: [EIGHT] * len(target))
    cycles = list(self_train(learner, setup, 2, target.boxes, None, Silent()))
    return seen, cycles


def with_self_training(experiment, **changes):
    return experiment.model_copy(update={"self_training": SelfTraining(**changes)})


def test_target_images_alone_make_batches_as_large_and_as_many(monkeypatch, target, source, smoke):
    mixed, _ = batches_of(monkeypatch, target, source, smoke)
    alone, _ = batches_of(monkeypatch, target, source, with_self_training(smoke, mixed=False))
    assert mixed[0].domains["source"] is source and alone[0].domains["source"] is alone[0].domains["target"]
    one, other = (batches[0].plan(0, 3) for batches in (mixed, alone))
    assert [len(batch) for batch in one] == [len(batch) for batch in other] == [4, 4, 4]
    orders = [[draw.index for batch in other for draw in batch if draw.domain == domain] for domain in alone[0].domains]
    assert orders[0] != orders[1]  # two passes in two orders


def test_the_learning_rate_of_self_training_is_a_factor(monkeypatch, target, source, smoke):
    (slow, *_), _ = batches_of(monkeypatch, target, source, with_self_training(smoke, learning_rate=0.25))
    assert slow.settings.learning_rate == 0.25 * smoke.training.learning_rate
    (same_rate, *_), _ = batches_of(monkeypatch, target, source, smoke)
    assert same_rate.settings == smoke.training


def test_doubtful_boxes_travel_with_the_labels_but_are_none(monkeypatch, target, source, smoke):
    labels = smoke.pseudo_labels.model_copy(update={"score": 0.8})
    experiment = with_self_training(smoke, ignore_doubtful=0.4).model_copy(update={"pseudo_labels": labels})
    (batches, *_), cycles = batches_of(monkeypatch, target, source, experiment)
    sure = int((EIGHT.scores >= 0.8).sum())
    assert {len(boxes) for boxes in cycles[0].labels} == {sure}
    carried = batches.domains["target"].boxes[0]
    assert len(carried) == 8 and (carried.labels == IGNORE).sum() == 8 - sure
    one = as_target(carried)
    assert len(one["boxes"]) == sure and len(one["ignored"]) == 8 - sure and (one["labels"] == 1).all()
    changed = [batches[draw][1] for batch in batches.plan(0, 3) for draw in batch if draw.domain == "target"]
    assert any("ignored" in one for one in changed)  # augmentation keeps the class of a box
    assert set(as_target(target.boxes[0])) == {"boxes", "labels"}


def test_initial_labels_that_nothing_confirms_go_and_unsure_boxes_confirm_but_are_no_labels(
    monkeypatch, target, source, smoke
):
    weak = make_boxes([[0, 0, 4, 9], [20, 20, 29, 29]])  # the first is where the least sure of EIGHT is
    target = target.with_boxes([weak] * len(target))
    settings = PseudoLabels(merge="add", score=0.8, confirm=0.4)
    experiment = smoke.model_copy(update={"pseudo_labels": settings})
    _, cycles = batches_of(monkeypatch, target, source, experiment)
    sure = EIGHT.take(EIGHT.scores >= 0.8)
    np.testing.assert_array_equal(cycles[0].labels[0].xyxy, [weak.xyxy[0], *sure.xyxy])


@pytest.mark.parametrize("fusion", get_args(PseudoLabels.model_fields["fusion"].annotation))
def test_correction_finds_the_same_labels_with_the_doubtful_boxes_below(target, smoke, fusion):
    torch.manual_seed(0)
    detector = build(smoke.detector.model_copy(update={"score_floor": 0.0}), smoke.training.image_size)
    settings = smoke.pseudo_labels.model_copy(update={"score": 0.52, "fusion": fusion})
    strict = smoke.model_copy(update={"pseudo_labels": settings})
    both = with_self_training(strict, ignore_doubtful=0.3)
    found = self_training.predict_pseudo_labels(detector, target, both, lambda fraction: None)
    alone = self_training.predict_pseudo_labels(detector, target, strict, lambda fraction: None)
    divided = [split_by_score(boxes, both) for boxes in found]
    assert all(same(one, sure) for one, (sure, _) in zip(alone, divided, strict=True))
    assert sum(len(doubtful) for _, doubtful in divided) > 0


def test_calibrated_scores_are_probabilities_so_that_faint_detections_count(monkeypatch, target, source, smoke):
    """Eight of eleven boxes of equal, low scores find a label: all of them are cells, and three have no label yet."""
    eleven = [[k * 5, 20, k * 5 + 4, 29] for k in range(1, 12)]
    faint = make_boxes(eleven, np.full(11, 0.1))
    monkeypatch.setattr(self_training, "predict_pseudo_labels", lambda *arguments: [faint] * len(target))
    monkeypatch.setattr(self_training, "train_epoch", lambda *arguments: {})
    labelled = target.with_boxes([make_boxes(eleven[:8])] * len(target))
    learner = make_teacher_student(build(smoke.detector, smoke.training.image_size), smoke.training)
    counts = {}
    for calibrate in (False, True):
        settings = {"pseudo_labels": PseudoLabels(calibrate=calibrate, merge="add")}
        setup = SelfTrainingSetup(labelled, source, None, smoke.model_copy(update=settings), 0)
        [cycle, _] = self_train(learner, setup, 2, labelled.boxes, None, Silent())
        counts[calibrate] = len(cycle.labels[0])
        assert (cycle.trust is not None) == calibrate
    assert counts == {False: 8, True: 11}
    assert cycle.trust.strata["inside"].recall == pytest.approx(8 / 11, abs=0.1)


@pytest.mark.parametrize("merge", get_args(PseudoLabels.model_fields["merge"].annotation))
@pytest.mark.parametrize("on_empty", get_args(PseudoLabels.model_fields["on_empty"].annotation))
def test_labels_that_a_person_corrected_are_never_changed(monkeypatch, target, source, smoke, merge, on_empty):
    boxes = [EMPTY, THREE, *target.boxes[2:]]
    corrected = replace(target, boxes=tuple(boxes), corrected=(0, 1))
    settings = {
        "pseudo_labels": PseudoLabels(merge=merge, on_empty=on_empty, size="initial"),
        "self_training": SelfTraining(ignore_doubtful=0.1, restart=True),
    }
    setup = SelfTrainingSetup(corrected, source, None, smoke.model_copy(update=settings), 0)
    seen = []

    def train(learner, batches, *arguments):
        seen.append(batches.domains)
        return {}

    monkeypatch.setattr(self_training, "train_epoch", train)
    learner = make_teacher_student(build(smoke.detector, smoke.training.image_size), smoke.training)
    doubtful = make_boxes([[0, 0, 9, 9], [40, 40, 60, 60]], [0.9, 0.2])
    predicted = [doubtful, doubtful, *[make_boxes([])] * (len(target) - 2)]
    monkeypatch.setattr(self_training, "predict_pseudo_labels", lambda *arguments: predicted)
    for cycle in self_train(learner, setup, 2, boxes, None, Silent()):
        assert same(cycle.labels[0], EMPTY) and same(cycle.labels[1], THREE)
    assert all(same(domains[name].boxes[0], EMPTY) for domains in seen for name in ("target", "corrected"))
    assert all(same(domains[name].boxes[1], THREE) for domains in seen for name in ("target", "corrected"))


# --- images whose labels are settled ----------------------------------------------------------------------------------


def settling(monkeypatch, target, source, smoke, share, start=0, last_looks=None):
    """Scales of the views that eight cycles look by, and the cycles; the first image never settles."""
    seen = []

    def found(detector, images):
        [image] = images
        factor = image.shape[0] / target.height
        seen.append(factor)
        cycle, index = divmod(seen.count(1) - 1, len(target))  # each cycle sees each image once at its size
        return [scale(THREE if index == 0 and (start + cycle) % 2 else EIGHT, factor, factor)]

    labels = PseudoLabels(settled=share, scales=[1.0, 2.0], flips=["none"])
    changed = {"pseudo_labels": labels, "training": smoke.training.model_copy(update={"epochs": 8})}
    monkeypatch.setattr(self_training, "predict_each_class", found)
    monkeypatch.setattr(self_training, "train_epoch", lambda *arguments: {})
    setup = SelfTrainingSetup(target, source, None, smoke.model_copy(update=changed), 0)
    learner = make_teacher_student(build(smoke.detector, smoke.training.image_size), smoke.training)
    return seen, list(self_train(learner, setup, start, target.boxes, None, Silent(), last_looks))


def test_settled_images_are_looked_at_by_few_views(monkeypatch, target, source, smoke):
    seen, cycles = settling(monkeypatch, target, source, smoke, 0.9)
    assert seen[: 2 * len(target)] == [1, 2] * len(target)  # all views, at first
    assert seen[2 * len(target) :] == [1, 2, *[1] * (len(target) - 1)] * 7
    for cycle in cycles:
        assert all(np.allclose(boxes.xyxy, EIGHT.xyxy[::-1], atol=1e-3) for boxes in cycle.labels[1:])
    assert [len(cycle.predicted[0]) for cycle in cycles] == [8, 3] * 4


def test_without_the_setting_all_views_look_at_every_image_in_every_cycle(monkeypatch, target, source, smoke):
    seen, cycles = settling(monkeypatch, target, source, smoke, None)
    assert seen == [1, 2] * 8 * len(target) and all(cycle.predicted is None for cycle in cycles)


def test_an_interruption_changes_nothing_in_what_is_found(monkeypatch, target, source, smoke):
    seen, cycles = settling(monkeypatch, target, source, smoke, 0.9)
    for cycle in cycles[:-1]:
        tensors = io.BytesIO()
        torch.save(stages._tensors_of(cycle), tensors)
        tensors.seek(0)
        last_looks = stages._last_looks(torch.load(tensors, weights_only=True))
        assert all(same(*pair) for pair in zip(last_looks, cycle.predicted, strict=True))
        again, _ = settling(monkeypatch, target, source, smoke, 0.9, cycle.epoch, last_looks)
        assert again == seen[-len(again) :] and len(again) == (8 - cycle.epoch) * (len(target) + 1)
