"""Ablation, from an experiment to its table: every variant for every seed, recorded in MLflow (table 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sissi.ablation import cache_keys
from sissi.ablation.run_description import description, log_description
from sissi.ablation.runner import StageRunner, engine_of
from sissi.ablation.seed import SeedRun
from sissi.config import Experiment
from sissi.config.variants import ORACLE
from sissi.data.checks.check import load_checked
from sissi.data.experiment_data import ExperimentData
from sissi.errors import SissiError
from sissi.evaluation.headroom import shares
from sissi.results import table_1
from sissi.results.ablation_results import AblationResults
from sissi.results.agreement import agreements, counts_by_image
from sissi.results.next_steps import LoggedRuns
from sissi.runtime.cache import Cache, cache_folder
from sissi.runtime.events import File, Table, Tags
from sissi.runtime.progress import Display
from sissi.tracking import ABLATION, DESCRIPTION, LocalRun, TrackingSession, open_session


def run_ablation(
    experiment: Experiment, display: Display, *, offline: bool = False, fresh: bool = False
) -> AblationResults:
    """Run every variant for every seed, record everything in MLflow, and return the results.

    An interrupted ablation with the same settings, data and code is continued in the same runs.

    Args:
        experiment: all settings.
        display: display of progress and warnings.
        offline: whether to record only on this machine, for `sissi upload`.
        fresh: whether to train everything from scratch, without the cache.

    Raises:
        SissiError: unusable data or store, or failed early learning; a failed variant only leaves a gap in the table.
    """
    data, problems = load_checked(experiment, display.warn)
    experiment = without_missing_oracle(experiment, data, display.log)
    if not data.readers:
        display.log("no row is scored: there are no test images with readers (data.target_test)")
    digests = cache_keys.data_digests(data)
    cache = Cache(cache_folder(experiment.tracking.folder))
    settings = experiment.model_dump(mode="json", exclude={"runtime": cache_keys.ENGINE})
    key = cache.entry("ablation", {"settings": settings, "data": digests}).digest[:16]
    with (
        open_session(experiment.tracking.folder, key, offline=offline, fresh=fresh, notify=display.log) as session,
        engine_of(experiment) as engine,
    ):
        if session.interrupted:
            display.log("continuing the interrupted ablation (--fresh starts from scratch)")
        name = f"ablation {experiment.name}"
        with session.run(experiment.name, name, tags=ABLATION) as parent:
            log_description(parent, experiment, data, problems)
            runner = StageRunner(experiment, data, digests, session, display, engine, fresh)
            seeds = [SeedRun(runner, parent, seed) for seed in experiment.seeds]
            rows = [row for of_seed in runner.run([seed.rows() for seed in seeds]) for row in of_seed]
            scored = {key: resampled for seed_run in seeds for key, resampled in seed_run.scored.items()}
            found = {key: boxes for seed_run in seeds for key, boxes in seed_run.found.items()}
            initial = {sample.name: sample.boxes for sample in data.target_train}
            results = AblationResults(
                rows,
                shares(scored),
                experiment.table_rows,
                agreements=agreements(found, list(initial.values())),
                counts=counts_by_image(found, initial, experiment.class_names),
                class_rows=[row for seed_run in seeds for row in seed_run.class_rows],
            )
            for path in results.write(session.folder / "table"):
                parent.record(File(path, "table"))
            parent.record(Table(table_1.columns(rows), "table_1.json"))
            parent.record(Tags({DESCRIPTION: description(results)}))
            parent.end("FINISHED" if results.complete else "FAILED")
        cache.prune(experiment.tracking.cache_gb * 1e9)
    return replace(results, logged=_logged(session, parent, seeds, experiment))


def _logged(
    session: TrackingSession, parent: LocalRun, seeds: Sequence[SeedRun], experiment: Experiment
) -> LoggedRuns | None:
    """The runs of an ablation, once MLflow has them."""
    ablation = session.run_id(parent)
    if ablation is None:
        return None
    models = {key: session.run_id(run) for seed in seeds for key, run in seed.with_model.items()}
    return LoggedRuns(ablation, {key: run for key, run in models.items() if run}, experiment.tracking.folder)


def without_missing_oracle(experiment: Experiment, data: ExperimentData, notify: Callable[[str], None]) -> Experiment:
    """The experiment without the oracle if no target training image has a reference.

    Args:
        experiment: all settings.
        data: data of the experiment.
        notify: function that shows a sentence to the user: that the oracle is left out, or how many images it has.

    Raises:
        SissiError: there is no reference, and the experiment has no other row; or a row needs corrected images, and
            there are none.
    """
    unknown = [row.name for row in experiment.table_rows.values() if row.labels == "corrected"]
    if unknown and not data.corrected():
        raise SissiError(
            f"variants: {', '.join(unknown)}: needs corrected images, and there are none: set data.target_corrected"
        )
    if ORACLE not in experiment.variants:
        return experiment
    covered, images = len(data.referenced()), len(data.target_train)
    if covered:
        if covered < images:
            notify(f"{ORACLE}: trained on the {covered} of {images} target training images that have a reference")
        return experiment
    others = tuple(name for name in experiment.variants if name != ORACLE)
    if not others and not experiment.rows:
        raise SissiError(
            f"variants: {ORACLE} needs reference labels of the target training images, and there are none: set "
            "data.target_reference, or choose another variant"
        )
    notify(f"{ORACLE}: left out, since no target training image has reference labels (data.target_reference)")
    return experiment.model_copy(update={"variants": others})
