"""The report begins with three sentences and a picture."""

import json

import pytest

from sissi.report.report_data import gather
from sissi.report.summary import summary_section
from sissi.results.stored_ablation import read_ablation
from tests.report import conftest


def text_of(writer, run):
    section = summary_section(gather(read_ablation(writer.store, run), writer.folder))
    assert section.title == "Summary"
    return section.blocks[0], section.blocks[1:]


def test_the_summary_comes_first_and_names_the_best_row_and_its_labels(written, writer):
    first = json.loads((written / "report.json").read_text())["sections"][0]
    text = first["blocks"][0]["text"]
    assert first["blocks"][1]["figure"] == "figures/summary.png"
    scores = [row.AP for row in writer.rows if row.variant == "a+sissi-s"]
    mean = 100 * sum(scores) / len(scores)
    assert f"Of the rows that correct labels A + SISSI (S) has the highest AP, {mean:.1f} %, surely more" in text
    assert "surely more than Baseline, the next." in text
    assert "Whether correction paid is unknown: that takes scores of weak-only" in text
    assert text.endswith(
        "Of the last labels of A + SISSI (S) 80 % are right and 62 % of the cells have one; of the initial labels "
        "75 % and 40 %."
    )


@pytest.mark.parametrize(("noise", "verdict"), [(6.0, "Correction paid"), (0.1, "Correction did harm")])
def test_the_verdict_follows_from_the_intervals_against_weak_only(tmp_path, monkeypatch, noise, verdict):
    monkeypatch.setitem(conftest.STARTS, "weak-only", 4)
    monkeypatch.setitem(conftest.NOISE, "weak-only", noise)
    writer = conftest.Writer(tmp_path, "data.target_test=6")
    text, pictures = text_of(writer, writer.whole())
    assert f"{verdict}: against weak-only, without correction, its AP differs by " in text
    assert text.count("[") == len(writer.data.readers) and len(pictures) == 1


def test_an_ablation_without_scores_says_so(writer):
    with writer.parent() as parent:
        writer.trunk(parent, 0)
    text, pictures = text_of(writer, parent.id)
    assert text.startswith("No row has a score, so none is best. Whether correction paid is unknown")
    assert text.endswith("not known yet: no row has corrected any.") and not pictures
