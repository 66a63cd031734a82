"""Settings of self-training; pixels are those of the resized image, the input of the detector."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from sissi.config.base import Fraction, OddKernel, Settings

BoxLoss = Literal["all", "initial", "corrected"]
"""Labels of the target images that count in the loss of the boxes."""


class PseudoLabels(Settings):
    """Label correction (3.4): test-time augmentation and fusion of the views."""

    scales: tuple[PositiveFloat, ...] = Field(default=(0.8, 0.9, 1.0, 1.1, 1.2), min_length=1)
    flips: tuple[Literal["none", "horizontal", "vertical", "both"], ...] = Field(
        default=("none", "horizontal", "vertical", "both"), min_length=1
    )
    view_score: Fraction = 0.05
    """Boxes of a view below this score are not used in the fusion."""
    wbf_iou: Fraction = 0.5
    """Boxes with a larger IoU than this count as one cell and are fused."""
    fusion: Literal["wbf", "nms", "weighted_boxes_fusion", "soft_nms", "non_maximum_weighted"] = "wbf"
    """wbf, as in the paper: the boxes of one cell are averaged, weighted by their scores. nms: the box with the highest
    score stays unchanged, with its score, even if only few views contain it. The others are functions of
    ensemble_boxes. weighted_boxes_fusion: the same as wbf, slower. non_maximum_weighted: the boxes of one cell are
    averaged, weighted by their scores and their IoU with the box of the highest score, and have its score. soft_nms:
    boxes stay unchanged, but each lowers the scores of those that overlap it, by exp(-2 IoU²), without wbf_iou."""
    score: Fraction = 0.4
    """Lowest score of a pseudo label. wbf multiplies the score of a box by the share of views that contain it."""
    calibrate: bool = False
    """True: the score of a fused box is replaced by the probability that it is a cell, which is estimated from the
    initial labels (docs/method.md). So `score`, `confirm` and self_training.ignore_doubtful are probabilities. Boxes
    with low scores are needed for it: those of a view down to `view_score`."""
    border_recall: Literal["plateau", "uniform"] = "plateau"
    """With calibrate: how complete initial labels are at the border of the images. plateau: as they are found by sure
    detections there. uniform: at most as much less complete than inside as labels are rarer there than uniformly placed
    cells would be, for labels that leave out cells which the border cuts, which detectors learn with them."""
    class_scores: dict[str, Fraction] = Field(default_factory=dict)
    """Lowest score of a pseudo label of a class, by the class's name, in place of `score`."""
    class_fusion: Literal["vote", "separate"] = "vote"
    """vote: boxes of one cell are fused whatever their classes, and vote on its class, each with its score times its
    IoU with the fused box. separate: boxes of each class are fused apart, as in ensemble_boxes, so that a cell on whose
    class the views disagree gets a label of each, with lower scores."""
    initial_vote: Fraction = 0.5
    """Weight of an initial label in the vote on the class of a pseudo label that matches it, relative to all views
    together. The label's class changes if the network prefers another one by more than this share of its votes; 0: the
    views decide alone; 1: it never changes."""
    smallest: float = Field(default=0, ge=0)
    """Shortest longer side of a pseudo label, in px; smaller boxes count as debris. 0, as in the paper: no limit."""
    merge: Literal["replace", "add", "split", "refine"] = "replace"
    """replace, as in the paper: pseudo labels replace the initial labels. add: the initial labels stay, and pseudo
    labels that overlap none of them are added. split: as add, but an initial label around two or more pseudo labels is
    replaced by them, and a single pseudo label inside of an initial one is not added. refine: a pseudo label that
    matches an initial label is averaged with it, weighted by both scores."""
    confirm: Fraction | None = None
    """With merge: add or split, an initial label stays only if a box of at least this score overlaps it by more than
    wbf_iou. Default: all stay."""
    size: Literal["found", "initial"] = "found"
    """found, as in the paper: boxes have the size that the detector predicts. initial: all boxes are scaled by one
    factor, so that the median size of those that match an initial label equals that of the matched labels."""
    settled: Fraction | None = None
    """An image is settled where the views of one scale, that nearest to 1, find pseudo labels with at least this F1 (at
    wbf_iou, before a calibration) with those of its last look: what they find counts, and the other views are left out.
    With one scale, its first view decides. Default, as in the paper: all views look at every image in every cycle."""
    on_empty: Literal["keep", "clear", "drop"] = "keep"
    """An image without any pseudo label keeps its labels, becomes an image without cells, or is left out of the
    epoch."""

    @model_validator(mode="after")
    def _confirms_what_stays(self) -> Self:
        if self.confirm is not None and self.merge not in ("add", "split"):
            raise ValueError(
                f"confirm: needs merge: add or split; with merge: {self.merge} initial labels are not confirmed"
            )
        return self


class Blur(Settings):
    """Gaussian blur of the background."""

    kernel: tuple[OddKernel, OddKernel]
    """Width and height of the kernel, in px, odd."""
    sigma: float = Field(default=0, ge=0)
    """Standard deviation in px; 0: OpenCV's default for the kernel size, 0.3 ((kernel - 1) / 2 - 1) + 0.8."""


class SyntheticImages(Settings):
    """Seamless cloning of labelled cells onto a blurred background (3.5)."""

    weak: Blur = Blur(kernel=(21, 21))
    """(W) of table 1, as printed."""
    strong: Blur = Blur(kernel=(71, 71), sigma=30)
    """(S) of table 1. The printed (12, 32) is even, which a Gaussian kernel cannot be. This is the value in the code of
    the authors."""
    margin: int = Field(default=5, ge=2)
    """Margin of the cloned region around a box, in px: the outer pixels of a clone blend into the blur."""
    cloning: Literal["per_cell", "union"] = "per_cell"
    """per_cell: cells are cloned one after another, and each blends into the blur around it. union: all regions are
    cloned as one, so that touching cells have no seam, but brightness may drift in the blur between the regions."""
    shape: Literal["rectangle", "ellipse"] = "rectangle"
    """Shape of the cloned region. The corners of a rectangle contain the halo of a cell; an ellipse contains less
    background."""
    share: Fraction = 1
    """Share of the target images that are synthetic-like, with a new selection in every epoch; the others stay
    unchanged."""


class SelfTraining(Settings):
    """Training on the corrected labels (3.4, 3.5); the defaults are those of the paper."""

    mixed: bool = True
    """True: mixed batches as in early learning. False: target images replace the source images, so that the size and
    number of batches stay the same, and an epoch contains each target image more than once."""
    ignore_doubtful: Fraction | None = None
    """Boxes with a score from this value up to pseudo_labels.score are ignore regions: anchors and proposals that have
    an IoU of 0.5 or more with such a box, and match no label, count neither as cell nor as background. Default: they
    count as background."""
    box_loss: BoxLoss = "all"
    """Labels in the loss of the boxes. initial: only initial labels, so that the exactness of boxes is not learnt from
    boxes that a detector found; with pseudo_labels.merge: add or split, which keep initial labels as they are.
    corrected: only those of corrected images (data.target_corrected) and of the source domain, where initial labels
    are inexact."""
    learning_rate: PositiveFloat = 1
    """Factor on training.learning_rate."""
    restart: bool = False
    """True: after the last epoch, a network with new weights is trained on the last labels and the original images for
    the same number of epochs (noisy student, Xie et al. 2020). It has never been trained with unlabelled cells as
    background."""
