"""What a store holds of an ablation, read back; whatever is missing is left out, and said so by `gaps`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sissi.config import Experiment
from sissi.config.load import load_experiment
from sissi.config.variants import Variant, settings_of_variant
from sissi.errors import TrackingError
from sissi.evaluation.headroom import Shares, from_records
from sissi.evaluation.metrics import COCO_LIMIT, METRICS
from sissi.results import table_1
from sissi.results.scores import Row
from sissi.results.snapshots import Snapshot, read_snapshot
from sissi.tracking import ABLATION, RunRecord, Store

LATEST = "latest"
SCORED = "/AR_dense"
"""How the metric ends that a branch has for each reader, and nothing else has."""


@dataclass(frozen=True)
class StoredAblation:
    """An ablation as its store has it.

    Attributes:
        store: where it is.
        run: of the ablation.
        experiment: its settings.
        trunks: run of early learning by seed.
        branches: run by variant and seed, finished or not.
        rows: of table 1; without the branches that have no scores.
    """

    store: Store
    run: RunRecord
    experiment: Experiment
    trunks: dict[int, RunRecord]
    branches: dict[tuple[str, int], RunRecord]
    rows: list[Row]

    @property
    def known(self) -> dict[str, Variant]:
        """What the rows are, by name."""
        return self.experiment.known_rows

    @property
    def variants(self) -> list[str]:
        """Those that left a run, in the order of the table."""
        present = {variant for variant, _ in self.branches}
        return [name for name in self.known if name in present]

    @property
    def seeds(self) -> list[int]:
        """Those of which there is a run."""
        return sorted({seed for _, seed in self.branches} | set(self.trunks))

    def text(self, path: str, run: RunRecord | None = None) -> str | None:
        """A text artifact of a run, of the ablation's own if none is given; None where it has none."""
        file = self.file(path, run)
        return None if file is None else file.read_text(encoding="utf-8")

    def file(self, path: str, run: RunRecord | None = None) -> Path | None:
        """An artifact on this machine; None where there is none."""
        try:
            found = self.store.artifact((run or self.run).id, path)
        except TrackingError:
            return None
        return found if found.exists() else None

    def snapshots(self, folder: str, run: RunRecord | None = None) -> dict[str, Snapshot]:
        """The boxes of each COCO file in a folder of artifacts, by the name of the file without `.json`."""
        found = self.file(folder, run)
        return {} if found is None else {path.stem: read_snapshot(path) for path in sorted(found.glob("*.json"))}

    def snapshot(self, path: str, run: RunRecord | None = None) -> Snapshot | None:
        """The boxes of one COCO file; None where there is none."""
        found = self.file(path, run)
        return None if found is None else read_snapshot(found)

    def labels(self, run: RunRecord) -> dict[int, Snapshot]:
        """The pseudo labels of a run by the epoch that trains on them; the initial labels of a trunk are epoch 0."""
        found = self.snapshots("pseudo_labels", run)
        return {int(name.removeprefix("epoch_")): snapshot for name, snapshot in found.items()}

    def curve(self, run: RunRecord, key: str) -> list[tuple[int, float]]:
        """(epoch, value) of a metric; empty where it was not told."""
        return self.store.history(run.id, key) if key in run.metrics else []

    @property
    def shares(self) -> Shares:
        """Of the headroom; empty where the ablation did not come to its end or had no oracle."""
        written = self.text("table/headroom.json")
        return {} if written is None else from_records(json.loads(written))

    def gaps(self) -> list[str]:
        """A sentence for each part of the experiment that has no result."""
        return [
            *(
                f"Early learning (seed {seed}): {_state(self.trunks.get(seed), None)}."
                for seed in self.experiment.seeds
                if not _finished(self.trunks.get(seed))
            ),
            *(
                f"{self.known[variant].title} (seed {seed}): {self._why(variant, seed)}."
                for seed in self.experiment.seeds
                for variant in self.experiment.table_rows
                if not _finished(self.branches.get((variant, seed)))
            ),
        ]

    def _why(self, variant: str, seed: int) -> str:
        run = self.branches.get((variant, seed))
        return _state(run, None if run is None else self.text("error.txt", run))


def read_ablation(store: Store, run: str, overrides: Sequence[str] = ()) -> StoredAblation:
    """The record of an ablation.

    Args:
        store: where it is.
        run: its id, or `latest`.
        overrides: of its experiment, such as data.folder=... where the images have moved.

    Raises:
        TrackingError: there is no such run, or it is no ablation.
        ExperimentError: its settings are those of another version of sissi.
    """
    found = _find(store, run)
    settings = store.artifact(found.id, "experiment.yaml")
    experiment = load_experiment(settings, overrides)
    children = store.children(found.id)
    trunks = {int(child.tags["sissi.seed"]): child for child in children if child.tags.get("sissi.stage") == "trunk"}
    branches = {
        (child.tags["sissi.variant"], int(child.tags["sissi.seed"])): child
        for child in sorted(children, key=_finished)  # of runs that were repeated, the finished one
        if child.tags.get("sissi.stage") == "branch"
    }
    record = StoredAblation(store, found, experiment, trunks, branches, [])
    written = record.text("table/table.json")
    rows = _rows(branches, experiment) if written is None else table_1.from_json(written)
    return replace(record, rows=[row for row in rows if row.variant in experiment.known_rows])


def _rows(branches: dict[tuple[str, int], RunRecord], experiment: Experiment) -> list[Row]:
    """The rows of an ablation that did not come to its end, from the metrics of the branches that did."""
    known = experiment.known_rows
    order = list(known)
    return [
        Row(
            variant=variant,
            seed=seed,
            reader=reader,
            **_scores(run, reader),
            ap_limit=COCO_LIMIT,
            dense_limit=experiment.evaluation.max_detections,
            start_epoch=int(run.params["start_epoch"]),
            epochs=settings_of_variant(known[variant], experiment).last_epoch(known[variant].corrects),
        )
        for (variant, seed), run in sorted(branches.items(), key=lambda one: (one[0][1], order.index(one[0][0])))
        for reader in sorted(key.removesuffix(SCORED) for key in run.metrics if key.endswith(SCORED))
    ]


def _scores(run: RunRecord, reader: str) -> dict[str, Any]:
    return {metric: run.metrics.get(f"{reader}/{metric}", math.nan) for metric in METRICS}


def _finished(run: RunRecord | None) -> bool:
    return run is not None and run.status == "FINISHED"


def _state(run: RunRecord | None, error: str | None) -> str:
    if run is None:
        return "was not started"
    if error is not None:
        return f"failed: {error.strip().splitlines()[-1]}"
    return {"RUNNING": "is running, or its process was stopped", "KILLED": "was stopped"}.get(run.status, "failed")


def _find(store: Store, run: str) -> RunRecord:
    if run == LATEST:
        latest = store.latest_ablation()
        if latest is None:
            raise TrackingError(f"{store.address}: holds no ablation yet; make one with `sissi ablation EXPERIMENT`")
        return latest
    found = store.run(run)
    [(key, value)] = ABLATION.items()
    if found.tags.get(key) != value:
        inside = f"; the ablation around it is {found.parent}" if found.parent else ""
        raise TrackingError(f"run {run}: is no ablation but {found.name!r}{inside}")
    return found
