"""What a prediction gives a lab: COCO json, a table of counts, pictures, and label files of other formats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sissi.boxes import Boxes
from sissi.config import ImageReading
from sissi.data.formats import write_labels
from sissi.data.formats.coco import to_coco
from sissi.data.images.draw import draw_boxes, write_picture
from sissi.data.images.read import FIRST
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.inference.predict_images import Prediction
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole


@dataclass(frozen=True, eq=False)
class PredictionSet:
    """What was found in a set of images.

    Attributes:
        images: path of each image by its name.
        outcomes: of each image, boxes of every score or why it cannot be read.
        score: boxes below it do not count.
        reading: planes and channels of the files that are the images.
    """

    images: Mapping[str, Path]
    outcomes: Mapping[str, Prediction | DataError]
    score: float
    reading: ImageReading = FIRST

    @property
    def samples(self) -> list[Sample]:
        """The images that could be read, in order, with the boxes that count."""
        readable = [(name, self.outcomes[name]) for name in self.images]
        return [
            Sample(name, self.images[name], one.height, one.width, self._counted(one.boxes), reading=self.reading)
            for name, one in readable
            if isinstance(one, Prediction)
        ]

    @property
    def unreadable(self) -> dict[str, str]:
        """Why, for each image that could not be read."""
        return {name: str(one) for name, one in self.outcomes.items() if isinstance(one, DataError)}

    def _counted(self, boxes: Boxes) -> Boxes:
        return boxes.take(boxes.scores >= self.score)


def write_results(found: PredictionSet, out: Path, *, overlays: bool, format: str | None) -> None:
    """Write predictions.json (COCO), counts.csv, and what else is asked for: overlays/, and labels/ of a format."""
    samples = found.samples
    images = [(sample.name, sample.height, sample.width) for sample in samples]
    tree = to_coco(images, [sample.boxes for sample in samples])
    write_whole(out / "predictions.json", f"{json.dumps(tree)}\n".encode())
    write_whole(out / "counts.csv", _counts(found).encode())
    if overlays:
        for sample in samples:
            picture = draw_boxes(sample.read(), sample.boxes)
            write_picture(picture, out / "overlays" / f"{sample.name}.png")
    if format is not None:
        write_labels(format, samples, [sample.boxes for sample in samples], out / "labels")


def _counts(found: PredictionSet) -> str:
    samples = {sample.name: sample for sample in found.samples}
    rows = []
    for name in found.images:
        row: dict[str, object] = {"image": name, "count": None, "mean_score": None, "problem": None}
        if name in samples:
            scores = samples[name].boxes.scores
            row |= {"count": len(scores), "mean_score": f"{scores.mean():.4f}" if len(scores) else None}
        else:
            row["problem"] = found.unreadable[name]
        rows.append(row)
    return to_csv(rows, ["image", "count", "mean_score", "problem"])
