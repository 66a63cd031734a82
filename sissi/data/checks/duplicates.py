"""Images that are there twice, by their pixels: training on a test image makes every score too good."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sissi.data.problems import Problems
from sissi.data.sample import Sample

TESTED = ("target_val", "target_test", "source_val")
"""Data sets that must share no image with any other: they measure what was trained on the others."""
LEAK = "image that is measured on, and in another data set as well"
TWICE = "image that is there twice"


def note_duplicates(roles: Mapping[str, Sequence[Sample]], problems: Problems) -> None:
    """Note each image whose pixels an earlier image has: an error across two data sets of which one is `TESTED`.

    Args:
        roles: samples with the digest of their pixels, by data set.
        problems: takes the duplicates.
    """
    same: dict[str, list[tuple[str, Sample]]] = defaultdict(list)
    for role, samples in roles.items():
        for sample in samples:
            if sample.content:
                same[sample.content].append((role, sample))
    for (first_role, first), *others in same.values():
        for role, sample in others:
            leaks = role != first_role and (role in TESTED or first_role in TESTED)
            kind = LEAK if leaks else TWICE
            problems.add(sample.path, kind, f"{role}; {first_role} has {first.path}", error=leaks)
