import csv
import math
from dataclasses import replace

import pytest

from sissi.boxes import EMPTY, make_boxes
from sissi.config.variants import VARIANTS
from sissi.results.ablation_results import AblationResults
from sissi.results.agreement import agreements, as_markdown, counts_by_image
from sissi.results.scores import NOBODY, summarise
from tests.results.test_table_1 import row

A, B, C = ([k, 0, k + 10, 10] for k in (0, 20, 40))
FOUND = {
    ("baseline", 0): [make_boxes([A, B]), EMPTY],
    ("a+sissi-s", 0): [make_boxes([A]), make_boxes([C])],
    ("weak-only", 0): [EMPTY, EMPTY],
}
INITIAL = [make_boxes([A]), make_boxes([C])]


def test_each_row_is_compared_with_the_initial_labels_and_with_the_others_of_its_seed():
    first, second, third = agreements(FOUND | {("baseline", 1): INITIAL}, INITIAL)[:3]
    assert (first.variant, first.seed, first.images, first.cells) == ("baseline", 0, 2, 2)
    assert first.with_initial == pytest.approx(2 * 1 / 4)
    assert first.with_others == pytest.approx((2 * 1 / 4 + 0) / 2)
    assert second.with_initial == 1 and third.with_initial == 0


def test_a_row_alone_agrees_with_nobody():
    [alone] = agreements({("baseline", 0): INITIAL}, INITIAL)
    assert math.isnan(alone.with_others)
    assert "| Baseline | 2 | 1.0 | 100.0 | - |" in as_markdown([alone])


def test_cells_are_counted_by_image_and_row():
    initial = dict(zip(("a.png", "b.png"), INITIAL, strict=True))
    first, second = counts_by_image(FOUND, initial)
    assert first == {"image": "a.png", "initial labels": 1, "baseline": 2, "a+sissi-s": 1, "weak-only": 0}
    assert second["a+sissi-s"] == 1
    assert "baseline (seed 1)" in counts_by_image(FOUND | {("baseline", 1): INITIAL}, initial)[0]


@pytest.fixture
def unscored():
    nothing = dict.fromkeys(("AP50", "AP75", "AP", "AR", "AR_dense"), math.nan)
    rows = [row(name, reader=NOBODY, **nothing) for name in ("baseline", "a+sissi-s", "weak-only")]
    counts = counts_by_image(FOUND, {"a.png": INITIAL[0], "b.png": INITIAL[1]})
    return AblationResults(rows, {}, agreements=agreements(FOUND, INITIAL), counts=counts)


def test_the_table_of_rows_that_nobody_scored_says_so_and_has_no_scores(unscored):
    text = unscored.as_markdown()
    assert text.startswith("Nobody has scored these rows") and "AP" not in text
    assert "| Baseline | 2 | 1.0 | 50.0 |" in text and "Agreement is no score" in text
    assert unscored.complete and summarise(unscored.rows) == {}


def test_rows_of_an_experiment_s_own_are_written_and_shown(tmp_path):
    own = replace(VARIANTS["baseline"], name="mine", title="my row")
    found = agreements({("mine", 0): INITIAL}, INITIAL)
    results = AblationResults([row("mine", reader=NOBODY)], {}, {"mine": own}, agreements=found)
    results.write(tmp_path)
    assert "my row" in results.as_markdown() and "mine,0,2,2,1.0" in (tmp_path / "agreement.csv").read_text()


def test_their_files_are_those_of_any_ablation_and_two_more(unscored, tmp_path):
    names = [path.name for path in unscored.write(tmp_path)]
    assert names == ["table.csv", "table.json", "table.md", "agreement.csv", "counts.csv"]
    assert [line["image"] for line in csv.DictReader((tmp_path / "counts.csv").open())] == ["a.png", "b.png"]
    assert {line["AP"] for line in csv.DictReader((tmp_path / "table.csv").open())} == {"nan"}
