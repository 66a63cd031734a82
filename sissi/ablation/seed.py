"""Variants of one seed: the trunk, a branch for each variant, and their rows of table 1."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path

from sissi.ablation import cache_keys
from sissi.ablation.branch import BranchTask
from sissi.ablation.runner import StageRunner
from sissi.ablation.stored_results import read_class_scores, read_detections, read_resampled
from sissi.boxes import Boxes
from sissi.config.variants import settings_of_variant
from sissi.errors import SissiError
from sissi.evaluation.bootstrap import Resampled
from sissi.evaluation.headroom import shares
from sissi.evaluation.metrics import COCO_LIMIT, METRICS
from sissi.method.deceleration import StartPoint, adele_start
from sissi.method.start_point import start_point
from sissi.method.trunk import Trunk
from sissi.results.agreement import agreements
from sissi.results.class_table import ClassRow
from sissi.results.scores import NOBODY, Row
from sissi.runtime.cache import Entry
from sissi.runtime.events import Metrics, Model, Params, Text
from sissi.runtime.jobs import Job, Outcome
from sissi.runtime.plans import Plan
from sissi.tracking import LocalRun

STAGES = "sissi.ablation.stages"
"""Module of the jobs, which the process that only reports does not import: see `runtime.jobs.Job.function`."""


class SeedRun:
    """Training and scores of all variants for one seed.

    Attributes:
        runner: runner of the stages.
        experiment: all settings.
        parent: run of the ablation.
        seed: experiment seed.
        variants: rows of the table by name.
        settings: settings of each variant.
        scored: results of `bootstrap.bootstrap` for each reader, by variant and seed; set by `rows`.
        class_rows: scores of each class; empty of one class; set by `rows`.
        found: without readers, the detections in each target training image, by variant and seed; set by `rows`.
        with_model: runs that have a trained detector, by variant and seed; set by `rows`.
    """

    def __init__(self, runner: StageRunner, parent: LocalRun, seed: int) -> None:
        self.runner = runner
        self.experiment = runner.experiment
        self.parent = parent
        self.seed = seed
        self.variants = self.experiment.table_rows
        self.settings = {name: settings_of_variant(variant, self.experiment) for name, variant in self.variants.items()}
        self.scored: dict[tuple[str, int], dict[str, Resampled]] = {}
        self.class_rows: list[ClassRow] = []
        self.found: dict[tuple[str, int], list[Boxes]] = {}
        self.with_model: dict[tuple[str, int], LocalRun] = {}

    def rows(self) -> Plan[list[Row]]:
        """Plan that trains trunk and branches, and returns the rows of table 1."""
        shared = any(variant.labels == "weak" for variant in self.variants.values())
        trained = (yield from self.trunk()) if shared else Trunk((), (), (), 0.0)
        starts = {name: start_point(variant, trained, self.settings[name]) for name, variant in self.variants.items()}
        for reason in sorted({(start.epoch, start.reason) for start in starts.values()}):
            self.runner.display.log("seed {}, epoch {}: {}".format(self.seed, *reason))
        branches = {
            name: self.runner.branch(self.settings[name], self.variants[name], self.seed, trained, start)
            for name, start in starts.items()
        }
        if any(task.lacks_checkpoint for task in branches.values()):
            self.runner.display.log(f"seed {self.seed}: early learning again, as a row starts where none had started")
            yield from self.trunk("train_trunk_again")
        yield from self._first_labels(branches)
        with ExitStack() as runs:
            rows = yield from self._branches(starts, branches, runs)
        if shared and all(row.status == "ok" for row in rows):
            kept = {task.checkpoint for task in branches.values()} | {trained.checkpoints[-1]}
            work = (self.runner.trunk(self.seed), [path for path in kept if path])
            yield [Job(self._name("checkpoints"), f"{STAGES}:thin_trunk", work)]
        return rows

    def trunk(self, stage: str = "train_trunk_stage") -> Plan[Trunk]:
        """Plan of early learning by a function of the stages, recorded in its own run."""
        with ExitStack() as runs:
            return (yield from self._trunk(stage, self._start(self._name("trunk"), {"sissi.stage": "trunk"}, runs)))

    def _trunk(self, stage: str, tracked: LocalRun) -> Plan[Trunk]:
        name = tracked.name
        work = (self.experiment, self.seed, self.runner.data, self.runner.trunk(self.seed))
        job = Job(name, f"{STAGES}:{stage}", work, self.experiment.runtime.trunk_threads)
        self.runner.runs_of[name] = [tracked]
        outcome = (yield [job])[name]
        if outcome.error is not None:
            raise SissiError(f"early learning (seed {self.seed}) failed: {outcome.error}{_detail(outcome)}")
        trained: Trunk = outcome.value
        for fit in adele_start(trained.ap50, self.experiment.deceleration).fits:
            fitted = {"relative_change": fit.relative_change, "a": fit.a, "b": fit.b, "c": fit.c}
            tracked.record(Metrics({f"adele/{name}": value for name, value in fitted.items()}, fit.epoch))
        return trained

    def _first_labels(self, branches: dict[str, BranchTask]) -> Plan[None]:
        """Compute pseudo labels for each start; variants with the same start and label settings share them."""
        missing: dict[Path, Job] = {}
        for name, task in branches.items():
            entry = task.first_labels
            if entry is not None and task.entry.result is None and entry.folder not in missing:
                work = (self.settings[name], self.runner.data, task.checkpoint, entry)
                missing[entry.folder] = Job(self._name(f"labels of {name}"), f"{STAGES}:label_checkpoint", work)
        outcomes = yield list(missing.values())
        for outcome in outcomes.values():
            if outcome.error is not None:
                raise SissiError(f"label correction (seed {self.seed}) failed: {outcome.error}{_detail(outcome)}")

    def _branches(
        self, starts: dict[str, StartPoint], branches: dict[str, BranchTask], runs: ExitStack
    ) -> Plan[list[Row]]:
        """Train all branches; equal branches are trained once and recorded in the run of each of their variants."""
        tracked = {name: self._start_branch(name, start, runs) for name, start in starts.items()}
        groups: dict[Path, list[str]] = {}
        for name, task in branches.items():
            groups.setdefault(task.entry.folder, []).append(name)
        longest_first = sorted(groups.values(), key=lambda names: branches[names[0]].start)
        jobs = []
        entries = {name: self._scores(task) for name, task in branches.items()}
        for names in longest_first:
            work = (self.settings[names[0]], self.runner.data, branches[names[0]], entries[names[0]])
            job = Job(self._name(" = ".join(names)), f"{STAGES}:train_and_score_branch", work)
            jobs.append(job)
            self.runner.runs_of[job.name] = [tracked[name] for name in names]
        outcomes = yield jobs
        by_name = {name: outcomes[job.name] for job, names in zip(jobs, longest_first, strict=True) for name in names}
        finished = {name: entries[name] for name in starts if by_name[name].error is None}
        if readers := self.runner.data.readers:
            self.scored = {(name, self.seed): read_resampled(entry, readers) for name, entry in finished.items()}
            self.class_rows = [
                ClassRow(name, self.seed, reader, score)
                for name, entry in finished.items()
                for reader, scores in read_class_scores(entry).items()
                for score in scores
            ]
            self._log_headroom(tracked)
        else:
            score = self.experiment.pseudo_labels.score
            self.found = {(name, self.seed): read_detections(entry, score) for name, entry in finished.items()}
            self._log_agreement(tracked)
        return [row for name in starts for row in self._finish(name, starts[name], by_name[name], tracked[name])]

    def _scores(self, task: BranchTask) -> Entry:
        """Entry of the scores of a branch, or without readers of its detections."""
        runner = self.runner
        if not runner.data.readers:
            return runner.entry("detections", cache_keys.detections_key(task.entry, runner.digests))
        return runner.entry("scores", cache_keys.scores_key(self.experiment, task.entry, runner.digests))

    def _log_headroom(self, tracked: dict[str, LocalRun]) -> None:
        """Record the shares of the headroom for this seed with the scores of each variant."""
        for (name, reader, metric), share in shares(self.scored).items():
            if math.isfinite(share.value):
                values = {f"{reader}/headroom_{metric}": share.value}
                tracked[name].record(Metrics(values, self._last_epoch(name)))

    def _log_agreement(self, tracked: dict[str, LocalRun]) -> None:
        """Record how many cells each variant finds in the training images, and how far it agrees with the others."""
        initial = [sample.boxes for sample in self.runner.data.target_train]
        for one in agreements(self.found, initial):
            values = {
                "detections/count": float(one.cells),
                "agreement/initial_labels": one.with_initial,
                "agreement/other_rows": one.with_others,
            }
            known = {key: value for key, value in values.items() if math.isfinite(value)}
            tracked[one.variant].record(Metrics(known, self._last_epoch(one.variant)))

    def _start_branch(self, name: str, start: StartPoint, runs: ExitStack) -> LocalRun:
        tracked = self._start(self._name(name), {"sissi.stage": "branch", "sissi.variant": name}, runs)
        tracked.record(Params({"variant": name, "start_epoch": start.epoch, **self.variants[name].settings}))
        tracked.record(Text(start.reason, "start_point.txt"))
        return tracked

    def _finish(self, name: str, start: StartPoint, outcome: Outcome, tracked: LocalRun) -> list[Row]:
        if outcome.error is not None:
            tracked.record(Text(outcome.details or outcome.error, "error.txt"))
            tracked.end("FAILED")
            self.runner.display.log(f"{name} (seed {self.seed}) failed: {outcome.error}")
        else:
            tracked.record(Model(outcome.value[0], "model", self._last_epoch(name)))
            self.with_model[name, self.seed] = tracked
            tracked.end("FINISHED")
        return [self._row(name, reader, start, outcome) for reader in self.runner.data.readers or (NOBODY,)]

    def _row(self, name: str, reader: str, start: StartPoint, outcome: Outcome) -> Row:
        unknown = dict.fromkeys(METRICS, float("nan"))
        scores = outcome.value[1].get(reader, unknown) if outcome.error is None else unknown
        return Row(
            variant=name,
            seed=self.seed,
            reader=reader,
            **scores,
            ap_limit=COCO_LIMIT,
            dense_limit=self.experiment.evaluation.max_detections,
            start_epoch=start.epoch,
            epochs=self._last_epoch(name),
            status=outcome.error or "ok",
        )

    def _last_epoch(self, name: str) -> int:
        return self.settings[name].last_epoch(self.variants[name].corrects)

    def _start(self, name: str, tags: dict[str, str], runs: ExitStack) -> LocalRun:
        labelled = {**tags, "sissi.seed": str(self.seed)}
        tracked = self.runner.session.run(self.experiment.name, name, parent=self.parent, tags=labelled)
        runs.enter_context(tracked)
        tracked.record(Params({"seed": self.seed}))
        return tracked

    def _name(self, stage: str) -> str:
        return stage if len(self.experiment.seeds) == 1 else f"{stage} (seed {self.seed})"


def _detail(outcome: Outcome) -> str:
    return "" if outcome.details is None else f"\n{outcome.details}"
