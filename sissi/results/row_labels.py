"""The labels of a row of an ablation, as files of any format: the command `sissi labels`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sissi.boxes import Boxes
from sissi.config import FileData
from sissi.config.load import did_you_mean
from sissi.config.variants import ORACLE
from sissi.data.formats import write_labels
from sissi.data.formats.writing import require_new
from sissi.data.sample import Sample
from sissi.errors import SissiError
from sissi.names import CELL_NAME
from sissi.results.next_steps import preferred_variant
from sissi.results.snapshots import Snapshot
from sissi.results.stored_ablation import StoredAblation
from sissi.runtime.files import new_output


@dataclass(frozen=True)
class RowLabels:
    """Labels of a row of an ablation for its target training images.

    Attributes:
        row: name of the row.
        seed: experiment seed.
        what: which labels they are, in words.
        samples: the images with their labels, in px of the files.
        classes: names of the classes, from number 1 on.
    """

    row: str
    seed: int
    what: str
    samples: list[Sample]
    classes: tuple[str, ...] = (CELL_NAME,)


def row_labels(
    ablation: StoredAblation, row: str | None = None, seed: int | None = None, epoch: int | None = None
) -> RowLabels:
    """The labels that a row ended with: the corrected ones; of a row that corrects none, those that it was trained on.

    Args:
        ablation: ablation in its store.
        row: name of the row; None: see `next_steps.preferred_variant`.
        seed: experiment seed; None: the first one of the row.
        epoch: epoch that was trained on the labels, 0 for the initial labels; None: the last one.

    Raises:
        SissiError: there is no such row, seed or epoch, or it has no labels yet.
    """
    row = row or preferred_variant(set(ablation.variants)) or next(iter(ablation.variants), None)
    if row is None:
        raise SissiError(f"run {ablation.run.id}: no row has been trained yet")
    seeds = [of for name, of in ablation.branches if name == row]
    if not seeds:
        question, there = did_you_mean(row, ablation.variants), ", ".join(ablation.variants)
        raise SissiError(f"--variant {row}: run {ablation.run.id} has no such row{question}; there are {there}")
    seed = min(seeds) if seed is None else seed
    if seed not in seeds:
        raise SissiError(f"--seed {seed}: row {row} has the seeds {', '.join(map(str, sorted(seeds)))}")
    if epoch is None and row == ORACLE:
        reference = ablation.snapshot("reference.json")
        if reference is None:
            raise SissiError(f"run {ablation.run.id}: has no reference labels")
        return RowLabels(
            row, seed, "reference labels, as it corrects none", _samples(ablation, reference), reference.classes
        )
    initial = ablation.labels(ablation.trunks[seed]) if seed in ablation.trunks else {}
    cycles = initial | ablation.labels(ablation.branches[row, seed])
    if not cycles:
        raise SissiError(f"run {ablation.run.id}: row {row} has no labels yet")
    chosen = max(cycles) if epoch is None else epoch
    if chosen not in cycles:
        raise SissiError(f"--epoch {epoch}: row {row} has labels of the epochs {', '.join(map(str, sorted(cycles)))}")
    what = f"labels of epoch {chosen}" if chosen else "initial labels"
    if not chosen and epoch is None:
        why = "as it has corrected none yet" if ablation.known[row].corrects else "as it corrects none"
        what = f"{what}, {why}"
    return RowLabels(row, seed, what, _samples(ablation, cycles[chosen]), cycles[chosen].classes)


def write_row_labels(labels: RowLabels, format: str, score: float, out: Path) -> tuple[Path, int]:
    """Write the labels with at least this score.

    Args:
        labels: of a row.
        format: of the files.
        score: lowest score.
        out: new folder, or for a format of one file that file.

    Returns:
        The place of the labels, and their number.

    Raises:
        DataError: `out` exists, or a name cannot be written in the format.
    """
    require_new(out)
    boxes: list[Boxes] = [sample.boxes.take(sample.boxes.scores >= score) for sample in labels.samples]
    with new_output(out) as unfinished:
        files = write_labels(format, labels.samples, boxes, unfinished, labels.classes)
    return (out / files[0].relative_to(unfinished) if len(files) == 1 else out), sum(map(len, boxes))


def _samples(ablation: StoredAblation, snapshot: Snapshot) -> list[Sample]:
    """The images of labels, where the experiment says they are; they are not read, and may be gone."""
    data = ablation.experiment.data
    folder = data.folder / data.target_train.images if isinstance(data, FileData) else Path()
    return [
        Sample(name, folder / name, height, width, snapshot.boxes[name])
        for name, (height, width) in snapshot.sizes.items()
    ]
