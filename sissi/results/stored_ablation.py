"""Ablation read from a store; missing parts are left out and listed by `gaps`."""

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
from sissi.results.class_table import ClassRow
from sissi.results.class_table import from_records as from_class_records
from sissi.results.scores import Row
from sissi.results.snapshots import Snapshot, read_snapshot
from sissi.tracking import ABLATION, RunRecord, Store

LATEST = "latest"
SCORED = "/AR_dense"
"""End of the key of a metric that only branches have, one for each reader."""


@dataclass(frozen=True)
class StoredAblation:
    """Ablation in a store.

    Attributes:
        store: store of the ablation.
        run: run of the ablation.
        experiment: all settings.
        trunks: run of early learning by seed.
        branches: run by variant and seed, finished or not.
        rows: rows of table 1, without branches that have no scores.
    """

    store: Store
    run: RunRecord
    experiment: Experiment
    trunks: dict[int, RunRecord]
    branches: dict[tuple[str, int], RunRecord]
    rows: list[Row]

    @property
    def known(self) -> dict[str, Variant]:
        """Available rows by name."""
        return self.experiment.known_rows

    @property
    def variants(self) -> list[str]:
        """Names of the variants that have a run, in the order of the table."""
        present = {variant for variant, _ in self.branches}
        return [name for name in self.known if name in present]

    @property
    def seeds(self) -> list[int]:
        """Seeds that have a run, in ascending order."""
        return sorted({seed for _, seed in self.branches} | set(self.trunks))

    def text(self, path: str, run: RunRecord | None = None) -> str | None:
        """Text artifact of a run, by default of the ablation's run; None if it is missing."""
        file = self.file(path, run)
        return None if file is None else file.read_text(encoding="utf-8")

    def file(self, path: str, run: RunRecord | None = None) -> Path | None:
        """Local path of an artifact of a run, by default of the ablation's run; None if it is missing."""
        try:
            local = self.store.artifact((run or self.run).id, path)
        except TrackingError:
            return None
        return local if local.exists() else None

    def snapshots(self, folder: str, run: RunRecord | None = None) -> dict[str, Snapshot]:
        """Boxes of each COCO file in a folder of artifacts, by the name of the file without `.json`."""
        local = self.file(folder, run)
        return {} if local is None else {path.stem: read_snapshot(path) for path in sorted(local.glob("*.json"))}

    def snapshot(self, path: str, run: RunRecord | None = None) -> Snapshot | None:
        """Boxes of one COCO file; None if it is missing."""
        local = self.file(path, run)
        return None if local is None else read_snapshot(local)

    def labels(self, run: RunRecord) -> dict[int, Snapshot]:
        """Pseudo labels of a run by the epoch that is trained on them; the initial labels of a trunk have epoch 0."""
        snapshots = self.snapshots("pseudo_labels", run)
        return {int(name.removeprefix("epoch_")): snapshot for name, snapshot in snapshots.items()}

    def curve(self, run: RunRecord, key: str) -> list[tuple[int, float]]:
        """Epoch and value of each point of a metric; empty if the metric was not logged."""
        return self.store.history(run.id, key) if key in run.metrics else []

    @property
    def shares(self) -> Shares:
        """Shares of the headroom; empty if the ablation has not finished or has no oracle."""
        written = self.text("table/headroom.json")
        return {} if written is None else from_records(json.loads(written))

    @property
    def class_rows(self) -> list[ClassRow]:
        """Scores of each class; empty if the ablation has not finished or has one class."""
        written = self.text("table/classes.json")
        return [] if written is None else from_class_records(json.loads(written))

    def gaps(self) -> list[str]:
        """One sentence for each part of the experiment without a result."""
        return [
            *(
                f"Early learning (seed {seed}): {_state(self.trunks.get(seed), None)}."
                for seed in self.experiment.seeds
                if not _finished(self.trunks.get(seed))
            ),
            *(
                f"{self.known[variant].title} (seed {seed}): {self._state(variant, seed)}."
                for seed in self.experiment.seeds
                for variant in self.experiment.table_rows
                if not _finished(self.branches.get((variant, seed)))
            ),
        ]

    def _state(self, variant: str, seed: int) -> str:
        run = self.branches.get((variant, seed))
        return _state(run, None if run is None else self.text("error.txt", run))


def read_ablation(store: Store, run: str, overrides: Sequence[str] = ()) -> StoredAblation:
    """Read an ablation from a store.

    Args:
        store: store of the ablation.
        run: id of the ablation's run, or `latest`.
        overrides: overrides of its experiment, such as data.folder=... for images that have moved.

    Raises:
        TrackingError: there is no such run, or it is not an ablation.
        ExperimentError: the settings belong to another version of sissi.
    """
    ablation = _find(store, run)
    settings = store.artifact(ablation.id, "experiment.yaml")
    experiment = load_experiment(settings, overrides)
    children = store.children(ablation.id)
    trunks = {int(child.tags["sissi.seed"]): child for child in children if child.tags.get("sissi.stage") == "trunk"}
    branches = {
        (child.tags["sissi.variant"], int(child.tags["sissi.seed"])): child
        for child in sorted(children, key=_finished)  # of repeated runs, the finished one
        if child.tags.get("sissi.stage") == "branch"
    }
    record = StoredAblation(store, ablation, experiment, trunks, branches, [])
    written = record.text("table/table.json")
    rows = _rows(branches, experiment) if written is None else table_1.from_json(written)
    return replace(record, rows=[row for row in rows if row.variant in experiment.known_rows])


def _rows(branches: dict[tuple[str, int], RunRecord], experiment: Experiment) -> list[Row]:
    """Rows of an unfinished ablation, from the metrics of its finished branches."""
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
        for (variant, seed), run in sorted(branches.items(), key=lambda item: (item[0][1], order.index(item[0][0])))
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
            raise TrackingError(f"{store.address}: contains no ablation; make one with `sissi ablation EXPERIMENT`")
        return latest
    record = store.run(run)
    [(key, value)] = ABLATION.items()
    if record.tags.get(key) != value:
        hint = f"; it belongs to the ablation {record.parent}" if record.parent else ""
        raise TrackingError(f"run {run}: is not an ablation but {record.name!r}{hint}")
    return record
