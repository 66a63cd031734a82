"""Ablations that nobody trained: runs written straight to a store, with predictions made from the readers' boxes."""

from pathlib import Path

import numpy as np
import pytest

from sissi.boxes import clip, drop_degenerate, make_boxes
from sissi.config.load import dump_experiment, load_experiment
from sissi.data.experiment_data import load_data
from sissi.data.formats.coco import to_coco
from sissi.data.problems import Problems
from sissi.evaluation.metrics import coco_metrics
from sissi.results import table_1
from sissi.results.scores import Row
from sissi.tracking import ABLATION, open_store

STARTS = {"baseline": 3, "plain-a": 4, "a+sissi-s": 4}
NOISE = {"baseline": 3.0, "a+sissi-s": 1.0}
"""How far a variant's predictions are from the first reader's boxes, in px. Plain A fails."""


def shaken(boxes, sample, noise, seed):
    random = np.random.default_rng([seed, len(boxes), round(10 * noise)])
    moved = boxes.xyxy + random.normal(0, noise, boxes.xyxy.shape)
    return drop_degenerate(clip(make_boxes(moved, random.uniform(0.3, 1, len(boxes))), sample.width, sample.height), 1)


def coco(samples, boxes):
    return to_coco([(sample.name, sample.height, sample.width) for sample in samples], boxes)


class Writer:
    """Writes an ablation to a store as the program would."""

    def __init__(self, folder, *overrides):
        self.folder = folder
        variants = f"variants=[{', '.join(STARTS)}]"
        self.experiment = load_experiment(
            Path("experiments/smoke.yaml"), [f"tracking.folder={folder}", variants, *overrides]
        )
        self.data = load_data(self.experiment, Problems())
        self.store = open_store(folder)
        self.rows = []

    def parent(self):
        parent = self.store.start_run(self.experiment.name, f"ablation {self.experiment.name}", tags=ABLATION)
        parent.text(dump_experiment(self.experiment), "experiment.yaml")
        parent.text("none", "data_problems.txt")
        for role, digest in self.data.digests().items():
            parent.dataset(name=role, digest=digest, source="demo", role=role, profile={})
        for reader, boxes in self.data.readers.items():
            parent.json(coco(self.data.target_test, boxes), f"readers/{reader}.json")
        parent.json(coco(self.data.target_train, self.data.reference), "reference.json")
        return parent

    def trunk(self, parent, seed):
        tags = {"sissi.stage": "trunk", "sissi.seed": str(seed)}
        with self.store.start_run(self.experiment.name, f"trunk (seed {seed})", parent=parent, tags=tags) as run:
            run.json(coco(self.data.target_train, [sample.boxes for sample in self.data.target_train]), self.path(0))
            run.metrics({"labels/precision": 0.75, "labels/recall": 0.4, "cost/wall_s": 61.0}, 0)
            for epoch, value in enumerate((0.1, 0.3, 0.4, 0.45), start=1):
                run.metrics({"weak_labels/AP50": value}, epoch)

    def branch(self, parent, variant, seed):
        tags = {"sissi.stage": "branch", "sissi.variant": variant, "sissi.seed": str(seed)}
        run = self.store.start_run(self.experiment.name, f"{variant} (seed {seed})", parent=parent, tags=tags)
        run.params({"variant": variant, "seed": seed, "start_epoch": STARTS[variant]})
        run.text("because the test says so", "start_point.txt")
        if variant not in NOISE:
            run.text("Traceback ...\nSissiError: the loss is nan", "error.txt")
            run.end("FAILED")
            return
        noise = NOISE[variant] * (1 + 0.2 * seed)
        for epoch in range(STARTS[variant] + 1, self.experiment.training.epochs + 1):
            found = [shaken(sample.boxes, sample, noise, epoch) for sample in self.data.target_train]
            run.json(coco(self.data.target_train, found), self.path(epoch))
            run.metrics({"labels/precision": 0.8, "labels/recall": 0.5 + 0.02 * epoch}, epoch)
        first = self.data.readers["reader_1"]
        predicted = [
            shaken(boxes, sample, noise, 7) for boxes, sample in zip(first, self.data.target_test, strict=True)
        ]
        run.json(coco(self.data.target_test, predicted), "predictions/target_test.json")
        for reader, truth in self.data.readers.items():
            scores = coco_metrics(predicted, truth, 300).as_dict()
            run.metrics({f"{reader}/{name}": value for name, value in scores.items()}, 6)
            self.rows.append(Row(variant, seed, reader, **scores, ap_limit=100, dense_limit=300,
                                 start_epoch=STARTS[variant], epochs=6))  # fmt: skip
        run.metrics({"cost/wall_s": 30.0, "cost/peak_memory_mb": 1234.0}, 6)
        run.end("FINISHED")

    def path(self, epoch):
        return f"pseudo_labels/epoch_{epoch:03d}.json"

    def whole(self):
        with self.parent() as parent:
            for seed in self.experiment.seeds:
                self.trunk(parent, seed)
                for variant in STARTS:
                    self.branch(parent, variant, seed)
            for path in table_1.write(self.rows, self.folder / "written"):
                parent.file(path, "table")
        return parent.id


@pytest.fixture(scope="session")
def writer(tmp_path_factory):
    """Writes ablations of two seeds to a store of its own."""
    return Writer(tmp_path_factory.mktemp("store"), "seeds=[0, 1]")


@pytest.fixture(scope="session")
def ablation(writer):
    """The id of an ablation of two seeds in which one variant failed."""
    return writer.whole()


@pytest.fixture(scope="session")
def written(writer, ablation, tmp_path_factory):
    """The folder of its report."""
    from sissi.report.write import write_report

    out = tmp_path_factory.mktemp("report")
    write_report(ablation, out, writer.folder)
    return out
