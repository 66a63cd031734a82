import csv
import json
import re
import shutil
import time

import pytest

from sissi.config.load import dump_experiment, load_experiment
from sissi.config.variants import VARIANTS
from sissi.evaluation.label_quality import label_quality
from sissi.evaluation.metrics import coco_metrics
from sissi.report.images import Images
from sissi.report.report_data import gather
from sissi.report.scores import compare
from sissi.report.write import describe, write_report
from sissi.results.stored_ablation import read_ablation
from sissi.runtime import file_digests
from sissi.runtime.cache import cache_folder
from sissi.tracking import ABLATION


def blocks(folder, kind):
    content = json.loads((folder / "report.json").read_text())
    return [block for section in content["sections"] for block in section["blocks"] if kind in block]


def test_the_page_needs_nothing_else(written):
    page = (written / "index.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert "<script" not in page and "@import" not in page and "url(" not in page
    assert page.count("<img") == page.count("data:image/png;base64,") >= 7


def test_every_figure_and_table_is_a_file_too(written):
    figures = {block["figure"] for block in blocks(written, "figure")}
    assert {path.relative_to(written).as_posix() for path in (written / "figures").iterdir()} == figures
    names = {name.removeprefix("figures/").removesuffix(".png") for name in figures}
    assert names >= {"figure_3", "figure_4", "figure_7_seed_0", "figure_8", "label_quality", "differences", "costs"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (written / "figures").iterdir())
    tables = {block["table"] for block in blocks(written, "table")}
    assert {path.stem for path in (written / "tables").iterdir()} == tables
    markdown = (written / "report.md").read_text()
    assert set(re.findall(r"\]\((figures/.*?)\)", markdown)) == figures


def test_table_1_holds_the_mean_over_seeds_and_its_spread(written, writer):
    rows = list(csv.DictReader((written / "tables" / "table_1.csv").open()))
    mine = {row.seed: row.AP for row in writer.rows if (row.variant, row.reader) == ("a+sissi-s", "reader_2")}
    found = next(row for row in rows if row["variant"] == "A + SISSI (S)")
    assert len(mine) == 2 and float(found["R2 AP"]) == pytest.approx(100 * sum(mine.values()) / 2)
    assert re.search(r"\| A \+ SISSI \(S\) \| 4 \| \*\*\d+\.\d ± \d+\.\d\*\* ", (written / "report.md").read_text())


def test_labels_that_drift_are_shown_by_their_overlap_and_area(written, writer):
    rows = {row["labels"]: row for row in csv.DictReader((written / "tables" / "label_exactness.csv").open())}
    quality = label_quality([sample.boxes for sample in writer.data.target_train], writer.data.reference)
    initial = rows["initial labels"]
    assert [float(initial[name]) for name in ("IoU, first", "IoU, last")] == pytest.approx([100 * quality.mean_iou] * 2)
    assert float(initial["area, last"]) == pytest.approx(100 * quality.size)
    shaken_little, shaken_much = (float(rows[title]["IoU, last"]) for title in ("A + SISSI (S)", "Baseline"))
    assert shaken_little > shaken_much > 50


def test_the_difference_is_that_of_the_scores_and_lies_in_its_interval(written, writer):
    rows = list(csv.DictReader((written / "tables" / "differences.csv").open()))
    assert {row["variant"] for row in rows} == {"A + SISSI (S)"} and len(rows) == 12
    for row in rows:
        mine = {
            (one.variant, one.seed): getattr(one, row["metric"]) for one in writer.rows if one.reader == row["reader"]
        }
        expected = sum(mine["a+sissi-s", seed] - mine["baseline", seed] for seed in (0, 1)) / 2
        assert float(row["difference"]) == pytest.approx(100 * expected, abs=1e-7)
        assert float(row["low"]) <= float(row["difference"]) <= float(row["high"])
        assert row["seeds"] == "2"


def test_what_failed_is_named_with_its_reason(written):
    lead = json.loads((written / "report.json").read_text())["lead"]
    assert "Plain A (seed 0): failed: SissiError: the loss is nan." in lead and len(lead) == 3


def test_the_settings_repeat_the_ablation(written, writer):
    assert load_experiment(written / "experiment.yaml") == writer.experiment


def test_the_boxes_that_the_figures_show_are_those_of_the_run(writer, ablation):
    record = read_ablation(writer.store, ablation)
    evidence = gather(record, writer.folder)
    for (variant, seed), snapshot in evidence.predictions.items():
        truth = evidence.readers["reader_3"]
        scores = coco_metrics([snapshot.boxes[name] for name in truth], list(truth.values()), 300)
        row = next(one for one in writer.rows if (one.variant, one.seed, one.reader) == (variant, seed, "reader_3"))
        assert (row.AP, row.AR_dense) == (scores.AP, scores.AR_dense)
    assert [sample.name for sample in evidence.images.target] == [sample.name for sample in writer.data.target_train]
    assert compare(evidence) == compare(evidence)
    forth, back = (compare(evidence, other)["reader_1"] for other in ("baseline", "a+sissi-s"))
    assert forth["a+sissi-s"]["AP"].value == -back["baseline"]["AP"].value


def test_images_that_have_not_changed_are_read_once_for_all_reports(writer, ablation, monkeypatch):
    read, real = [], file_digests._read

    def noted(path):
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(file_digests, "_read", noted)
    monkeypatch.setattr(file_digests, "time_ns", lambda: time.time_ns() + 3600 * 10**9)  # they changed long ago
    record = read_ablation(writer.store, ablation)
    shutil.rmtree(cache_folder(writer.folder) / "digests", ignore_errors=True)
    gather(record, writer.folder)
    first = len(read)
    assert isinstance(gather(record, writer.folder).images, Images) and len(read) == first > 0


def texts(document):
    return " ".join([*document.lead, *(block for part in document.sections for block in part.blocks
                                       if isinstance(block, str))])  # fmt: skip


def test_changed_images_leave_the_picture_figures_out_with_a_sentence(writer):
    with writer.parent() as parent:
        writer.trunk(parent, 0)
        writer.branch(parent, "baseline", 0)
        parent.dataset(name="target_train", digest="0" * 36, source="demo", role="target_train", profile={})
    document = describe(gather(read_ablation(writer.store, parent.id), writer.folder))
    assert "The figures of images are left out: data.target_train: the images have changed" in texts(document)
    assert {picture.name for picture in document.pictures()} == {
        "summary",
        "figure_7_seed_0",
        "label_quality",
        "costs",
    }


def test_an_ablation_that_has_only_just_begun_has_a_report(writer, tmp_path):
    with writer.store.start_run("begun", "ablation begun", tags=ABLATION) as parent:
        parent.text(dump_experiment(writer.experiment), "experiment.yaml")
        page = write_report(parent.id, tmp_path, writer.folder).read_text()
    assert "Baseline (seed 1): was not started." in page and "No variant has been scored yet." in page
    assert page.count("There is nothing to compare") == 2 and "This run has no recorded costs." in page


def test_a_run_that_did_not_end_shows_the_rows_of_its_finished_branches(writer):
    parent = writer.parent()
    writer.trunk(parent, 1)
    writer.branch(parent, "a+sissi-s", 1)
    record = read_ablation(writer.store, parent.id)
    assert [(row.variant, row.seed, row.reader) for row in record.rows] == [
        ("a+sissi-s", 1, f"reader_{reader}") for reader in (1, 2, 3)
    ]
    assert record.rows == [row for row in writer.rows if (row.variant, row.seed) == ("a+sissi-s", 1)][-3:]
    assert f"{VARIANTS['baseline'].title} (seed 1): was not started." in record.gaps()
