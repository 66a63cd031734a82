import numpy as np
import torch

from sissi import self_training
from sissi.boxes import make_boxes, same
from sissi.detector import build
from sissi.learner import make_learner
from sissi.self_training import Course, self_train, synthetic_frames, train_on_initial_labels
from sissi.settings import Blur
from sissi.synthetic_images import synthesise

THREE = make_boxes([[0, 0, 9, 9], [10, 10, 19, 19], [20, 20, 29, 29]])
EIGHT = make_boxes([[k * 5, 0, k * 5 + 4, 9] for k in range(8)], np.linspace(0.5, 0.9, 8))


class Silent:
    def progress(self, *arguments):
        pass

    def metrics(self, *arguments):
        pass


def test_synthetic_images_are_written_and_read_back_exactly(target, tmp_path):
    blur = Blur(kernel=(21, 21))
    frames = synthetic_frames(target, blur, 5, tmp_path / "synthetic")
    for k in range(len(target)):
        assert np.array_equal(frames.read(k), synthesise(target.read(k), target.boxes[k], blur, 5))
    assert frames.boxes == target.boxes


def steps(monkeypatch, target, source, smoke, tmp_path, blur):
    """The order in which algorithm 1 does its steps, and the labels of every cycle."""
    done, seen = [], []
    torch.manual_seed(0)
    detector = build(smoke.detector, smoke.training.image_size)

    def correct(*arguments):
        done.append("correct")
        return [EIGHT] * len(target)

    real_synthesise, real_train = self_training.synthetic_frames, self_training.train_epoch

    def synthetic(*arguments):
        done.append("synthesise")
        return real_synthesise(*arguments)

    def train(learner, batches, seed, epoch, progress):
        done.append(f"train {epoch}")
        seen.append([len(boxes) for boxes in batches.domains["target"].boxes])
        return real_train(learner, batches, seed, epoch, progress)

    monkeypatch.setattr(self_training, "correct", correct)
    monkeypatch.setattr(self_training, "synthetic_frames", synthetic)
    monkeypatch.setattr(self_training, "train_epoch", train)
    learner = make_learner(detector, smoke.training)
    course = Course(target, source, blur, smoke, 0, tmp_path / "synthetic")
    for cycle in self_train(learner, course, 2, target.boxes, None, Silent()):
        assert np.isfinite(list(cycle.losses.values())).all()
        done.append(f"end {cycle.epoch} with {len(cycle.labels[0])} labels")
    return done, seen


def test_algorithm_1_corrects_synthesises_then_trains_to_the_last_epoch(monkeypatch, target, source, smoke, tmp_path):
    done, seen = steps(monkeypatch, target, source, smoke, tmp_path, Blur(kernel=(21, 21)))
    cycle = ["correct", "synthesise", "train {}", "end {} with 8 labels"]
    assert done == [step.format(epoch) for epoch in (3, 4) for step in cycle]
    assert seen == [[8] * 5] * 2


def test_without_blur_the_original_images_are_trained_on(monkeypatch, target, source, smoke, tmp_path):
    done, _ = steps(monkeypatch, target, source, smoke, tmp_path, None)
    assert "synthesise" not in done and done.count("correct") == 2


def test_labels_that_somebody_has_already_are_not_made_again(monkeypatch, target, source, smoke, tmp_path):
    learner = make_learner(build(smoke.detector, smoke.training.image_size), smoke.training)
    course = Course(target, source, None, smoke, 0, tmp_path)
    monkeypatch.setattr(self_training, "correct", lambda *arguments: [THREE] * len(target))
    cycles = self_train(learner, course, 2, target.boxes, [EIGHT] * len(target), Silent())
    assert [len(cycle.labels[0]) for cycle in cycles] == [8, 3]


def test_the_reference_row_trains_every_epoch_on_the_initial_labels(target, source, smoke, tmp_path):
    learner = make_learner(build(smoke.detector, smoke.training.image_size), smoke.training)
    cycles = list(train_on_initial_labels(learner, Course(target, source, None, smoke, 0, tmp_path), 2, Silent()))
    assert [cycle.epoch for cycle in cycles] == [3, 4]
    assert all(same(one, two) for cycle in cycles for one, two in zip(cycle.labels, target.boxes, strict=True))
