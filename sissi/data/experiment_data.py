"""All images and labels of an experiment, found and checked before anything is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sissi.boxes import Boxes
from sissi.config import Experiment, FileData
from sissi.data.demo import demo_files, drawing_code, source_images, write_demo
from sissi.data.load import load_images, load_reference, load_test, with_corrections
from sissi.data.problems import Problems
from sissi.data.resized import ResizedDataset, resized_dataset
from sissi.data.sample import Sample, digest
from sissi.errors import DataError
from sissi.runtime.cache import Cache, cache_folder
from sissi.runtime.locks import file_lock

ROLES = ("target_train", "target_val", "target_test", "source_train", "source_val")
"""The data sets of an experiment, as its file names them."""


@dataclass(frozen=True, eq=False)
class ExperimentData:
    """The data sets of an experiment; pixels stay on disk.

    Attributes:
        target_train: target training images with their initial labels, which are weak, or corrected by a person.
        reference: better labels of these images, None for images without; or None. For diagnosis and the oracle only.
        target_test: target test images, without labels; empty if there are none.
        readers: boxes of each test image, for each reader; None where a reader does not mention it.
        source_train: source training images.
        source_val: source validation images.
        target_val: target images with careful labels to choose settings by; empty if there are none.
        cache: keeps their frames and the digests of their files; None: they are not kept.
    """

    target_train: Sequence[Sample]
    reference: Sequence[Boxes | None] | None
    target_test: Sequence[Sample]
    readers: dict[str, list[Boxes | None]]
    source_train: Sequence[Sample]
    source_val: Sequence[Sample]
    target_val: Sequence[Sample] = ()
    cache: Cache | None = None

    @property
    def roles(self) -> dict[str, Sequence[Sample]]:
        """The data sets by their keys in an experiment file."""
        sets = {role: getattr(self, role) for role in ROLES}
        return {role: samples for role, samples in sets.items() if samples}

    def referenced(self) -> list[Sample]:
        """The target training images that have a reference, labelled by it: what the oracle trains on."""
        pairs = zip(self.target_train, self.reference or (), strict=self.reference is not None)
        return [replace(sample, boxes=boxes) for sample, boxes in pairs if boxes is not None]

    def corrected(self) -> list[Sample]:
        """The target training images whose labels a person corrected."""
        return [sample for sample in self.target_train if sample.corrected]

    def resized(self, role: str, size: tuple[int, int]) -> ResizedDataset:
        """A data set by its role, or `referenced` or `corrected` images, as a detector of this size sees it.

        Args:
            role: key of the data set, or name of the method that chooses the images.
            size: height and width, in px.
        """
        chosen = {"referenced": self.referenced, "corrected": self.corrected}
        samples = chosen[role]() if role in chosen else getattr(self, role)
        return resized_dataset(samples, size, self.cache)

    def digests(self) -> dict[str, str]:
        """sha256 over images and labels of each data set."""
        return {role: digest(samples, self.cache) for role, samples in self.roles.items()}


def load_data(experiment: Experiment, problems: Problems) -> ExperimentData:
    """Everything that an experiment names, found, read and checked; demo images are drawn where they are missing.

    Raises:
        DataError: a folder is missing, or a file cannot be used; all such images are named at once.
    """
    files, cache = data_files(experiment), Cache(cache_folder(experiment.tracking.folder))
    named, of_source = experiment.classes, experiment.source_classes
    target = load_images(files.target_train, files.folder, problems, "data.target_train", cache, named)
    if files.target_corrected is not None:
        target = with_corrections(files.target_corrected, target, files.folder, problems, named)
    test, readers = (
        load_test(files.target_test, files.folder, problems, named, cache) if files.target_test else ([], {})
    )
    reference = None
    if files.target_reference is not None:
        reference = load_reference(files.target_reference, target, files.folder, problems, named)
    target_val = None
    if files.target_val is not None:
        target_val = load_images(files.target_val, files.folder, problems, "data.target_val", cache, named)
    source_train, source_val = source_images(files, experiment, target)
    return ExperimentData(
        target_train=target,
        reference=reference,
        target_test=test,
        readers=readers,
        source_train=load_images(source_train, files.folder, problems, "data.source_train", cache, of_source),
        source_val=load_images(source_val, files.folder, problems, "data.source_val", cache, of_source),
        target_val=target_val or (),
        cache=cache,
    )


def load_test_data(experiment: Experiment, problems: Problems) -> tuple[list[Sample], dict[str, list[Boxes | None]]]:
    """The target test images of an experiment, and each reader's boxes of them.

    Raises:
        DataError: there are none, or they cannot be used.
    """
    files = data_files(experiment)
    if files.target_test is None:
        raise DataError(
            "data.target_test: is not given, so nothing can be scored: name test images, and their boxes by readers"
        )
    return load_test(files.target_test, files.folder, problems, experiment.classes)


def data_files(experiment: Experiment) -> FileData:
    """Where the images of an experiment are; those of a demo are drawn once below the tracking folder."""
    if isinstance(experiment.data, FileData):
        return experiment.data
    settings = experiment.data
    key = hashlib.sha256(f"{drawing_code()} {settings.model_dump_json()}".encode()).hexdigest()[:12]
    out = Path(experiment.tracking.folder).resolve() / "demo" / key
    out.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(out.with_suffix(".lock")):
        return demo_files(settings, out) if out.exists() else write_demo(settings, out)
