"""All that an experiment names, read and checked before hours of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sissi.boxes import Boxes
from sissi.config import Experiment, LabelledImages
from sissi.data.checks.detector_fit import Labelled, check_fit
from sissi.data.checks.duplicates import note_duplicates
from sissi.data.checks.missing_classes import note_missing
from sissi.data.demo import source_images
from sissi.data.experiment_data import ExperimentData, data_files, load_data
from sissi.data.load import load_images, load_reference, load_test, with_corrections
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.runtime.cache import Cache, cache_folder

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Check:
    """What a check has found.

    Attributes:
        data: what could be read; a data set that cannot be used at all is empty.
        problems: with files, and whether they are errors.
        refused: messages about data sets that cannot be used at all.
    """

    data: ExperimentData
    problems: Problems
    refused: list[str]

    @property
    def errors(self) -> int:
        """How many problems must be mended before training."""
        return len(self.refused) + sum(problem.error for problem in self.problems.found)

    @property
    def warnings(self) -> int:
        """How many problems training can go on with."""
        return sum(not problem.error for problem in self.problems.found)


def check_data(experiment: Experiment) -> Check:
    """Decode every image and read every label of an experiment once, going on where something cannot be used."""
    problems = Problems(strict=False)
    refused: list[str] = []
    data = _read(experiment, Cache(cache_folder(experiment.tracking.folder)), problems, refused)
    check_cheaply(experiment, data, problems)
    return Check(data, problems, refused)


def check_cheaply(experiment: Experiment, data: ExperimentData, problems: Problems) -> None:
    """What can be wrong with data sets that are loaded: duplicates, misfits of cells and detector, missing classes.

    Reads no file again: an instant for thousands of images.

    Args:
        experiment: that the data belongs to.
        data: as `load_data` gives it.
        problems: takes what was found; images for testing that are trained on are errors.
    """
    note_duplicates(data.roles, problems)
    labelled = labelled_sets(data)
    check_fit(experiment, labelled, problems)
    note_missing(experiment, labelled, problems)


def labelled_sets(data: ExperimentData) -> dict[str, Labelled]:
    """Images with boxes, by data set; the test images with those of each reader; reference and target_val if given."""
    sets: dict[str, Labelled] = {"target_train": _labelled(data.target_train)}
    if data.reference is not None:
        sets["target_reference"] = _known(data.target_train, data.reference)
    for reader, boxes in data.readers.items():
        sets[f"target_test, {reader}"] = _known(data.target_test, boxes)
    if data.target_val:
        sets["target_val"] = _labelled(data.target_val)
    return sets | {"source_train": _labelled(data.source_train), "source_val": _labelled(data.source_val)}


def _known(samples: Sequence[Sample], labels: Sequence[Boxes | None]) -> Labelled:
    """The images that have labels."""
    return [(sample, boxes) for sample, boxes in zip(samples, labels, strict=True) if boxes is not None]


def _labelled(samples: Sequence[Sample]) -> Labelled:
    return [(sample, sample.boxes) for sample in samples]


def _read(experiment: Experiment, cache: Cache, problems: Problems, refused: list[str]) -> ExperimentData:
    """The data sets, each empty where it cannot be used at all."""
    files = data_files(experiment)

    def read(load: Callable[[], Loaded], otherwise: Loaded) -> Loaded:
        try:
            return load()
        except DataError as error:
            refused.append(str(error))
            return otherwise

    def images(key: str, settings: LabelledImages | None) -> list[Sample]:
        if settings is None:
            return []
        named = experiment.source_classes if key.startswith("source") else experiment.classes
        return read(lambda: load_images(settings, files.folder, problems, f"data.{key}", cache, named), [])

    target = images("target_train", files.target_train)
    corrected = files.target_corrected
    if corrected is not None and target:
        weak = target
        target = read(lambda: with_corrections(corrected, weak, files.folder, problems, experiment.classes), weak)
    reference: list[Boxes | None] | None = None
    given = files.target_reference
    if given is not None:
        unknown: list[Boxes | None] = [None] * len(target)
        reference = read(lambda: load_reference(given, target, files.folder, problems, experiment.classes), unknown)
    nothing: tuple[list[Sample], dict[str, list[Boxes | None]]] = ([], {})
    tested = files.target_test
    named = experiment.classes
    test, readers = read(lambda: load_test(tested, files.folder, problems, named), nothing) if tested else nothing
    target_val = images("target_val", files.target_val)
    sources: tuple[LabelledImages | None, LabelledImages | None] = (files.source_train, files.source_val)
    if target:  # a drawn source has cells of its size
        sources = read(lambda: source_images(files, experiment, target), sources)
    source_train, source_val = images("source_train", sources[0]), images("source_val", sources[1])
    return ExperimentData(target, reference, test, readers, source_train, source_val, target_val)


def load_checked(experiment: Experiment, notify: Callable[[str], None]) -> tuple[ExperimentData, Problems]:
    """The data of an experiment, and their problems, a line of each kind of which goes to `notify`.

    Raises:
        DataError: they cannot be used.
    """
    problems = Problems()
    data = load_data(experiment, problems)
    check_cheaply(experiment, data, problems)
    for line in problems.summary():
        notify(line)
    return data, problems
