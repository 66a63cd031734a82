from types import SimpleNamespace

import pytest

from sissi.boxes import EMPTY, make_boxes
from sissi.config.variants import VARIANTS
from sissi.report.headroom import headroom_section
from sissi.report.report_data import ReportData
from sissi.results.snapshots import Snapshot

CELL = make_boxes([[0, 0, 10, 10]])
NAMES = [f"{number}.png" for number in range(20)]


def evidence(**found):
    """An ablation with a cell an image; variants that find it in the first so many images."""
    predictions = {
        (variant.replace("_", "-"), seed): Snapshot(
            dict.fromkeys(NAMES, (20, 20)), {name: CELL if k < count else EMPTY for k, name in enumerate(NAMES)}
        )
        for variant, count in found.items()
        for seed in (0, 1)
    }
    readers = {reader: dict.fromkeys(NAMES, CELL) for reader in ("reader_1", "reader_2")}
    return ReportData(SimpleNamespace(known=VARIANTS), predictions, readers, {}, "none")


def test_the_page_tells_the_share_of_each_variant_with_its_interval():
    section = headroom_section(evidence(baseline=12, weak_only=8, oracle=18))
    table = section.blocks[2]
    assert table.header == ["variant", "R1 AP", "R1 AR", "R2 AP", "R2 AR"]
    assert [row[0].text for row in table.rows] == ["Baseline"]
    assert table.rows[0][2].value == pytest.approx(40) and table.rows[0][2].bold
    first = table.records()[1]
    assert (first["variant"], first["reader"], first["metric"], first["seeds"]) == ("baseline", "reader_1", "AR", 2)
    assert first["value"] == pytest.approx(40) and 0 < first["low"] < 40 < first["high"] < 100
    assert "performance gap recovered" in section.blocks[0]


def test_without_an_oracle_a_sentence_says_what_is_missing():
    assert "of oracle and of a variant" in headroom_section(evidence(baseline=12, weak_only=8)).blocks[0]
