"""Output files of a prediction: COCO JSON, a table of counts, pictures, and label files of other formats."""

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
from sissi.names import CELL_NAME
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole


@dataclass(frozen=True, eq=False)
class PredictionSet:
    """Predictions for a set of images.

    Attributes:
        images: path of each image by its name.
        outcomes: prediction with boxes of every score, or reading error, by image name.
        score: lowest score of a counted box.
        classes: names of the classes of the detector, from number 1 on.
        reading: planes and channels of the files that are the images.
    """

    images: Mapping[str, Path]
    outcomes: Mapping[str, Prediction | DataError]
    score: float
    classes: tuple[str, ...] = (CELL_NAME,)
    reading: ImageReading = FIRST

    @property
    def samples(self) -> list[Sample]:
        """Readable images in order, with the counted boxes."""
        outcomes = [(name, self.outcomes[name]) for name in self.images]
        return [
            Sample(
                name,
                self.images[name],
                outcome.height,
                outcome.width,
                self._counted(outcome.boxes),
                reading=self.reading,
            )
            for name, outcome in outcomes
            if isinstance(outcome, Prediction)
        ]

    @property
    def unreadable(self) -> dict[str, str]:
        """Reading error of each unreadable image by its name."""
        return {name: str(outcome) for name, outcome in self.outcomes.items() if isinstance(outcome, DataError)}

    def _counted(self, boxes: Boxes) -> Boxes:
        return boxes.take(boxes.scores >= self.score)


def write_results(predictions: PredictionSet, out: Path, *, overlays: bool, format: str | None) -> None:
    """Write predictions.json (COCO), counts.csv and, on request, overlays/ and labels/.

    Args:
        predictions: predictions for a set of images; of several classes, each has a column of counts.
        out: folder of the files.
        overlays: whether to write pictures of the images with their boxes.
        format: format of label files, or None.
    """
    samples = predictions.samples
    images = [(sample.name, sample.height, sample.width) for sample in samples]
    tree = to_coco(images, [sample.boxes for sample in samples], predictions.classes)
    write_whole(out / "predictions.json", f"{json.dumps(tree)}\n".encode())
    write_whole(out / "counts.csv", _counts(predictions).encode())
    if overlays:
        for sample in samples:
            picture = draw_boxes(sample.read(), sample.boxes, classes=predictions.classes)
            write_picture(picture, out / "overlays" / f"{sample.name}.png")
    if format is not None:
        write_labels(format, samples, [sample.boxes for sample in samples], out / "labels", predictions.classes)


def _counts(predictions: PredictionSet) -> str:
    samples = {sample.name: sample for sample in predictions.samples}
    names = predictions.classes if len(predictions.classes) > 1 else ()
    rows = []
    for name in predictions.images:
        row: dict[str, object] = {"image": name}
        if name in samples:
            boxes = samples[name].boxes
            row |= {"count": len(boxes), "mean_score": f"{boxes.scores.mean():.4f}" if len(boxes) else None}
            row |= {one: int((boxes.classes == index).sum()) for index, one in enumerate(names)}
        else:
            row["problem"] = predictions.unreadable[name]
        rows.append(row)
    return to_csv(rows, ["image", "count", *names, "mean_score", "problem"])
