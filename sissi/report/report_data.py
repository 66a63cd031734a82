"""Data of all sections of a report, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sissi.boxes import EMPTY, Boxes
from sissi.errors import DataError
from sissi.evaluation.bootstrap import Resampled, bootstrap, matches
from sissi.report.images import Images, find_run_images
from sissi.results.snapshots import Snapshot
from sissi.results.stored_ablation import StoredAblation


@dataclass(frozen=True)
class ReportData:
    """Ablation with its boxes and, if they exist, its images.

    Attributes:
        record: ablation in its store.
        predictions: predictions on the target test images by variant and seed.
        detections: those on the target training images, of an ablation without test images.
        readers: boxes of each reader by image name; empty if unknown.
        reference: reference labels of training images by name; empty without reference.
        images: image files, or the reason for their absence.
    """

    record: StoredAblation
    predictions: dict[tuple[str, int], Snapshot]
    readers: dict[str, dict[str, Boxes]]
    reference: dict[str, Boxes]
    images: Images | str
    detections: dict[tuple[str, int], Snapshot] = field(default_factory=dict)

    @cached_property
    def scored(self) -> dict[tuple[str, int], dict[str, Resampled]]:
        """Metrics on resamples of the test images, by variant and seed, then by reader."""
        return {
            key: {
                reader: bootstrap(matches([predicted.boxes.get(name, EMPTY) for name in truth], list(truth.values())))
                for reader, truth in self.readers.items()
            }
            for key, predicted in self.predictions.items()
        }

    @property
    def first_trunk(self) -> int | None:
        """Seed whose pictures are shown."""
        return min(self.record.trunks, default=None)


def gather(record: StoredAblation, folder: Path) -> ReportData:
    """Read all data of an ablation.

    Args:
        record: ablation in its store.
        folder: folder of tracking, which contains the images of a demo.
    """
    predictions, detections = (_predictions(record, role) for role in ("target_test", "target_train"))
    readers = {name: snapshot.boxes for name, snapshot in record.snapshots("readers").items()}
    reference = record.snapshot("reference.json")
    images = _images(record, predictions, folder)
    if isinstance(images, Images):  # early versions did not store the boxes of the readers
        readers = readers or images.readers()
    return ReportData(
        record=record,
        predictions=predictions,
        readers=readers,
        reference=_reference(reference, images),
        images=images,
        detections=detections,
    )


def _predictions(record: StoredAblation, role: str) -> dict[tuple[str, int], Snapshot]:
    """The predictions on a data set by variant and seed, of the branches that have them."""
    snapshots = {key: record.snapshot(f"predictions/{role}.json", run) for key, run in record.branches.items()}
    return {key: snapshot for key, snapshot in snapshots.items() if snapshot is not None}


def _images(record: StoredAblation, predictions: dict[tuple[str, int], Snapshot], folder: Path) -> Images | str:
    initial = next((record.snapshot("pseudo_labels/epoch_000.json", trunk) for trunk in record.trunks.values()), None)
    readers = record.snapshots("readers").values()  # one that mentions all images, if there is none of a variant
    fullest = max(readers, key=lambda snapshot: len(snapshot.sizes), default=None)
    test = next(iter(predictions.values()), fullest)
    if initial is None or (test is None and record.experiment.data.target_test):
        return "the ablation has no labels or no predictions yet"
    try:
        return find_run_images(record, initial, test, folder)
    except DataError as error:
        return str(error)


def _reference(written: Snapshot | None, images: Images | str) -> dict[str, Boxes]:
    if written is not None:
        return written.boxes
    return images.reference() if isinstance(images, Images) else {}
