"""What an experiment can say: typed, frozen models of every key; an unknown key or an impossible value is an error.

A string under a field is its documentation. Pixels of `image_size`, blur kernels, clone margins and anchors are pixels
of the resized image that the detector sees; pixels of weak-label settings and of all labels are those of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from sissi.variants import VARIANTS

Fraction = Annotated[float, Field(ge=0, le=1)]
Probability = Fraction


class Settings(BaseModel):
    """A section of an experiment file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _odd(kernel: int) -> int:
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a Gaussian kernel has a centre, so its size is odd and positive, not {kernel}")
    return kernel


OddKernel = Annotated[int, AfterValidator(_odd)]


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= interval[0] < interval[1]:
        raise ValueError(f"an interval is [low, high] with 0 <= low < high, not {list(interval)}")
    return interval


Interval = Annotated[tuple[float, float], AfterValidator(_ordered)]


# --- weak labels (appendix A) -----------------------------------------------------------------------------------------


class DeadCells(Settings):
    """Circle Hough transform for round, bright cells; pixels of the image file."""

    radius: Interval = (7, 15)
    """Radius of a cell, smallest and largest, in px."""
    edge_threshold: PositiveFloat = 100
    """Upper Canny threshold of the Hough transform, in grey levels; the lower one is half of it."""
    votes: PositiveFloat = 12
    """Votes that a centre needs; fewer votes find more circles and more wrong ones."""
    margin: float = Field(default=2, ge=0)
    """What a box adds to its circle on each side, in px (halo and membrane)."""
    nms_iou: Fraction = 0.2
    """Of two boxes that overlap more than this, the one with fewer votes goes."""


class AliveCells(Settings):
    """Marker-controlled watershed for spindle-shaped cells; pixels of the image file."""

    gamma: PositiveFloat = 1.2
    """Exponent of the gamma correction of intensities in [0, 1]."""
    clahe_clip: PositiveFloat = 2.0
    """Clip limit of the contrast-limited adaptive histogram equalisation."""
    clahe_tiles: PositiveInt = 8
    """Tiles of the equalisation along each side."""
    radius: PositiveInt = 3
    """Radius of the structuring element of closing and opening by reconstruction, in px: about half the width of the
    body inside its halo."""
    ground_radius: PositiveInt = 10
    """Radius of the opening that leaves the ground without cells, in px: above half a cell's width."""
    adaptive_window: OddKernel = Field(default=51, ge=3)
    """Window of the adaptive threshold that finds borders between cells, in px, odd."""
    marker_distance: PositiveInt = 8
    """Smallest distance of two markers, so of two cells' centres, in px."""
    area: Interval = (150, 4000)
    """Area of a box, smallest and largest, in square px."""
    nms_iou: Fraction = 0.3
    """Of two boxes that overlap more than this, the smaller goes."""


class InhibitedCells(Settings):
    """Edges and connected components for irregular cells; pixels of the image file."""

    illumination_radius: PositiveInt = 12
    """Largest radius of the alternating filters that estimate the uneven light, in px: above a cell's radius."""
    canny: Interval = (40, 100)
    """Canny thresholds in grey levels, low and high."""
    closing_radius: PositiveInt = 3
    """Radius of the closing that joins the edges of a cell, in px."""
    area: Interval = (110, 4000)
    """Area of a box, smallest and largest, in square px."""
    nms_iou: Fraction = 0.3
    """Of two boxes that overlap more than this, the smaller goes."""


class WeakLabels(Settings):
    """Labels by image processing instead of files (appendix A)."""

    pipeline: Literal["category", "dead", "alive", "inhibited"] = "category"
    """One pipeline for all images, or `category`: the one named by the CellLab folder (alive, inhib, dead)."""
    dead: DeadCells = DeadCells()
    alive: AliveCells = AliveCells()
    inhibited: InhibitedCells = InhibitedCells()


# --- data -------------------------------------------------------------------------------------------------------------


class LabelFiles(Settings):
    """Where labels are."""

    format: Literal["celllab", "cellpose", "voc", "coco"]
    """celllab: a text file an image; cellpose: a mask image beside each image; voc: an XML file an image; coco: one
    JSON file."""
    labels: Path
    """Folder of the label files (celllab, cellpose, voc), or the JSON file (coco)."""
    classes: tuple[str, ...] | None = None
    """Classes that count as a cell; all where it is left out."""


class LabelledImages(Settings):
    """A folder of images with labels."""

    format: Literal["celllab", "cellpose", "voc", "coco"]
    """See `LabelFiles`. A celllab folder may hold the folders alive, inhib and dead."""
    images: Path
    """Folder of the images."""
    labels: Path | None = None
    """Where the labels are; left out: beside the images (celllab, cellpose, voc)."""
    classes: tuple[str, ...] | None = None
    """Classes that count as a cell; all where it is left out."""
    weak_labels: WeakLabels | None = None
    """Make the labels by image processing instead of reading any."""
    limit: PositiveInt | None = None
    """Use this many images, spread evenly over the sorted list; all where it is left out."""

    @model_validator(mode="after")
    def _coco_needs_a_file(self) -> Self:
        if self.format == "coco" and self.labels is None and self.weak_labels is None:
            raise ValueError("format coco needs `labels`, the path of its JSON file")
        return self


class TestImages(Settings):
    """The images that every variant is scored on, and never chosen by."""

    images: Path
    """Folder of the images."""
    readers: dict[str, LabelFiles] = Field(min_length=1)
    """The independent annotations of these images: a name for each, such as reader_1."""
    limit: PositiveInt | None = None
    """Use this many images, spread evenly over the sorted list; all where it is left out."""


class FileData(Settings):
    """Images of a lab: target domain (to be labelled) and source domain (public, clean labels)."""

    kind: Literal["files"]
    folder: Path = Path()
    """Where the relative paths below start. A relative folder starts at the experiment file's own folder; given by
    --set, at the current folder."""
    target_train: LabelledImages
    """Trained on, with weak, later pseudo labels."""
    target_reference: LabelFiles | None = None
    """Truth or careful labels of (some of) the target training images: diagnosis only, nothing is chosen by it."""
    target_test: TestImages
    source_train: LabelledImages
    """Trained on with its clean labels."""
    source_val: LabelledImages
    """Model selection and tuning happen here."""


class DemoData(Settings):
    """Images that the program draws itself: see docs/demo.md."""

    kind: Literal["demo"]
    seed: int = Field(default=2022, ge=0)
    """Of the drawing; independent of the training's seeds."""
    width: int = Field(default=192, ge=96)
    """Of each image, in px."""
    height: int = Field(default=160, ge=96)
    """Of each image, in px."""
    cells: tuple[PositiveInt, PositiveInt] = (12, 28)
    """Fewest and most cells in an image."""
    target_train: int = Field(default=48, ge=3)
    """Images; a third each alive, inhibited and dead."""
    target_test: int = Field(default=24, ge=3)
    """Images, each annotated by three readers."""
    source_train: int = Field(default=64, ge=2)
    """Images."""
    source_val: int = Field(default=24, ge=2)
    """Images."""
    weak_labels: WeakLabels = WeakLabels()
    """How the initial labels of the target images are made; by default, settings that nobody tuned on the demo."""

    @model_validator(mode="after")
    def _fewest_first(self) -> Self:
        if self.cells[0] > self.cells[1]:
            raise ValueError(f"cells are [fewest, most], not {list(self.cells)}")
        return self


# --- training ---------------------------------------------------------------------------------------------------------


class Detector(Settings):
    """Faster R-CNN with a feature pyramid (4.1)."""

    preset: Literal["paper", "small"]
    """paper: ResNet-50 FPN; small: a narrow ResNet with a small head, for CPUs."""
    weights: Literal["coco", "none"] | Path = "none"
    """coco: torchvision's COCO_V1 (downloaded once); none: random; or a local file with a state dict (paper only)."""
    anchor_sizes: tuple[tuple[PositiveFloat, ...], ...] = ((12, 18), (26, 38))
    """Anchor sizes in px for each pyramid level, finest first: 2 levels (small), 5 (paper)."""
    aspect_ratios: tuple[PositiveFloat, ...] = (0.5, 1.0, 2.0)
    """Height / width of the anchors, on every level."""
    detections_per_image: PositiveInt = 300
    """Most detections in an image: more than it has cells."""
    rois_per_image: PositiveInt = 64
    """Proposals that the box head is trained on, an image."""
    proposals: PositiveInt = 300
    """Proposals that the box head sees, an image."""
    score_floor: Fraction = 0.05
    """Detections below this score are dropped by the detector itself."""
    nms_iou: Fraction = 0.5
    """Non-maximum suppression of the detector's own boxes."""

    @model_validator(mode="after")
    def _levels(self) -> Self:
        levels = {"paper": 5, "small": 2}[self.preset]
        if len(self.anchor_sizes) != levels:
            raise ValueError(
                f"anchor_sizes: preset {self.preset} has {levels} pyramid levels, {len(self.anchor_sizes)} given"
            )
        if len({len(sizes) for sizes in self.anchor_sizes}) != 1:
            raise ValueError("anchor_sizes: each level needs the same number of sizes")
        if self.preset == "small" and self.weights == "coco":
            raise ValueError("weights: coco exists for preset paper only")
        return self


class Augmentation(Settings):
    """Random changes of the training images (4.1)."""

    channel_shuffle: Probability = 0.5
    gaussian_blur: Probability = 0.2
    blur_kernel: tuple[OddKernel, OddKernel] = (3, 7)
    """Smallest and largest kernel of the Gaussian blur, in px, odd."""
    horizontal_flip: Probability = 0.5
    vertical_flip: Probability = 0.5
    shift_scale_rotate: Probability = 0.5
    shift: Fraction = 0.0625
    """Largest shift, as a fraction of the image's sides."""
    scale: Interval = (0.9, 1.1)
    """Smallest and largest factor."""
    rotate: float = Field(default=45, ge=0, le=180)
    """Largest angle, in degrees."""
    min_visibility: Fraction = 0.3
    """A box of which less than this fraction stays inside the image is dropped, not kept as a sliver."""


class Training(Settings):
    """One epoch of mixed batches is one pass over the target training images (3.2, 4.1)."""

    epochs: int = Field(ge=2)
    """Of every variant, early learning and correction together."""
    image_size: tuple[PositiveInt, PositiveInt] = (512, 512)
    """Height and width to which every image is resized, in px."""
    target_batch: PositiveInt = 4
    """Target images in a batch."""
    source_batch: PositiveInt = 4
    """Source images in a batch."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: PositiveFloat = 0.001
    momentum: Fraction = 0.9
    """Of SGD."""
    weight_decay: float = Field(default=0.0002, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    """Of the learning rate over all epochs; it depends on the epoch alone, so it is the same for every variant."""
    warmup_steps: int = Field(default=0, ge=0)
    """Iterations at the very start over which the learning rate rises linearly."""
    clip_gradient: PositiveFloat | None = None
    """Largest norm of the gradient; left out: no limit."""
    averaging: float | None = Field(default=None, gt=0, lt=1)
    """Decay, an iteration, of the running average of the weights that makes pseudo labels, curves and scores; left
    out, as in the paper: these come from the trained weights themselves."""
    augmentation: Augmentation = Augmentation()


class EarlyLearning(Settings):
    """Phase 1 (3.2, 3.3): the trunk that all variants share."""

    max_epochs: PositiveInt
    """Length of the trunk: correction starts at one of its epochs."""
    min_epoch: PositiveInt = 1
    """The lowest validation loss is searched from this epoch on: a net that predicts nothing yet may have a low one."""


class Deceleration(Settings):
    """ADELE (3.3; Liu et al., CVPR 2022)."""

    threshold: Fraction = 0.9
    """Correction starts at the first epoch whose relative change of the fitted slope exceeds this."""
    min_points: int = Field(default=4, ge=4)
    """Epochs that a fit needs: one more than the curve has parameters."""


class PseudoLabels(Settings):
    """Label correction (3.4): test-time augmentation and weighted boxes fusion."""

    scales: tuple[PositiveFloat, ...] = Field(default=(0.8, 0.9, 1.0, 1.1, 1.2), min_length=1)
    flips: tuple[Literal["none", "horizontal", "vertical", "both"], ...] = Field(
        default=("none", "horizontal", "vertical", "both"), min_length=1
    )
    view_score: Fraction = 0.05
    """Boxes of a view below this score do not take part in the fusion."""
    wbf_iou: Fraction = 0.5
    """Boxes that overlap more than this are taken for one cell and fused."""
    score: Fraction = 0.4
    """A fused box becomes a pseudo label at this score; fusion multiplies it by the share of views that found it."""
    on_empty: Literal["keep", "clear", "drop"] = "keep"
    """An image where nothing is found keeps its labels, becomes an image without cells, or sits out the epoch."""


class Blur(Settings):
    """Gaussian blur of the background."""

    kernel: tuple[OddKernel, OddKernel]
    """Width and height of the kernel, in px, odd."""
    sigma: float = Field(default=0, ge=0)
    """Standard deviation in px; 0: OpenCV's own for the kernel, 0.3 ((kernel - 1) / 2 - 1) + 0.8."""


class SyntheticImages(Settings):
    """Seamless cloning of labelled cells onto a blurred background (3.5)."""

    weak: Blur = Blur(kernel=(21, 21))
    """(W) of table 1, as printed."""
    strong: Blur = Blur(kernel=(71, 71), sigma=30)
    """(S) of table 1. The printed (12, 32) is even, which no Gaussian kernel can be; this is the authors' code's."""
    margin: int = Field(default=5, ge=2)
    """What the cloned rectangle adds to a box on each side, in px: the outer pixels of a clone blend into the blur."""


class Evaluation(Settings):
    """COCO metrics for each reader."""

    max_detections: int = Field(default=300, ge=100)
    """AR is also given with this many detections an image, since COCO's 100 cuts dense images off."""


class Tracking(Settings):
    """What goes to MLflow."""

    folder: Path = Path("mlruns")
    """Store (mlflow.db), artifacts and working files, from the current folder. MLFLOW_TRACKING_URI names a server."""
    overlays: int = Field(default=3, ge=0)
    """Target training images that are kept as pictures with their pseudo labels, every cycle."""


class Runtime(Settings):
    """How the machine is used."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    jobs: PositiveInt = 2
    """Branches trained side by side, a process each, with one thread each on a CPU."""
    trunk_threads: PositiveInt = 2
    """Threads of early learning on a CPU. A fixed number, since it can change results in the last bits."""


def _known_variants(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in VARIANTS:
            raise ValueError(f"there is no variant {name!r}; there are {', '.join(VARIANTS)}")
    return names


class Experiment(Settings):
    """Everything that decides the result of an ablation."""

    name: str = Field(min_length=1)
    """Of the MLflow experiment."""
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    """Each repeats trunk and branches."""
    variants: Annotated[tuple[str, ...], AfterValidator(_known_variants)] = Field(default=tuple(VARIANTS), min_length=1)
    """Rows of table 1, and the reference row weak-only."""
    data: Annotated[FileData | DemoData, Field(discriminator="kind")]
    detector: Detector
    training: Training
    early_learning: EarlyLearning
    deceleration: Deceleration = Deceleration()
    pseudo_labels: PseudoLabels = PseudoLabels()
    synthetic_images: SyntheticImages = SyntheticImages()
    evaluation: Evaluation = Evaluation()
    tracking: Tracking = Tracking()
    runtime: Runtime = Runtime()

    @model_validator(mode="after")
    def _phases_fit(self) -> Self:
        if self.early_learning.max_epochs >= self.training.epochs:
            raise ValueError(
                f"early_learning.max_epochs ({self.early_learning.max_epochs}) must be below training.epochs "
                f"({self.training.epochs}): correction needs at least one epoch"
            )
        if self.early_learning.min_epoch > self.early_learning.max_epochs:
            raise ValueError(
                f"early_learning.min_epoch ({self.early_learning.min_epoch}) must not exceed "
                f"early_learning.max_epochs ({self.early_learning.max_epochs})"
            )
        for key in ("seeds", "variants"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"{key}: each value once, not {list(values)}")
        return self
