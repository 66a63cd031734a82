"""The command `sissi labels`, on ablations that are written to a store."""

import json

import pytest

from sissi.boxes import same
from sissi.data.formats import FORMATS
from sissi.results.row_labels import row_labels
from sissi.results.snapshots import read_snapshot
from sissi.results.stored_ablation import read_ablation


@pytest.fixture
def labels(sissi, writer, ablation, tmp_path):
    def command(*arguments):
        return sissi("labels", ablation, "--tracking", str(writer.folder), *map(str, arguments))

    return command


def test_without_a_name_the_last_labels_of_the_whole_method_are_written(labels, writer, ablation, tmp_path):
    code, out, err = labels("--out", tmp_path / "labels.json")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"A + SISSI (S), seed 0, of run {ablation}: labels of epoch 6"
    record = read_ablation(writer.store, ablation)
    last = record.labels(record.branches["a+sissi-s", 0])[6]
    written = read_snapshot(tmp_path / "labels.json")
    assert written.sizes == last.sizes and all(same(boxes, last.boxes[name]) for name, boxes in written.boxes.items())
    assert lines[1].startswith(f"wrote {sum(map(len, last.boxes.values()))} labels of 6 images as coco to ")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_can_be_written(labels, tmp_path, format):
    code, out, _ = labels("--out", tmp_path / "found", "--format", format)
    assert code == 0 and (tmp_path / "found").is_dir()
    assert ("without their scores" in out) == (not FORMATS[format].scores)


def test_seed_epoch_and_lowest_score_can_be_chosen(labels, writer, ablation, tmp_path):
    code, out, _ = labels("--out", tmp_path / "some.json", "--variant", "baseline", "--seed", "1", "--epoch", "5",
                          "--score", "0.6")  # fmt: skip
    assert code == 0 and "Baseline, seed 1" in out and "labels of epoch 5" in out
    scores = [one["score"] for one in json.loads((tmp_path / "some.json").read_text())["annotations"]]
    assert scores and min(scores) >= 0.6
    record = read_ablation(writer.store, ablation)
    initial = row_labels(record, "baseline", epoch=0)
    assert initial.what == "initial labels"
    assert [len(sample.boxes) for sample in initial.samples] == [len(one.boxes) for one in writer.data.target_train]
    assert initial.samples[0].path.name == writer.data.target_train[0].path.name


def test_a_row_that_failed_has_the_initial_labels_and_says_why(labels, tmp_path):
    code, out, _ = labels("--out", tmp_path / "plain.json", "--variant", "plain-a")
    assert code == 0 and "initial labels, as it has corrected none yet" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--variant", "a+sisi-s"], "has no such row, did you mean a+sissi-s?; there are baseline, plain-a, a+sissi-s"),
        (["--seed", "7"], "--seed 7: row a+sissi-s has the seeds 0, 1"),
        (["--epoch", "99"], "--epoch 99: row a+sissi-s has labels of the epochs 0, 5, 6"),
    ],
)
def test_what_is_not_there_is_told(labels, tmp_path, arguments, told):
    code, _, err = labels("--out", tmp_path / "x.json", *arguments)
    assert code == 1 and told in err and not (tmp_path / "x.json").exists()


def test_a_file_that_is_there_stays(labels, tmp_path):
    (tmp_path / "labels.json").write_text("mine")
    code, _, err = labels("--out", tmp_path / "labels.json")
    assert code == 1 and "exists already" in err and (tmp_path / "labels.json").read_text() == "mine"
