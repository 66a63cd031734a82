"""The loop of correcting and training again, at the size of smoke, by the real commands."""

import csv
import json
import sys
from dataclasses import replace

import pytest

from benchmarks import ablations, loop
from benchmarks.loop import DRAWN, SUGGESTED, Point
from tests.integration.conftest import sissi

SMALLER = ("training.epochs=2", "early_learning.max_epochs=1", "early_learning.min_epoch=1", "tracking.overlays=0")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The loop in this process, in a folder of its own; gives what it printed, and the commands that it ran."""

    def begin(*arguments):
        ran = []

        def command(*words):
            ended = sissi(*words, cwd=tmp_path)
            assert ended.returncode == 0, ended.stderr
            ran.append([str(word) for word in words])

        monkeypatch.setattr(loop, "command", command)
        monkeypatch.setattr(ablations, "command", command)
        settings = [part for setting in SMALLER for part in ("--set", setting)]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["loop", "smoke", *settings, *arguments])
        loop.main()
        return capsys.readouterr().out, ran

    return begin


@pytest.mark.slow
def test_both_choices_correct_as_many_images_and_what_is_there_is_not_done_again(run, tmp_path):
    options = ("--rounds", "1", "--images", "2", "--seeds", "0", "--out", "out")
    printed, ran = run(*options)
    assert [words[0] for words in ran] == ["data", *("ablation", "labels", "suggest"), *("ablation", "labels") * 2]
    rows = list(csv.DictReader((tmp_path / "out/loop.csv").open()))
    assert [(row["choice"], row["images"]) for row in rows] == [
        (SUGGESTED, "0"),
        (SUGGESTED, "2"),
        (DRAWN, "0"),
        (DRAWN, "2"),
    ]
    assert rows[0] == {**rows[2], "choice": SUGGESTED}
    assert (tmp_path / "out/loop.png").stat().st_size > 5000
    truth = json.loads((tmp_path / "out/images/truth.json").read_text())
    named = {image["id"]: image["file_name"] for image in truth["images"]}
    for choice in (SUGGESTED, DRAWN):
        export = json.loads((tmp_path / f"out/seed-0/{choice}-1/export.json").read_text())
        corrected = {task["data"]["image"]: len(task["annotations"][0]["result"]) for task in export}
        assert len(corrected) == 2
        for name, count in corrected.items():
            assert count == sum(named[one["image_id"]] == name for one in truth["annotations"]) > 0
    assert "| 2 | suggest |" in printed and "suggest - random, 2 images" in printed
    assert run(*options) == (printed, [])


def test_the_next_images_are_those_that_suggest_names_after_the_last_ablation(tmp_path, monkeypatch):
    asked = []

    class Lab:
        names = tuple(f"{index}.png" for index in range(9))

        def point(self, place, seed, choice, corrected):
            asked.append((place.name, list(corrected)))
            return Point(seed, choice, len(corrected), *[0.0] * 5)

    named = {"start": ["7.png", "3.png"], "suggest-1": ["8.png", "1.png"]}
    monkeypatch.setattr(loop, "suggested", lambda place, count: named[place.name][:count])
    list(loop.loops(Lab(), tmp_path, 0, 2, 2))
    assert asked[:3] == [
        ("start", []),
        ("suggest-1", named["start"]),
        ("suggest-2", [*named["start"], "8.png", "1.png"]),
    ]
    (_, none), (_, two), (_, four) = asked[3:]
    assert none == [] and len(set(four)) == 4 and four[:2] == two and four != asked[2][1]


def test_the_table_has_means_over_seeds_and_the_difference_of_each(tmp_path):
    start = Point(0, SUGGESTED, 0, *[50.0] * 5)
    points = []
    for seed, gain in ((0, 4.0), (1, 1.0)):
        for choice, more in ((SUGGESTED, gain), (DRAWN, 2.0)):
            points += [replace(start, seed=seed, choice=choice)]
            points += [replace(start, seed=seed, choice=choice, images=5, ap=50 + more)]
    lines = loop.table(points).splitlines()
    assert lines[2] == "| 0 |  | 50.0 | 50.0 | 50.0 | 50.0 | 50.0 |"
    assert lines[3] == "| 5 | suggest | 52.5 | 50.0 | 50.0 | 50.0 | 50.0 |"
    assert "- ap +0.5 (+2.0, -1.0)" in lines
