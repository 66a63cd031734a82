"""Agreement between human readers about the cells of an image."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from sissi.boxes import Boxes, iou


def agreement(first: Sequence[Boxes], second: Sequence[Boxes], threshold: float = 0.5) -> float:
    """F1 of two annotations of the same images: 2 pairs / (boxes of the first + boxes of the second).

    The largest possible number of boxes is paired, each at most once, at an IoU of at least `threshold`. Annotations
    have no scores, so the pairing depends on no order, and the result is symmetric. It is NaN without any box.

    Args:
        first: boxes of one reader, one record per image.
        second: boxes of another reader, in the same order.
        threshold: lowest IoU of a pair.
    """
    paired = sum(_pairs(mine, theirs, threshold) for mine, theirs in zip(first, second, strict=True))
    boxes = sum(map(len, first)) + sum(map(len, second))
    return 2 * paired / boxes if boxes else float("nan")


def _pairs(first: Boxes, second: Boxes, threshold: float) -> int:
    if not len(first) or not len(second):
        return 0
    close = csr_matrix(iou(first, second) >= threshold)
    return int((maximum_bipartite_matching(close, perm_type="column") >= 0).sum())
