"""Image files of an ablation, if they still exist at the paths of its experiment and are unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sissi.boxes import EMPTY, Boxes
from sissi.config import Experiment, FileData, ImageReading
from sissi.data.experiment_data import data_files
from sissi.data.find import find_images, require_path
from sissi.data.load import load_reference, load_test
from sissi.data.problems import Problems
from sissi.data.sample import Sample, digest
from sissi.errors import DataError
from sissi.results.snapshots import Snapshot
from sissi.results.stored_ablation import StoredAblation
from sissi.runtime.cache import Cache, cache_folder


@dataclass(frozen=True)
class Images:
    """Images of an ablation.

    Attributes:
        target: target training images with their initial labels.
        test: test images without boxes; empty if the ablation has none.
        files: settings of the image files.
    """

    target: list[Sample]
    test: list[Sample]
    files: FileData

    def readers(self) -> dict[str, dict[str, Boxes]]:
        """Boxes of each reader by image name, read from the current label files; empty without test images."""
        if self.files.target_test is None:
            return {}
        samples, readers = load_test(self.files.target_test, self.files.folder, Problems())
        return {
            reader: {sample.name: boxes for sample, boxes in zip(samples, of_reader, strict=True) if boxes is not None}
            for reader, of_reader in readers.items()
        }

    def reference(self) -> dict[str, Boxes]:
        """Reference labels of training images by name, read from the current label files; empty without reference."""
        if self.files.target_reference is None:
            return {}
        labels = load_reference(self.files.target_reference, self.target, self.files.folder, Problems())
        return {sample.name: boxes for sample, boxes in zip(self.target, labels, strict=True) if boxes is not None}


def find_run_images(record: StoredAblation, initial: Snapshot, test: Snapshot | None, folder: Path) -> Images:
    """Find the images on which an ablation was trained and scored.

    Args:
        record: ablation in its store.
        initial: initial labels of its training images.
        test: any boxes of its test images; None if it has none.
        folder: folder of tracking, which contains the images of a demo, and the cache with digests of files.

    Raises:
        DataError: images are missing, or have changed since the ablation.
    """
    files = data_files(_tracked_in(record.experiment, folder))
    train, tested = files.target_train, files.target_test
    key = "data.target_train.images"
    paths = find_images(require_path(files.folder, train.images, key), train.format, Problems(), key)
    samples = {"target_train": _samples(initial, paths, train, key, initial.boxes)}
    if tested is not None and test is not None:
        key = "data.target_test.images"
        paths = find_images(require_path(files.folder, tested.images, key), "flat", Problems(), key)
        samples["target_test"] = _samples(test, paths, tested, key, {})
    used, cache = record.store.dataset_digests(record.run.id), Cache(cache_folder(folder))
    for role, of_role in samples.items():
        if role in used and not digest(of_role, cache).startswith(used[role]):
            raise DataError(f"data.{role}: the images have changed since the ablation")
    return Images(samples["target_train"], samples.get("target_test", []), files)


def _tracked_in(experiment: Experiment, folder: Path) -> Experiment:
    tracking = experiment.tracking.model_copy(update={"folder": folder})
    return experiment.model_copy(update={"tracking": tracking})


def _samples(
    snapshot: Snapshot, paths: dict[str, Path], settings: ImageReading, key: str, boxes: dict[str, Boxes]
) -> list[Sample]:
    missing = [name for name in snapshot.sizes if name not in paths]
    if missing:
        raise DataError(f"{key}: {len(missing)} images of the ablation are missing, such as {missing[0]}")
    return [
        Sample(name, paths[name], height, width, boxes.get(name, EMPTY), reading=settings.reading)
        for name, (height, width) in snapshot.sizes.items()
    ]
