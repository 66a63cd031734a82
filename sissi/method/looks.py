"""Another look at an image: by the views of one scale, and by all where these find something new."""

from __future__ import annotations

from collections.abc import Sequence

from sissi.boxes import Boxes, match
from sissi.config import Experiment, PseudoLabels
from sissi.detector.ignore_regions import split_by_score
from sissi.method.pseudo_labels import Image, Predict, View, fuse, predict_views, views


def look_again(
    predict: Predict, image: Image, settings: PseudoLabels, initial: Boxes, before: Boxes, experiment: Experiment
) -> Boxes:
    """Pseudo labels of an image that was looked at before.

    Args:
        predict: function that predicts boxes for a batch of images.
        image: RGB image, shape (H, W, 3), uint8.
        settings: views, and settings of the fusion.
        initial: weak labels of the image, which vote on classes, in px of it.
        before: what the last look found, in px of the image.
        experiment: setting `pseudo_labels.settled`, and those that tell labels from other boxes.

    Returns:
        What the first views find, if the image is settled; else what all views find, as `pseudo_labels` does.
    """
    height, width = image.shape[:2]
    every = views(settings)
    few = first_views(every)
    found = dict(zip(few, predict_views(predict, image, few), strict=True))
    of_few = fuse(list(found.values()), height, width, settings, initial)
    if agree(before, of_few, experiment):
        return of_few
    others = [view for view in every if view not in found]
    found |= zip(others, predict_views(predict, image, others), strict=True)
    return fuse([found[view] for view in every], height, width, settings, initial)


def first_views(every: Sequence[View]) -> list[View]:
    """The views of the scale nearest to 1; of a single scale the first view alone."""
    nearest = min((view.scale for view in every), key=lambda scale: abs(scale - 1))
    chosen = [view for view in every if view.scale == nearest]
    return chosen if len(chosen) < len(every) else chosen[:1]


def agree(before: Boxes, now: Boxes, experiment: Experiment) -> bool:
    """Whether the pseudo labels of two looks at an image agree, by their F1; never without the setting."""
    smallest = experiment.pseudo_labels.settled
    if smallest is None:
        return False
    (old, _), (new, _) = (split_by_score(boxes, experiment) for boxes in (before, now))
    same = (match(new, old, experiment.pseudo_labels.wbf_iou) >= 0).sum()
    return bool(2 * same >= smallest * (len(old) + len(new)))
