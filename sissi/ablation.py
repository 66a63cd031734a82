"""The ablation: early learning once a seed, a branch a variant, one table (table 1)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sissi import config, table
from sissi.boxes import Boxes
from sissi.data.coco import to_coco
from sissi.data.datasets import DataSets, load_data
from sissi.data.problems import Problems
from sissi.data.samples import Sample
from sissi.deceleration import StartPoint
from sissi.early_learning import Trunk, start_point
from sissi.errors import SissiError
from sissi.evaluation import COCO_LIMIT
from sissi.jobs import Job, Outcome, run
from sissi.progress import Display
from sissi.settings import Experiment
from sissi.stages import Branch, Scores, branch, first_labels, trunk
from sissi.table import Row
from sissi.tracking import ABLATION, Run, Store, open_store
from sissi.variants import VARIANTS


class Ablation:
    """One ablation under way: its experiment, its data, its run in MLflow and its display."""

    def __init__(self, experiment: Experiment, data: DataSets, store: Store, parent: Run, display: Display) -> None:
        self.experiment = experiment
        self.data = data
        self.store = store
        self.parent = parent
        self.display = display
        self.folder = Path(experiment.tracking.folder).resolve() / "work" / parent.id

    def seed(self, seed: int) -> list[Row]:
        """Trunk and branches for one seed."""
        with ExitStack() as runs:
            trained = self._trunk(seed, runs)
            starts = {
                name: start_point(VARIANTS[name].start, trained, self.experiment) for name in self.experiment.variants
            }
            for reason in sorted({(start.epoch, start.reason) for start in starts.values()}):
                self.display.say("seed {}, epoch {}: {}".format(seed, *reason))
            labels = self._first_labels(seed, trained, starts)
            return self._branches(seed, trained, starts, labels, runs)

    def _trunk(self, seed: int, runs: ExitStack) -> Trunk:
        name = self._name("trunk", seed)
        tracked = self._start(name, {"sissi.stage": "trunk", "sissi.seed": str(seed)}, runs)
        job = Job(
            name,
            trunk,
            (self.experiment, seed, self.data, self.folder / f"seed_{seed}" / "trunk"),
            self.experiment.runtime.trunk_threads,
        )
        outcome = self._run([job], {name: tracked})[name]
        if outcome.error is not None:
            raise SissiError(f"early learning (seed {seed}) failed: {outcome.error}{_detail(outcome)}")
        trained: Trunk = outcome.value
        adele = start_point("adele", trained, self.experiment)
        for one in adele.fits:
            tracked.metrics(
                {"adele/relative_change": one.relative_change, "adele/a": one.a, "adele/b": one.b, "adele/c": one.c},
                one.epoch,
            )
        tracked.end("FINISHED")
        return trained

    def _first_labels(self, seed: int, trained: Trunk, starts: dict[str, StartPoint]) -> dict[int, Any]:
        """Pseudo labels of each distinct start epoch: variants that leave the trunk together share them."""
        epochs = sorted({start.epoch for name, start in starts.items() if VARIANTS[name].start != "never"})
        jobs = {
            epoch: Job(
                self._name(f"labels at {epoch}", seed),
                first_labels,
                (self.experiment, self.data, trained.checkpoints[epoch - 1]),
            )
            for epoch in epochs
        }
        outcomes = self._run(list(jobs.values()), {})
        return {epoch: outcomes[job.name].value for epoch, job in jobs.items()}

    def _branches(
        self,
        seed: int,
        trained: Trunk,
        starts: dict[str, StartPoint],
        labels: dict[int, Any],
        runs: ExitStack,
    ) -> list[Row]:
        jobs, tracked = [], {}
        for name, start in starts.items():
            full = self._name(name, seed)
            tags = {"sissi.stage": "branch", "sissi.variant": name, "sissi.seed": str(seed)}
            tracked[full] = self._start(full, tags, runs)
            tracked[full].params({"variant": name, "seed": seed, "start_epoch": start.epoch})
            tracked[full].text(start.reason, "start_point.txt")
            folder = self.folder / f"seed_{seed}" / name
            folder.mkdir(parents=True)
            task = Branch(
                VARIANTS[name], seed, start, trained.checkpoints[start.epoch - 1], labels.get(start.epoch), folder
            )
            jobs.append(Job(full, branch, (self.experiment, self.data, task)))
        outcomes = self._run(jobs, tracked)
        rows = []
        for name, start in starts.items():
            full = self._name(name, seed)
            rows += self._finish(name, seed, start, outcomes[full], tracked[full])
        return rows

    def _finish(self, name: str, seed: int, start: StartPoint, outcome: Outcome, tracked: Run) -> list[Row]:
        if outcome.error is not None:
            tracked.text(outcome.details or outcome.error, "error.txt")
            tracked.end("FAILED")
            self.display.say(f"{name} (seed {seed}) failed: {outcome.error}")
        else:
            scores: Scores = outcome.value
            tracked.model(scores.model, step=self.experiment.training.epochs)
            tracked.end("FINISHED")
        return [self._row(name, seed, reader, start, outcome) for reader in self.data.readers]

    def _row(self, name: str, seed: int, reader: str, start: StartPoint, outcome: Outcome) -> Row:
        failed = dict.fromkeys(table.METRICS, float("nan"))
        scores = failed if outcome.error is not None else outcome.value.readers[reader].as_dict()
        return Row(
            variant=name,
            seed=seed,
            reader=reader,
            **scores,
            ap_limit=COCO_LIMIT,
            dense_limit=self.experiment.evaluation.max_detections,
            start_epoch=start.epoch,
            epochs=self.experiment.training.epochs,
            status=outcome.error or "ok",
        )

    def _start(self, name: str, tags: dict[str, str], runs: ExitStack) -> Run:
        tracked = self.store.start_run(self.experiment.name, name, parent=self.parent, tags=tags)
        runs.enter_context(tracked)
        tracked.params(config.flatten(self.experiment))
        return tracked

    def _run(self, jobs: list[Job], tracked: dict[str, Run]) -> dict[str, Outcome]:
        """Run jobs side by side; what they say goes to their runs and to the display."""

        def listen(name: str, method: str, arguments: tuple[Any, ...]) -> None:
            if method == "progress":
                self.display.update(name, *arguments)
            else:
                getattr(tracked[name], method)(*arguments)

        outcomes = run(jobs, self.experiment.runtime.jobs, listen)
        for job in jobs:
            self.display.finish(job.name)
        return outcomes

    def _name(self, stage: str, seed: int) -> str:
        return stage if len(self.experiment.seeds) == 1 else f"{stage} (seed {seed})"


def run_ablation(experiment: Experiment, display: Display, out: Path | None = None) -> list[Row]:
    """Run every variant for every seed, record everything in MLflow, and give the rows of table 1.

    Args:
        experiment: all settings.
        display: shows progress and warnings.
        out: folder that receives table.csv, table.md and table.json as well.

    Raises:
        SissiError: the data, the store or early learning failed; a variant that fails leaves a gap in the table.
    """
    problems = Problems()
    data = load_data(experiment, problems)
    for line in problems.summary():
        display.warn(line)
    store = open_store(experiment.tracking.folder)
    with store.start_run(experiment.name, f"ablation {experiment.name}", tags=ABLATION) as parent:
        _describe(parent, experiment, data, problems)
        ablation = Ablation(experiment, data, store, parent, display)
        rows = [row for seed in experiment.seeds for row in ablation.seed(seed)]
        for path in table.write(rows, ablation.folder / "table"):
            parent.file(path, "table")
        parent.table(table.columns(rows), "table_1.json")
        if out is not None:
            table.write(rows, out)
        shutil.rmtree(ablation.folder)
        display.say(f"recorded in {store.uri} as run {parent.id}")
    return rows


def _describe(parent: Run, experiment: Experiment, data: DataSets, problems: Problems) -> None:
    """What this run is, so that it can be repeated."""
    parent.params(config.flatten(experiment))
    parent.text(config.dump(experiment), "experiment.yaml")
    parent.text("\n".join(problems.summary(examples=100)) or "none", "data_problems.txt")
    for role, digest in data.digests().items():
        samples = data.roles[role]
        profile = {"images": len(samples), "boxes": sum(len(sample.boxes) for sample in samples)}
        parent.dataset(name=role, digest=digest, source=str(samples[0].path.parent), role=role, profile=profile)
    for reader, boxes in data.readers.items():
        parent.json(_as_coco(data.test, boxes), f"readers/{reader}.json")
    if data.reference is not None:
        known = [
            (sample, boxes) for sample, boxes in zip(data.target, data.reference, strict=True) if boxes is not None
        ]
        parent.json(_as_coco([sample for sample, _ in known], [boxes for _, boxes in known]), "reference.json")


def _as_coco(samples: Sequence[Sample], boxes: Sequence[Boxes]) -> dict[str, Any]:
    return to_coco([(sample.name, sample.height, sample.width) for sample in samples], boxes)


def _detail(outcome: Outcome) -> str:
    return "" if outcome.details is None else f"\n{outcome.details}"
