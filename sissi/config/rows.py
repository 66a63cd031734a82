"""The rows of an experiment's table: built-in variants, and variants with settings of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sissi.config.variants import BRANCH_SECTIONS, Variant

if TYPE_CHECKING:
    from sissi.config import Blur, Experiment


def settings_of(variant: Variant, experiment: Experiment) -> Experiment:
    """The experiment as a variant sees it: with the settings of its own.

    Only sections that matter after the trunk can differ, so that all variants share it.

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


def blur_of(variant: Variant, experiment: Experiment) -> Blur | None:
    """The background of a row of table 1; None: the original images."""
    settings = experiment.synthetic_images
    return {"original": None, "weak": settings.weak, "strong": settings.strong}[variant.background]


def only(experiment: Experiment, name: str) -> Experiment:
    """The experiment with one row alone, a built-in variant or one of its own."""
    own = {key: row for key, row in experiment.rows.items() if key == name}
    return experiment.model_copy(update={"variants": () if own else (name,), "rows": own})
