import json

import pytest
from rich.console import Console

from sissi.errors import SissiError, TrackingError
from sissi.evaluation.headroom import Share
from sissi.report.compare import compare_runs, headroom, scores
from sissi.results.headroom_table import as_json
from sissi.results.stored_ablation import read_ablation
from tests.report.conftest import Writer


@pytest.fixture(scope="module")
def other(writer, ablation):
    """An ablation in the same store with other settings and without the second seed."""
    again = Writer(writer.folder, "seeds=[0]", "pseudo_labels.score=0.7")
    return again.whole()


def test_a_line_for_each_variant_and_run_with_the_best_of_all_bold(writer, ablation, other):
    table = scores({"A": read_ablation(writer.store, ablation), "B": read_ablation(writer.store, other)})
    assert [(row[0].text, row[1].text) for row in table.rows] == [
        ("Baseline", "A"), ("Baseline", "B"), ("A + SISSI (S)", "A"), ("A + SISSI (S)", "B"),
    ]  # fmt: skip
    for column in range(3, len(table.header)):
        values = [row[column].value for row in table.rows]
        assert [row[column].bold for row in table.rows] == [value == max(values) for value in values]
    assert "±" in table.rows[0][3].text and "±" not in table.rows[1][3].text


def test_what_differs_in_the_settings_is_written_and_printed(writer, ablation, other, tmp_path):
    shown = compare_runs([ablation, other], writer.folder, tmp_path)
    console = Console(width=80, record=True)
    console.print(*shown)
    text = console.export_text()
    assert ablation in text and other in text and "pseudo_labels.score" in text and "Settings that differ." in text
    content = json.loads((tmp_path / "compare.json").read_text())
    assert content["settings"] == [
        {"key": "seeds", "A": "[0, 1]", "B": "[0]"},
        {"key": "pseudo_labels.score", "A": "0.2", "B": "0.7"},
    ]
    assert "| pseudo_labels.score | 0.2 | 0.7 |" in (tmp_path / "compare.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {
        "compare.csv", "compare.json", "compare.md", "runs.csv", "settings.csv",
    }  # fmt: skip


def test_equal_settings_are_said_to_be_equal(writer, ablation):
    console = Console(width=80, record=True)
    console.print(*compare_runs([ablation, ablation], writer.folder, None))
    assert "The settings are the same." in console.export_text()


def test_faults_are_named(writer, ablation):
    with pytest.raises(SissiError, match="needs 2 to 26 ablations, not 1"):
        compare_runs([ablation], writer.folder, None)
    with pytest.raises(TrackingError, match="run nowhere"):
        compare_runs([ablation, "nowhere"], writer.folder, None)


def test_shares_of_the_headroom_stand_side_by_side(writer, ablation, monkeypatch):
    shares = {("a+sissi-s", "reader_1", metric): Share(0.5, 0.2, 0.8, 1, 0.0) for metric in ("AP", "AR")}
    record = read_ablation(writer.store, ablation)
    assert headroom({"A": record, "B": record}) == []
    monkeypatch.setattr(type(record), "text", lambda *arguments: as_json(shares))
    [table] = headroom({"A": record, "B": record})
    assert table.header == ["variant", "run", "R1 AP", "R1 AR"]
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["A + SISSI (S)", letter, "50 [20, 80]", "50 [20, 80]"] for letter in "AB"
    ]
