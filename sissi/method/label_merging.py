"""What becomes of the labels when pseudo labels are found: how they are merged, and what an empty image does (3.4)."""

from __future__ import annotations

from collections.abc import Sequence

from sissi.boxes import Boxes, concatenate, iou, make_boxes, match
from sissi.config import PseudoLabels


def next_labels(
    initial: Sequence[Boxes], before: Sequence[Boxes], found: Sequence[Boxes], settings: PseudoLabels
) -> tuple[list[Boxes], list[int]]:
    """The labels of the next epoch, and the indices of the images that take part in it.

    Boxes, scores and classes of an image change together, so that it can gain cells as well as lose them.

    Args:
        initial: weak labels of each image.
        before: labels of the last epoch.
        found: pseudo labels.
        settings: `merge` and `on_empty`.
    """
    keeps = settings.on_empty == "keep"
    merge = {"replace": _replace, "add": _add, "refine": _refine}[settings.merge]
    merged = [merge(weak, new, settings.wbf_iou) for weak, new in zip(initial, found, strict=True)]
    labels = [new if len(new) or not keeps else old for old, new in zip(before, merged, strict=True)]
    return labels, trained_indices(merged, settings)


def trained_indices(labels: Sequence[Boxes], settings: PseudoLabels) -> list[int]:
    """The indices of the images that are trained on: all, but with `on_empty: drop` not those without any label."""
    some = [index for index, boxes in enumerate(labels) if len(boxes) or settings.on_empty != "drop"]
    return some or list(range(len(labels)))


def confirmed(initial: Sequence[Boxes], found: Sequence[Boxes], settings: PseudoLabels) -> Sequence[Boxes]:
    """The initial labels of each image that a box of at least `config.confirm` overlaps; all, if that is left out.

    A network that has not yet memorised its labels' noise (3.2) gives next to no score to a box that is no cell.

    Args:
        initial: weak labels of each image.
        found: boxes of each image, also those below the score from which on they become labels.
        settings: `confirm` and `wbf_iou`.
    """
    lowest = settings.confirm
    if lowest is None:
        return initial
    return [
        weak.take(iou(weak, seen.take(seen.scores >= lowest)).max(axis=1, initial=0) > settings.wbf_iou)
        for weak, seen in zip(initial, found, strict=True)
    ]


def _replace(weak: Boxes, found: Boxes, overlap: float) -> Boxes:
    """The paper's: the initial labels are gone."""
    return found


def _add(weak: Boxes, found: Boxes, overlap: float) -> Boxes:
    """The initial labels stay, and what overlaps none of them is added."""
    new = found.take(iou(found, weak).max(axis=1, initial=0) <= overlap)
    return concatenate([weak, new])


def _refine(weak: Boxes, found: Boxes, overlap: float) -> Boxes:
    """A pseudo label that finds an initial label moves towards it, by the weight of both scores."""
    partner = match(found, weak, overlap)
    paired = partner >= 0
    mine, theirs = found.scores[paired, None], weak.scores[partner[paired], None]
    xyxy = found.xyxy.copy()
    xyxy[paired] = (mine * found.xyxy[paired] + theirs * weak.xyxy[partner[paired]]) / (mine + theirs)
    return make_boxes(xyxy, found.scores, found.labels)
