import csv
import dataclasses
import io
import json
import math

import pytest
from rich.console import Console

from sissi.config.variants import DEFAULT, VARIANTS
from sissi.results import table_1
from sissi.results.scores import Row
from sissi.runtime.tables import TerminalTable

READERS = ("reader_1", "reader_2", "reader_3")


def row(variant="baseline", reader="reader_1", seed=0, ap=0.25, **changes):
    values = {"AP50": 2 * ap, "AP75": ap / 2, "AP": ap, "AR": 1.5 * ap, "AR_dense": 1.6 * ap}
    fixed = {"ap_limit": 100, "dense_limit": 300, "start_epoch": 5, "epochs": 20, "status": "ok"}
    return Row(variant=variant, seed=seed, reader=reader, **{**values, **fixed, **changes})


@pytest.fixture
def rows():
    return [row(name, reader, ap=0.2 + 0.01 * rank) for rank, name in enumerate(DEFAULT) for reader in READERS]


def test_csv_has_a_row_for_each_variant_seed_and_reader_at_full_precision(rows):
    read = list(csv.DictReader(io.StringIO(table_1.as_csv(rows))))
    assert len(read) == 24
    assert {"variant", "seed", "reader", "AP50", "AP75", "AP", "AR", "AR_dense", "ap_limit", "dense_limit"} <= set(
        read[0]
    )
    assert float(read[4]["AP"]) == rows[4].AP


def test_json_says_null_where_there_is_no_score(rows):
    failed = row(ap=math.nan, status="its process was ended by SIGKILL")
    read = json.loads(table_1.as_json([failed]))
    assert read[0]["AP"] is None and "SIGKILL" in read[0]["status"]


def test_markdown_has_the_shape_of_table_1_with_the_best_of_the_six_bold(rows):
    lines = table_1.as_markdown(rows).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert cells[0] == ["variant", "start", *(f"R{k} {m}" for k in (1, 2, 3) for m in ("AP50", "AP75", "AP", "AR"))]
    assert [line[0] for line in cells[2:]] == [VARIANTS[name].title for name in DEFAULT]
    bold = [line[0] for line in cells[2:] if any("**" in cell for cell in line)]
    assert bold == ["A + SISSI (S)"]  # the reference rows are higher here, but outside the comparison
    assert cells[2][4] == "20.0" and cells[-1][1] == "-"


def test_seeds_are_averaged_and_a_failed_variant_leaves_a_gap_and_its_reason():
    rows = [row(seed=0, ap=0.2), row(seed=1, ap=0.4), row("plain-a", ap=math.nan, status="loss is nan")]
    text = table_1.as_markdown(rows)
    assert "30.0 ± 14.1" in text and "mean ± standard deviation over seeds 0, 1" in text
    assert "Plain A: loss is nan" in text and "| - |" in text


def test_the_terminal_table_fits_eighty_columns_unabridged(rows):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(TerminalTable(table_1.as_table(rows)))
    text = console.export_text()
    assert "…" not in text and "A + SISSI (S)" in text and text.count("AP50") == 3


def test_a_row_that_trained_longer_than_the_others_is_named():
    rows = [row("weak-only", epochs=16), row("plain-a", epochs=16), row("recipe", epochs=32)]
    assert "16 epochs each (recipe 32); " in table_1.caption(rows)
    assert "16 epochs each; " in table_1.caption(rows[:2])


def test_json_is_read_back(rows):
    gap = row("plain-a", ap=math.nan, status="loss is nan")
    assert table_1.from_json(table_1.as_json(rows)) == rows
    assert repr(table_1.from_json(table_1.as_json([gap]))) == repr([gap])


def test_with_several_seeds_the_spread_stands_below_the_mean_and_still_fits_eighty_columns(rows):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(
        TerminalTable(table_1.as_table([*rows, *(dataclasses.replace(one, seed=1, AP=0.3, AP50=0.5) for one in rows)]))
    )
    text = console.export_text()
    assert "±" in text and "…" not in text and max(map(len, text.splitlines())) <= 80


def test_files(rows, tmp_path):
    written = table_1.write(rows, tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["table.csv", "table.json", "table.md"]
    assert all(path.read_text() for path in written)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_narrow_terminal_gets_several_tables_with_whole_names_and_numbers(rows, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(TerminalTable(table_1.as_table(rows)))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width and not any("…" in line for line in lines)
    parts = sum(line.startswith("variant") for line in lines)
    assert (parts > 1) == (width < 80)
    for variant in DEFAULT:
        shown = [line.split() for line in lines if line.startswith(f"{VARIANTS[variant].title} ")]
        assert len(shown) == parts
    numbers = [word for line in lines if line.startswith("Baseline") for word in line.split() if "." in word]
    table = table_1.as_table(rows)
    assert numbers == [cell.text for cell in table.rows[0][2:]]
