import importlib
import inspect
import json
from pathlib import Path

import pytest

import sissi
from benchmarks import report
from benchmarks.__main__ import FIGURES, SUITE
from benchmarks.profile import PARTS, run_here
from benchmarks.row import Row, compare, of_pairs
from sissi.runtime.engines import local
from sissi.runtime.events import Progress
from sissi.runtime.jobs import Job

TOLD = {"what": "ours", "against": "theirs", "goal": 0.5, "limited_by": "the lock"}


def test_two_things_are_timed_in_turn_and_each_goes_first_as_often():
    calls = []
    row = compare(lambda: calls.append("ours"), lambda: calls.append("theirs"), repeats=4, **TOLD)
    assert sorted(calls) == ["ours"] * 5 + ["theirs"] * 5
    assert [calls[k] for k in (2, 4, 6, 8)].count("ours") == 2
    assert len(row.values) == 4


def test_a_row_is_judged_by_its_median():
    row = of_pairs([(1, 4), (1, 2), (9, 10)], **TOLD)
    assert row.median == 0.5 and row.reached and (row.ours, row.theirs) == (1, 4)
    assert not of_pairs([(3, 4)], **TOLD).reached


def test_results_are_written_with_their_spread_and_their_machine(tmp_path):
    rows = [of_pairs([(1, 10), (2, 10), (3, 10)], **TOLD), of_pairs([(3, 4)], **TOLD)]
    given = report.result(rows, [("speed: dead", 61.5, "images/s")], "1.5 processes")
    report.add("one", given, tmp_path, ["one"])
    content = json.loads((tmp_path / "results.json").read_text())
    assert [(one["median"], one["reached"]) for one in content["one"]["rows"]] == [(0.2, True), (0.75, False)]
    text = (tmp_path / "results.md").read_text()
    assert "| ours | theirs | **0.200** | 0.100 - 0.300 | 0.5 | reached |" in text
    assert "| **0.750** | one repeat | 0.5 | **missed** |" in text
    assert "| speed: dead | 61.500 | images/s |" in text
    assert "torch" in text and "Python" in text and "`one` (1.5 processes)" in text


def test_a_benchmark_replaces_its_own_results_alone_and_tables_keep_the_order_of_the_suite(tmp_path):
    first, second, third = ([of_pairs([(ours, 10)], **TOLD)] for ours in (1, 2, 3))
    for name, rows in (("late", first), ("gone", second), ("early", second), ("late", third)):
        report.add(name, report.result(rows, [], "idle"), tmp_path, ["early", "late", "gone"][: 2 + (name == "gone")])
    text = (tmp_path / "results.md").read_text()
    assert text.index("**0.200**") < text.index("**0.300**") and "**0.100**" not in text and text.count("0.200") == 1


def test_a_difference_carries_its_unit():
    row = Row("help", "nothing", (0.3,), 0.5, 0.4, 0.1, "imports", unit="s more")
    given = report.result([row], [], "idle")
    assert "**0.300** s more" in report.markdown({"help": given}) and "0.300 s more" in report.line(row)


def test_the_shipped_tables_are_those_of_the_shipped_results():
    folder = Path(report.__file__).parent
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert set(results) <= {*SUITE, *FIGURES}
    assert (folder / "results.md").read_text(encoding="utf-8") == report.markdown(results)


@pytest.mark.parametrize("name", (*SUITE, *FIGURES))
def test_every_entry_of_the_suite_can_be_measured(name):
    assert callable(importlib.import_module(f"benchmarks.{name}").measure)


def test_the_command_line_row_runs():
    from benchmarks import command_line

    command_line.REPEATS, before = 1, command_line.REPEATS
    try:
        (row,) = command_line.measure()
    finally:
        command_line.REPEATS = before
    assert 0 < row.theirs < row.ours and row.unit == "s more"


def test_the_profiler_takes_the_place_of_the_jobs():
    asked, given = (inspect.signature(function).parameters for function in (local.LocalEngine.run, run_here))
    assert list(asked) == list(given)
    answers = run_here([Job("one", answer, (3,))], 1, lambda name, event: None, deterministic=False)
    assert answers["one"].value == 4


def answer(number, recorder):
    recorder.record(Progress(1, 1, "training", 1.0))
    return number + 1


def test_the_parts_of_the_profile_are_functions_of_the_package():
    sources = "\n".join(path.read_text() for path in Path(sissi.__file__).parent.rglob("*.py"))
    assert [name for name in PARTS if f"def {name}(" not in sources] == []
