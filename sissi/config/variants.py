"""Rows of a table: the variants of the paper, the reference rows, and variants with other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sissi.config import Blur, Experiment


LabelSet = Literal["weak", "reference", "corrected"]
"""Labels of the target training images that a row is trained on; those of corrected images are corrected in each."""


@dataclass(frozen=True)
class Variant:
    """Row of table 1.

    Attributes:
        name: name on the command line.
        title: title in table 1.
        start: criterion that ends early learning (3.3): the lowest source validation loss, ADELE, a quarter of all
            epochs, or none, so that the initial labels are used to the end.
        background: background of the target images during self-training (3.5).
        labels: labels of early learning: the initial weak labels of all images, the reference labels of the images that
            have them, or the corrected labels of the corrected images.
        settings: dotted keys and values in which this variant differs, all in `BRANCH_SECTIONS`.
    """

    name: str
    title: str
    start: Literal["validation_loss", "adele", "quarter", "never"]
    background: Literal["original", "weak", "strong"]
    labels: LabelSet = "weak"
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def corrects(self) -> bool:
        """Whether the variant corrects labels."""
        return self.start != "never"


BRANCH_SECTIONS = ("deceleration", "pseudo_labels", "synthetic_images", "self_training")
"""Sections of an experiment that matter only after the trunk, so that variants may differ in them."""
CALIBRATED: dict[str, Any] = {
    "pseudo_labels.calibrate": True,
    "pseudo_labels.view_score": 0.02,
    "pseudo_labels.score": 0.5,
    "pseudo_labels.on_empty": "clear",
    "self_training.ignore_doubtful": 0.15,
}
"""Settings of the rows that take scores for probabilities."""
WEAK_ONLY, ORACLE, RECIPE = "weak-only", "oracle", "recipe"
CORRECTED_ONLY, CORRECTED_FIRST = "corrected-only", "corrected-first"
VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("baseline", "Baseline", "validation_loss", "original"),
        Variant("sissi-w", "SISSI (W)", "validation_loss", "weak"),
        Variant("sissi-s", "SISSI (S)", "validation_loss", "strong"),
        Variant("plain-a", "Plain A", "adele", "original"),
        Variant("a+sissi-w", "A + SISSI (W)", "adele", "weak"),
        Variant("a+sissi-s", "A + SISSI (S)", "adele", "strong"),
        Variant(WEAK_ONLY, "weak-only", "never", "original"),
        Variant(ORACLE, "oracle", "never", "original", labels="reference"),
        Variant(CORRECTED_ONLY, "corrected-only", "never", "original", labels="corrected"),
        Variant(
            CORRECTED_FIRST,
            "corrected-first",
            "quarter",
            "original",
            labels="corrected",
            settings=CALIBRATED | {"pseudo_labels.merge": "replace"},
        ),
        Variant(
            RECIPE,
            "recipe",
            "quarter",
            "original",
            settings=CALIBRATED | {"pseudo_labels.merge": "split", "self_training.box_loss": "initial"},
        ),
    )
}
"""Built-in variants: the six of the paper in its order, two reference rows without correction, and `recipe`.

`weak-only`, the floor, is trained for the same epochs on the initial labels; `oracle`, the ceiling, is trained on the
reference labels. The others are trained only on request. `recipe` is the best variant known beside the six: it
corrects labels as far as the weak labels themselves show that it can be trusted (docs/method.md). Two need corrected
images (data.target_corrected): `corrected-only`, a reference row, is trained on them alone; so is `corrected-first` for
a quarter of all epochs, and then it labels the other images, without their weak labels."""
DEFAULT = tuple(name for name in VARIANTS if name not in (RECIPE, CORRECTED_ONLY, CORRECTED_FIRST))
"""Default rows of a table."""
REFERENCES = tuple(variant.name for variant in VARIANTS.values() if not variant.corrects)
"""Reference rows, which take no part in the comparison."""


def settings_of_variant(variant: Variant, experiment: Experiment) -> Experiment:
    """The experiment with the settings of a variant.

    Only sections that matter after the trunk can differ, so that all variants share the trunk.

    Raises:
        pydantic.ValidationError: a key is unknown, or a value is impossible.
    """
    if not variant.settings:
        return experiment
    tree = experiment.model_dump(mode="json", exclude={"variants", "rows"})
    for dotted, value in variant.settings.items():
        *sections, key = dotted.split(".")
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[key] = value
    checked = type(experiment).model_validate(tree)
    return experiment.model_copy(update={section: getattr(checked, section) for section in BRANCH_SECTIONS})


def blur_of_variant(variant: Variant, experiment: Experiment) -> Blur | None:
    """Blur of the background of a row of table 1; None: original images."""
    settings = experiment.synthetic_images
    return {"original": None, "weak": settings.weak, "strong": settings.strong}[variant.background]


def select_variant(experiment: Experiment, name: str) -> Experiment:
    """The experiment with only one row, a built-in variant or one of `rows`."""
    own = {key: row for key, row in experiment.rows.items() if key == name}
    return experiment.model_copy(update={"variants": () if own else (name,), "rows": own})
