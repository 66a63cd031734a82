"""The ablation: early learning once a seed, a branch a variant, one table (table 1)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sissi import config, stage_keys, table
from sissi.boxes import Boxes
from sissi.cache import Cache, Entry
from sissi.data.check import check_cheaply
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
from sissi.settings import Blur, Experiment
from sissi.stages import Branch, branch, device_of, first_labels, machine_of, scores, trunk
from sissi.table import Row
from sissi.tracking import ABLATION, RecordedRun, Recording, open_recording
from sissi.variants import VARIANTS, Variant


class Workshop:
    """Where stages are run and their work is kept: what has been done already is only told again."""

    def __init__(
        self,
        experiment: Experiment,
        data: DataSets,
        digests: dict[str, str],
        recording: Recording,
        display: Display,
        fresh: bool = False,
    ) -> None:
        self.experiment = experiment
        self.data = data
        self.digests = digests
        self.recording = recording
        self.display = display
        self.cache = Cache(cache_folder(experiment))
        self.machine = machine_of(device_of(experiment))
        self._to_forget = fresh
        self._seen: set[Path] = set()

    def trunk(self, seed: int) -> Entry:
        """The place of the early learning of a seed."""
        return self.entry("trunk", stage_keys.trunk(self.experiment, seed, self.digests, self.machine))

    def branch(self, experiment: Experiment, variant: Variant, seed: int, trained: Trunk, start: StartPoint) -> Branch:
        """What a variant does after the trunk; equal for variants that only differ in name."""
        entry, corrects, blur = self.trunk(seed), variant.corrects, blur_of(variant, experiment)
        content = stage_keys.branch(experiment, entry, start.epoch, corrects, blur, self.digests)
        return Branch(
            entry=self.entry("branch", content),
            seed=seed,
            start=start.epoch,
            checkpoint=trained.checkpoints[start.epoch - 1],
            corrects=corrects,
            blur=blur,
            first_labels=self.labels(experiment, seed, start.epoch) if corrects else None,
        )

    def labels(self, experiment: Experiment, seed: int, epoch: int) -> Entry:
        """The place of the first pseudo labels after an epoch of the trunk."""
        return self.entry("labels", stage_keys.first_labels(experiment, self.trunk(seed), epoch))

    def entry(self, kind: str, content: dict[str, Any]) -> Entry:
        """The place of a piece of work; where everything is begun afresh, emptied when it is first asked for."""
        entry = self.cache.entry(kind, content)
        if self._to_forget and entry.folder not in self._seen:
            self.cache.remove(entry)
        self._seen.add(entry.folder)
        return entry

    def run(self, jobs: Sequence[Job], told: dict[str, list[RecordedRun]]) -> dict[str, Outcome]:
        """Run jobs side by side; what they say goes to their runs and to the display."""

        def listen(name: str, method: str, arguments: tuple[Any, ...]) -> None:
            self.tell(name, told.get(name, []), method, arguments)

        runtime = self.experiment.runtime
        outcomes = run(jobs, runtime.jobs, listen, deterministic=runtime.deterministic)
        for job in jobs:
            self.display.finish(job.name)
        return outcomes

    def tell(self, name: str, runs: Sequence[RecordedRun], method: str, arguments: tuple[Any, ...]) -> None:
        """Pass on what a job says: to the display, or to its runs."""
        if method == "progress":
            self.display.update(name, *arguments)
        elif method == "say":
            self.display.warn(*arguments)
        else:
            for one in runs:
                getattr(one, method)(*arguments)
            self.recording.deliver()


class Ablation:
    """The variants of one seed under way."""

    def __init__(self, workshop: Workshop, parent: RecordedRun, seed: int) -> None:
        self.workshop = workshop
        self.experiment = workshop.experiment
        self.parent = parent
        self.seed = seed

    def rows(self) -> list[Row]:
        """Trunk and branches for one seed."""
        trained = self.trunk()
        starts = {
            name: start_point(VARIANTS[name].start, trained, self.experiment) for name in self.experiment.variants
        }
        for reason in sorted({(start.epoch, start.reason) for start in starts.values()}):
            self.workshop.display.say("seed {}, epoch {}: {}".format(self.seed, *reason))
        branches = {
            name: self.workshop.branch(self.experiment, VARIANTS[name], self.seed, trained, start)
            for name, start in starts.items()
        }
        self._first_labels(branches)
        with ExitStack() as runs:
            return self._branches(starts, branches, runs)

    def trunk(self) -> Trunk:
        """Early learning, in a run of its own."""
        with ExitStack() as runs:
            return self._trunk(self._start(self._name("trunk"), {"sissi.stage": "trunk"}, runs))

    def _trunk(self, tracked: RecordedRun) -> Trunk:
        name = tracked.name
        work = (self.experiment, self.seed, self.workshop.data, self.workshop.trunk(self.seed))
        job = Job(name, trunk, work, self.experiment.runtime.trunk_threads)
        outcome = self.workshop.run([job], {name: [tracked]})[name]
        if outcome.error is not None:
            raise SissiError(f"early learning (seed {self.seed}) failed: {outcome.error}{_detail(outcome)}")
        trained: Trunk = outcome.value
        for one in start_point("adele", trained, self.experiment).fits:
            tracked.metrics(
                {"adele/relative_change": one.relative_change, "adele/a": one.a, "adele/b": one.b, "adele/c": one.c},
                one.epoch,
            )
        return trained

    def _first_labels(self, branches: dict[str, Branch]) -> None:
        """Pseudo labels of each distinct start epoch: variants that leave the trunk together share them."""
        missing = {
            task.start: Job(
                self._name(f"labels at {task.start}"),
                first_labels,
                (self.experiment, self.workshop.data, task.checkpoint, task.first_labels),
            )
            for task in branches.values()
            if task.first_labels is not None and task.entry.result is None
        }
        outcomes = self.workshop.run(list(missing.values()), {})
        for outcome in outcomes.values():
            if outcome.error is not None:
                raise SissiError(f"label correction (seed {self.seed}) failed: {outcome.error}{_detail(outcome)}")

    def _branches(self, starts: dict[str, StartPoint], branches: dict[str, Branch], runs: ExitStack) -> list[Row]:
        """Equal branches are trained once, and told to the run of each of their variants."""
        tracked = {name: self._start_branch(name, start, runs) for name, start in starts.items()}
        groups: dict[Path, list[str]] = {}
        for name, task in branches.items():
            groups.setdefault(task.entry.folder, []).append(name)
        jobs, told = [], {}
        for names in groups.values():
            job = Job(self._name(" = ".join(names)), branch_and_scores, self._work(branches[names[0]]))
            jobs.append(job)
            told[job.name] = [tracked[name] for name in names]
        outcomes = self.workshop.run(jobs, told)
        by_name = {name: outcomes[job.name] for job, names in zip(jobs, groups.values(), strict=True) for name in names}
        return [row for name in starts for row in self._finish(name, starts[name], by_name[name], tracked[name])]

    def _work(self, task: Branch) -> tuple[Any, ...]:
        workshop = self.workshop
        place = workshop.entry("scores", stage_keys.scores(self.experiment, task.entry, workshop.digests))
        return self.experiment, workshop.data, task, place

    def _start_branch(self, name: str, start: StartPoint, runs: ExitStack) -> RecordedRun:
        tracked = self._start(self._name(name), {"sissi.stage": "branch", "sissi.variant": name}, runs)
        tracked.params({"variant": name, "start_epoch": start.epoch})
        tracked.text(start.reason, "start_point.txt")
        return tracked

    def _finish(self, name: str, start: StartPoint, outcome: Outcome, tracked: RecordedRun) -> list[Row]:
        if outcome.error is not None:
            tracked.text(outcome.details or outcome.error, "error.txt")
            tracked.end("FAILED")
            self.workshop.display.say(f"{name} (seed {self.seed}) failed: {outcome.error}")
        else:
            tracked.model(outcome.value[0], "model", self.experiment.training.epochs)
            tracked.end("FINISHED")
        return [self._row(name, reader, start, outcome) for reader in self.workshop.data.readers]

    def _row(self, name: str, reader: str, start: StartPoint, outcome: Outcome) -> Row:
        failed = dict.fromkeys(table.METRICS, float("nan"))
        return Row(
            variant=name,
            seed=self.seed,
            reader=reader,
            **(failed if outcome.error is not None else outcome.value[1][reader]),
            ap_limit=COCO_LIMIT,
            dense_limit=self.experiment.evaluation.max_detections,
            start_epoch=start.epoch,
            epochs=self.experiment.training.epochs,
            status=outcome.error or "ok",
        )

    def _start(self, name: str, tags: dict[str, str], runs: ExitStack) -> RecordedRun:
        labelled = {**tags, "sissi.seed": str(self.seed)}
        tracked = self.workshop.recording.run(self.experiment.name, name, parent=self.parent, tags=labelled)
        runs.enter_context(tracked)
        tracked.params({"seed": self.seed})
        return tracked

    def _name(self, stage: str) -> str:
        return stage if len(self.experiment.seeds) == 1 else f"{stage} (seed {self.seed})"


def run_ablation(
    experiment: Experiment, display: Display, out: Path | None = None, *, offline: bool = False, fresh: bool = False
) -> list[Row]:
    """Run every variant for every seed, record everything in MLflow, and give the rows of table 1.

    An ablation of the same settings, data and code that was interrupted is gone on with, in the same runs.

    Args:
        experiment: all settings.
        display: shows progress and warnings.
        out: folder that receives table.csv, table.md and table.json as well.
        offline: record on this machine alone, for `sissi upload`.
        fresh: train everything again, whatever is there.

    Raises:
        SissiError: the data, the store or early learning failed; a variant that fails leaves a gap in the table.
    """
    data, problems = load_checked(experiment, display)
    digests = stage_keys.digests(data)
    cache = Cache(cache_folder(experiment))
    key = cache.entry("ablation", {"settings": experiment.model_dump(mode="json"), "data": digests}).digest[:16]
    with open_recording(experiment.tracking.folder, key, offline=offline, fresh=fresh, tell=display.say) as recording:
        if recording.interrupted:
            display.say("going on with the ablation that was interrupted (--fresh starts over)")
        name = f"ablation {experiment.name}"
        with recording.run(experiment.name, name, tags=ABLATION) as parent:
            _describe(parent, experiment, data, problems)
            workshop = Workshop(experiment, data, digests, recording, display, fresh)
            rows = [row for seed in experiment.seeds for row in Ablation(workshop, parent, seed).rows()]
            folder = recording.folder / "table"
            for path in table.write(rows, folder):
                parent.file(path, "table")
            parent.table(table.columns(rows), "table_1.json")
            parent.end("FINISHED" if all(row.status == "ok" for row in rows) else "FAILED")
        if out is not None:
            table.write(rows, out)
        cache.prune(experiment.tracking.cache_gb * 1e9)
    return rows


def load_checked(experiment: Experiment, display: Display) -> tuple[DataSets, Problems]:
    """The data of an experiment, and what is odd about them, which is shown as well.

    Raises:
        DataError: they cannot be used.
    """
    problems = Problems()
    data = load_data(experiment, problems)
    check_cheaply(experiment, data, problems)
    for line in problems.summary():
        display.warn(line)
    return data, problems


def branch_and_scores(experiment: Experiment, data: DataSets, task: Branch, place: Entry, record: Any) -> Any:
    """A variant to its end: the file of the detector, and its metrics for each reader."""
    branch(experiment, data, task, record)
    return task.model, scores(experiment, data, task.model, place, record)


def cache_folder(experiment: Experiment) -> Path:
    """Where the work of an experiment is kept."""
    return experiment.tracking.folder.resolve() / "cache"


def blur_of(variant: Variant, experiment: Experiment) -> Blur | None:
    """The background of a row of table 1; None: the original images."""
    settings = experiment.synthetic_images
    return {"original": None, "weak": settings.weak, "strong": settings.strong}[variant.background]


def _describe(parent: RecordedRun, experiment: Experiment, data: DataSets, problems: Problems) -> None:
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
