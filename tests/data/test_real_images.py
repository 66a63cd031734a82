"""Public images as they are published, where somebody has them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sissi.config import LabelFiles, LabelledImages
from sissi.config import TestImages as ReadersImages
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE
from sissi.data.load import load_images, load_reference, load_test
from sissi.data.problems import Problems
from sissi.data.sample import Sample

REAL = Path(os.environ.get("SISSI_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
real = pytest.mark.skipif(
    not REAL.is_dir(), reason="no public images: SISSI_REAL_DATA names the folder that has nuclei/ and bccd/"
)


def load(**settings: Any) -> tuple[list[Sample], Counter[str]]:
    """Samples and how often there was each kind of problem."""
    problems = Problems()
    samples = load_images(LabelledImages(**settings), REAL, problems, "data.target_train")
    return samples, Counter(problem.kind for problem in problems.found)


def count(samples: list[Sample]) -> tuple[int, int]:
    return len(samples), sum(len(one.boxes) for one in samples)


@real
@pytest.mark.parametrize(("part", "expected"), [("train", (470, 14_636)), ("val", (68, 2_031))])
def test_real_nuclei(part: str, expected: tuple[int, int]) -> None:
    samples, problems = load(format="cellpose", images=f"nuclei/{part}")
    assert count(samples) == expected
    assert not problems


@real
def test_real_blood_cells() -> None:
    settings = {"format": "voc", "images": "bccd/images/train", "labels": "bccd/Annotations", "classes": ("RBC", "WBC")}
    samples, problems = load(**settings)
    assert count(samples) == (224, 2_734)
    assert problems == {LABELS_WITHOUT_IMAGE: 45, "box without width or height, dropped": 1}
    settings_of_reference = LabelFiles(format="coco", labels="bccd/train_reference.json")
    reference = load_reference(settings_of_reference, samples, REAL, Problems())
    covered = [boxes for boxes in reference if boxes is not None]
    assert (len(covered), sum(map(len, covered))) == (176, 4_233)


@real
def test_real_readers() -> None:
    readers = {f"reader_{k}": LabelFiles(format="coco", labels=f"bccd/readers/reader_{k}.json") for k in (1, 2, 3)}
    problems = Problems()
    samples, found = load_test(ReadersImages(images="bccd/images/test", readers=readers), REAL, problems)
    assert len(samples) == 45
    assert [sum(map(len, boxes)) for boxes in found.values()] == [1_108, 562, 513]
    assert [problem.kind for problem in problems.found] == ["box without width or height, dropped"] * 2
