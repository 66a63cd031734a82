import csv
import io
import json
import math

import pytest
from rich.console import Console

from sissi.evaluation.headroom import Share, from_records
from sissi.results.ablation_results import AblationResults
from sissi.results.headroom_table import as_markdown, text
from tests.results.test_table_1 import row

SHARES = {
    (variant, reader, metric): Share(0.473, 0.12, 0.809, 1, 0.01)
    for variant in ("baseline", "a+sissi-s")
    for reader in ("reader_1", "reader_2", "reader_3")
    for metric in ("AP", "AR")
}


@pytest.fixture
def results():
    return AblationResults([row(), row("weak-only"), row("oracle")], SHARES)


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (Share(0.473, 0.12, 0.809, 1, 0.01), "47 [12, 81]"),
        (Share(-1.5, math.nan, math.nan, 1, 0.4), "-150 [-]"),
        (Share(math.nan, math.nan, math.nan, 1, 1.0), "-"),
        (None, "-"),
    ],
)
def test_a_share_is_told_in_percent(one, told):
    assert text(one) == told


def test_what_is_not_there_is_explained():
    unsure = {("baseline", "A", "AP"): Share(1.5, math.nan, math.nan, 3, 0.4)}
    assert "more than 5% of the resamples" in as_markdown(unsure) and "and seeds" in as_markdown(unsure)
    none = {("baseline", "A", "AP"): Share(math.nan, math.nan, math.nan, 1, 1.0)}
    assert "there is no headroom" in as_markdown(none) and "and seeds" not in as_markdown(none)


def test_files(results, tmp_path):
    written = results.write(tmp_path / "new")
    assert [path.name for path in written] == [
        "table.csv", "table.json", "table.md", "headroom.csv", "headroom.json",
    ]  # fmt: skip
    text = (tmp_path / "new" / "table.md").read_text()
    assert "| Baseline | **47 [12, 81]** |" in text and text.index("Baseline | 5") < text.index("Share of the headroom")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "new" / "headroom.csv").read_text())))
    assert len(rows) == 12 and float(rows[0]["value"]) == 0.473
    assert from_records(json.loads((tmp_path / "new" / "headroom.json").read_text())) == SHARES


def test_without_shares_there_is_one_table(tmp_path):
    written = AblationResults([row()], {}).write(tmp_path)
    assert [path.name for path in written] == ["table.csv", "table.json", "table.md"]
    assert "headroom" not in (tmp_path / "table.md").read_text()


def test_both_tables_fit_eighty_columns_unabridged(results):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(results.as_rich())
    text = console.export_text()
    assert "Share of the headroom" in text and text.count("[12, 81]") == 12 and "…" not in text


def test_a_failed_variant_leaves_the_results_incomplete(results):
    assert results.complete and not AblationResults([row(status="loss is nan")], {}).complete
