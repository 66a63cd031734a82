"""The ablation, from an experiment to its table: every variant for every seed, recorded in MLflow (table 1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sissi import stage_keys, table
from sissi.cache import Cache
from sissi.data.checked import load_checked
from sissi.data.datasets import DataSets
from sissi.description import describe
from sissi.errors import SissiError
from sissi.one_seed import OneSeed
from sissi.progress import Display
from sissi.settings import Experiment
from sissi.table import Row
from sissi.tracking import ABLATION, open_recording
from sissi.variants import ORACLE
from sissi.workshop import Workshop, cache_folder


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
    data, problems = load_checked(experiment, display.warn)
    experiment = possible(experiment, data, display.say)
    digests = stage_keys.digests(data)
    cache = Cache(cache_folder(experiment))
    key = cache.entry("ablation", {"settings": experiment.model_dump(mode="json"), "data": digests}).digest[:16]
    with open_recording(experiment.tracking.folder, key, offline=offline, fresh=fresh, tell=display.say) as recording:
        if recording.interrupted:
            display.say("going on with the ablation that was interrupted (--fresh starts over)")
        name = f"ablation {experiment.name}"
        with recording.run(experiment.name, name, tags=ABLATION) as parent:
            describe(parent, experiment, data, problems)
            workshop = Workshop(experiment, data, digests, recording, display, fresh)
            rows = [row for seed in experiment.seeds for row in OneSeed(workshop, parent, seed).rows()]
            folder = recording.folder / "table"
            for path in table.write(rows, folder):
                parent.file(path, "table")
            parent.table(table.columns(rows), "table_1.json")
            parent.end("FINISHED" if all(row.status == "ok" for row in rows) else "FAILED")
        if out is not None:
            table.write(rows, out)
        cache.prune(experiment.tracking.cache_gb * 1e9)
    return rows


def possible(experiment: Experiment, data: DataSets, tell: Callable[[str], None]) -> Experiment:
    """The experiment without the oracle where no target training image has a reference.

    Args:
        experiment: as its file says.
        data: of the experiment.
        tell: shows a sentence to the user: that the oracle is left out, or which images it has.

    Raises:
        SissiError: there is no reference and no other row is asked for.
    """
    if ORACLE not in experiment.variants:
        return experiment
    covered, images = len(data.referenced()), len(data.target)
    if covered:
        if covered < images:
            tell(f"{ORACLE}: trains on the {covered} of {images} target training images that have a reference")
        return experiment
    others = tuple(name for name in experiment.variants if name != ORACLE)
    if not others:
        raise SissiError(
            f"variants: {ORACLE} trains on reference labels of the target training images, and there are none: name "
            "them in data.target_reference, or choose another variant"
        )
    tell(f"{ORACLE}: left out, since no target training image has reference labels (data.target_reference)")
    return experiment.model_copy(update={"variants": others})
