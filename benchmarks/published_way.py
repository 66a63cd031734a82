"""A cycle of the method against the way of the authors' published code, written from its description.

There each of the 20 views of an image is predicted by itself, boxes are fused in plain Python, and cells are cloned
onto the whole image at every read, which nothing does ahead. Views have their sizes and labels grow, which the
published code lacks, so that both do the same work.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.row import Row, compare
from benchmarks.subjects import Demo, Forgetful, demo, one_thread, silent
from sissi.boxes import Boxes
from sissi.config import Blur, Experiment, PseudoLabels
from sissi.data.resized import Image, ResizedDataset
from sissi.detector.model import predict_each_class
from sissi.method.label_merging import next_labels
from sissi.method.pseudo_labels import fuse, views
from sissi.method.self_training import SelfTrainingSetup, self_train
from sissi.training.epoch import train_epoch
from sissi.training.mixed_batches import MixedBatches

IMAGES, EPOCH = 16, 5
MARGIN = 5
"""Pixels around a cell that are cloned with it."""


def measure() -> list[Row]:
    """One cycle of the demo's detector on one thread, with the paper's views, fusion and strong blur."""
    one_thread()
    ready = demo()
    chosen = ready.experiment.model_copy(update={"pseudo_labels": PseudoLabels(score=0.35)})
    target, blur = ready.target.take(range(IMAGES)), chosen.synthetic_images.strong
    setup = SelfTrainingSetup(target, ready.source, blur, chosen, 0)
    state = copy.deepcopy(ready.learner.state())

    def ours() -> None:
        ready.learner.restore(copy.deepcopy(state))
        next(self_train(ready.learner, setup, EPOCH - 1, target.boxes, None, Forgetful()))

    def theirs() -> None:
        ready.learner.restore(copy.deepcopy(state))
        published_cycle(ready, target, blur, chosen)

    row = compare(
        ours,
        theirs,
        repeats=3,
        what=f"a cycle of SISSI (S): labels of {IMAGES} images of the demo by 20 views, cloning, and an epoch",
        against="the published way: views one by one, fusion in Python, cloning on whole images at every read",
        goal=0.9,
        limited_by="the forward passes of the views, which both have",
    )
    ready.learner.restore(state)
    return [row]


def published_cycle(ready: Demo, target: ResizedDataset, blur: Blur, experiment: Experiment) -> None:
    """Correct the labels of all images, then train an epoch on synthetic-like ones."""
    settings = experiment.pseudo_labels.model_copy(update={"fusion": "weighted_boxes_fusion"})
    found = [_label(ready, target.read(index), settings) for index in range(len(target))]
    labels, trained = next_labels(target.boxes, target.boxes, found, settings)
    cloned = _ClonedAtRead(**vars(target.with_boxes(labels).take(trained)), blur=blur)
    training = experiment.training.model_copy(update={"workers": 0})
    train_epoch(ready.learner, MixedBatches(cloned, ready.source, training), 0, EPOCH, silent)


def _label(ready: Demo, image: Image, settings: PseudoLabels) -> Boxes:
    height, width = image.shape[:2]
    teacher = ready.learner.teacher
    per_view = [
        view.invert(predict_each_class(teacher, [view.apply(image)])[0], height, width) for view in views(settings)
    ]
    return fuse(per_view, height, width, settings)


@dataclass(frozen=True, eq=False)
class _ClonedAtRead(ResizedDataset):
    """Images of which each cell is cloned onto the whole blurred image."""

    blur: Blur

    def read(self, index: int) -> Image:
        image = super().read(index)
        whole: Image = np.asarray(cv2.GaussianBlur(image, self.blur.kernel, self.blur.sigma), np.uint8)
        for box in self.boxes[index].xyxy:
            left, top = np.maximum(np.floor(box[:2]).astype(int) - MARGIN, 1)
            right, bottom = np.minimum(np.ceil(box[2:]).astype(int) + MARGIN, (self.width - 1, self.height - 1))
            mask = np.zeros(image.shape[:2], np.uint8)
            mask[top:bottom, left:right] = 255
            x, y, width, height = cv2.boundingRect(mask)
            centre = (x + width // 2, y + height // 2)
            whole = np.asarray(cv2.seamlessClone(image, whole, mask, centre, cv2.MIXED_CLONE), np.uint8)
        return whole
