"""Everything that the sections of a report are made of, read once."""

from __future__ import annotations

from dataclasses import dataclass
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
    """An ablation with its boxes and, where they can be found, its images.

    Attributes:
        record: what the store has.
        predictions: on the target test images by variant and seed.
        readers: boxes of each reader by image name; empty where they are not known.
        reference: better labels of training images by name; empty where there are none.
        images: the image files, or why there are none.
    """

    record: StoredAblation
    predictions: dict[tuple[str, int], Snapshot]
    readers: dict[str, dict[str, Boxes]]
    reference: dict[str, Boxes]
    images: Images | str

    @cached_property
    def scored(self) -> dict[tuple[str, int], dict[str, Resampled]]:
        """The metrics of resamples of the test images, by variant and seed, then by reader."""
        return {
            key: {
                reader: bootstrap(matches([found.boxes.get(name, EMPTY) for name in truth], list(truth.values())))
                for reader, truth in self.readers.items()
            }
            for key, found in self.predictions.items()
        }

    @property
    def first_trunk(self) -> int | None:
        """The seed whose pictures are shown."""
        return min(self.record.trunks, default=None)


def gather(record: StoredAblation, folder: Path) -> ReportData:
    """Read what an ablation has left behind.

    Args:
        record: of the ablation.
        folder: the tracking folder, below which the images of a demo are.
    """
    found = {key: record.snapshot("predictions/target_test.json", run) for key, run in record.branches.items()}
    predictions = {key: snapshot for key, snapshot in found.items() if snapshot is not None}
    readers = {name: snapshot.boxes for name, snapshot in record.snapshots("readers").items()}
    reference = record.snapshot("reference.json")
    images = _images(record, predictions, folder)
    if isinstance(images, Images):  # a run from before the boxes were kept with it
        readers = readers or images.readers()
    return ReportData(
        record=record,
        predictions=predictions,
        readers=readers,
        reference=_reference(reference, images),
        images=images,
    )


def _images(record: StoredAblation, predictions: dict[tuple[str, int], Snapshot], folder: Path) -> Images | str:
    initial = next((record.snapshot("pseudo_labels/epoch_000.json", trunk) for trunk in record.trunks.values()), None)
    readers = record.snapshots("readers").values()  # one that mentions all images, if there is none of a variant
    fullest = max(readers, key=lambda snapshot: len(snapshot.sizes), default=None)
    test = next(iter(predictions.values()), fullest)
    if initial is None or test is None:
        return "the ablation has no labels or no predictions yet"
    try:
        return find_run_images(record, initial, test, folder)
    except DataError as error:
        return str(error)


def _reference(written: Snapshot | None, images: Images | str) -> dict[str, Boxes]:
    if written is not None:
        return written.boxes
    return images.reference() if isinstance(images, Images) else {}
