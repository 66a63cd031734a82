"""The rule of `auto`, and the sizes and labels that follow, on real images with careful labels."""

import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.real_images import HELD_OUT, RealSet, real_sets, table
from sissi.config import WeakLabels
from sissi.data.weak_labelling import label_images, sized
from sissi.evaluation.label_quality import label_quality

REAL = Path(os.environ.get("SISSI_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
EXPECTED = {
    "t98g": ("adherent", 0.3),
    "nuclei": ("stained", 0.65),
    "draas": ("stained", 0.6),
    "bccd": ("stained", 0.55),
}
"""Pipeline for most images of a set, and F1 with nothing given, at least."""


@pytest.fixture(scope="module")
def sets() -> dict[str, RealSet]:
    if not (REAL / "t98g").is_dir():
        pytest.skip("no public images: SISSI_REAL_DATA names the folder that has t98g/, nuclei/, draas/ and bccd/")
    return {one.name: one for one in real_sets(REAL) if one.part == HELD_OUT}


@pytest.mark.parametrize("name", EXPECTED)
def test_with_nothing_given_the_pipeline_fits_and_most_cells_are_found(sets: dict[str, RealSet], name: str) -> None:
    one, (pipeline, least) = sets[name], EXPECTED[name]
    settings, found = sized(one.samples, WeakLabels(pipeline="auto"))
    assert found is not None and one.cell_size / 1.5 < found.size < one.cell_size * 1.5
    labelled = list(label_images(one.samples, settings))
    taken = Counter(item.choice.pipeline for item in labelled)
    assert taken[pipeline] >= 0.8 * len(labelled)
    quality = label_quality([item.sample.boxes for item in labelled], [sample.boxes for sample in one.samples])
    assert quality.f1 >= least


def test_the_table_has_a_line_for_each_set_and_size() -> None:
    rows = [("a, held out: cell size", 12.3, "px"), ("a, held out: dead", 0.25, ""), ("b, held out: dead", 1.0, "")]
    lines = table(rows).splitlines()
    assert lines[0].startswith("| images | cell size | `dead` |") and len(lines) == 4
    assert lines[2:] == ["| a, held out | 12 px | 0.250 |", "| b, held out | 1.000 |"]
