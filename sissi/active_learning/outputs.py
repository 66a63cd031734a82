"""Output files of a suggestion: tables, pictures, and labels to be corrected by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path

from sissi.active_learning.disagreement import Disagreement
from sissi.boxes import Boxes, scale
from sissi.config import ImageReading
from sissi.data.formats import left_out, write_labels
from sissi.data.images.draw import ORANGE, Image, draw_boxes, write_picture
from sissi.data.images.read import FIRST, read_image
from sissi.data.sample import Sample
from sissi.names import CELL_NAME
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole
from sissi.runtime.tables import Cell, Table, as_markdown

BLUE = (86, 180, 233)
"""Colour of boxes that are not in question; colour-blind readers can distinguish it from orange."""
IN_QUESTION = 0.25
"""Disagreement above which a box is in question; on the demo, at least a third of such boxes are wrong or missed."""
EXPLANATION = """\
# Where to look next

Images whose correction by hand is most useful, in descending order of the disagreement of variants, cycles and views
about the cells. **score**: sum of the disagreement over the boxes of an image, about the number of its cells in
question. **in question**: boxes with a disagreement above {in_question}, orange in the pictures. **sure**: all others.

"""


@dataclass(frozen=True, eq=False)
class Suggestion:
    """Image with the disagreement about its cells.

    Attributes:
        name: name of the image, relative to the image folder.
        path: path of the image file.
        cells: disagreement about its cells.
        reading: planes and channels of the file that are the image.
        measures: further values of the image for the tables, by name.
    """

    name: str
    path: Path
    cells: Disagreement
    reading: ImageReading = FIRST
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def in_question(self) -> Boxes:
        """Boxes that the committee disagrees about."""
        return self.cells.boxes.take(self.cells.disagreement > IN_QUESTION)

    @property
    def sure(self) -> Boxes:
        """Boxes that the committee agrees about."""
        return self.cells.boxes.take(self.cells.disagreement <= IN_QUESTION)

    @property
    def sample(self) -> Sample:
        """Image with the boxes that most labels contain; the score of a box is the share of these labels."""
        return Sample(self.name, self.path, *self.cells.size, self.cells.agreed, reading=self.reading)


def write_suggestions(
    ranked: Sequence[Suggestion],
    out: Path,
    count: int,
    format: str,
    explanation: str = EXPLANATION,
    classes: Sequence[str] = (CELL_NAME,),
) -> None:
    """Write tables and pictures of the disagreement, and labels to be corrected by hand.

    Files for all images are suggestions.csv, boxes.csv, and consensus.json, a COCO file of the boxes that most labels
    contain. Files for the first `count` images are suggestions.md, pictures/, and the same boxes in labels/.

    Args:
        ranked: images, those to be corrected first at the beginning.
        out: folder of the files; it is created if necessary.
        count: number of images to be corrected by hand.
        format: format of their labels.
        explanation: text above the table of suggestions.md.
        classes: names of the classes, from number 1 on.
    """
    first = ranked[:count]
    write_whole(out / "suggestions.csv", to_csv(_image_rows(ranked)).encode())
    write_whole(out / "boxes.csv", to_csv(_box_rows(ranked, classes)).encode())
    lost = left_out(format, classes)
    loss = f"The labels are without their {lost}, for which {format} has no place; consensus.json has them.\n\n"
    write_whole(out / "suggestions.md", _markdown(first, explanation + (loss if lost else "")).encode())
    samples = [suggestion.sample for suggestion in ranked]
    labels = [sample.boxes for sample in samples]
    write_labels("coco", samples, labels, out / "consensus.json", classes)
    write_labels(format, samples[:count], labels[:count], out / "labels", classes)
    for number, suggestion in enumerate(first, start=1):
        write_picture(_picture(suggestion), out / "pictures" / f"{number:03d} {Path(suggestion.name).name}.png")


def _image_rows(ranked: Sequence[Suggestion]) -> Iterable[dict[str, object]]:
    for number, suggestion in enumerate(ranked, start=1):
        disagreement = suggestion.cells.disagreement
        yield (
            {
                "rank": number,
                "image": suggestion.name,
                "score": f"{suggestion.cells.score:.4f}",
                "mean": f"{disagreement.mean():.4f}" if len(disagreement) else "",
                "boxes": len(disagreement),
                "in_question": len(suggestion.in_question),
            }
            | {name: f"{entropy.sum():.4f}" for name, entropy in suggestion.cells.sources.items()}
            | _measures(suggestion)
        )


def _box_rows(ranked: Sequence[Suggestion], classes: Sequence[str]) -> Iterable[dict[str, object]]:
    """Rows of all boxes, in descending order of the disagreement."""
    rows = []
    for suggestion in ranked:
        cells = suggestion.cells
        for index, (corners, disagreement) in enumerate(
            zip(cells.boxes.xyxy.tolist(), cells.disagreement.tolist(), strict=True)
        ):
            sides = dict(zip(("left", "top", "right", "bottom"), (f"{side:.1f}" for side in corners), strict=True))
            agreed = {"agreement": f"{cells.boxes.scores[index]:.4f}", "disagreement": f"{disagreement:.4f}"}
            if len(classes) > 1:
                sides |= {"class": classes[cells.boxes.labels[index] - 1]}
            parts: dict[str, object] = {name: f"{entropy[index]:.4f}" for name, entropy in cells.sources.items()}
            rows.append((disagreement, {"image": suggestion.name} | sides | agreed | parts))
    return [row for _, row in sorted(rows, key=lambda row: -row[0])]


def _measures(suggestion: Suggestion) -> dict[str, str]:
    return {name: "" if isnan(value) else f"{value:.1f}" for name, value in suggestion.measures.items()}


def _markdown(first: Sequence[Suggestion], explanation: str) -> str:
    rows: list[tuple[int | str, ...]] = [
        (
            *(number, image.name, f"{image.cells.score:.2f}", len(image.in_question), len(image.sure)),
            *_measures(image).values(),
        )
        for number, image in enumerate(first, start=1)
    ]
    table = Table(
        "suggestions",
        "Where to look next.",
        ["rank", "image", "score", "in question", "sure", *first[0].measures],
        [[Cell(str(value), value if column == 1 else None) for column, value in enumerate(row)] for row in rows],
    )
    return explanation.format(in_question=IN_QUESTION) + as_markdown(table) + "\n"


def _picture(suggestion: Suggestion) -> Image:
    image = read_image(suggestion.path, suggestion.reading)
    with_sure = draw_boxes(image, suggestion.sure, BLUE)
    factor = with_sure.shape[1] / image.shape[1]
    return draw_boxes(with_sure, scale(suggestion.in_question, factor, factor), ORANGE)
