"""Write which images and boxes are in question: tables, pictures, and labels to be corrected by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sissi.active_learning.disagreement import Disagreement
from sissi.boxes import Boxes, scale
from sissi.config import ImageReading
from sissi.data.formats import write_labels
from sissi.data.images.draw import ORANGE, Image, draw_boxes, write_picture
from sissi.data.images.read import FIRST, read_image
from sissi.data.sample import Sample
from sissi.results.tables import Cell, Table, as_markdown
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole

BLUE = (86, 180, 233)
"""Of boxes that are not in question; told apart from orange by everybody."""
IN_QUESTION = 0.25
"""A box whose disagreement exceeds this is in question: on the demo a third of them or more is wrong or missed."""
MAJORITY = 0.5
"""Boxes that at least this share of the labels name are exported."""
EXPLANATION = """\
# Where to look next

The images whose correction by hand would help most, first those in which variants, cycles and views disagree most
about the cells. **score**: the sum of the disagreement over the boxes of an image, about how many of its cells are in
question. **in question**: boxes with a disagreement above {in_question}, orange in the pictures. **sure**: the others.

"""


@dataclass(frozen=True, eq=False)
class Suggestion:
    """An image, and what is in question about it.

    Attributes:
        name: below the image folder.
        path: of the image file.
        doubt: about its cells.
        reading: planes and channels of the file that are the image.
    """

    name: str
    path: Path
    doubt: Disagreement
    reading: ImageReading = FIRST

    @property
    def in_question(self) -> Boxes:
        """The boxes that the committee disagrees about."""
        return self.doubt.boxes.take(self.doubt.disagreement > IN_QUESTION)

    @property
    def sure(self) -> Boxes:
        """The others."""
        return self.doubt.boxes.take(self.doubt.disagreement <= IN_QUESTION)

    @property
    def sample(self) -> Sample:
        """The image with the boxes that most of the labels name; their scores say how many do."""
        boxes = self.doubt.boxes
        return Sample(
            self.name, self.path, *self.doubt.size, boxes.take(boxes.scores >= MAJORITY), reading=self.reading
        )


def write_suggestions(ranked: Sequence[Suggestion], out: Path, count: int, format: str) -> None:
    """Write what is in question, and labels to be corrected by hand.

    Of all images: suggestions.csv, boxes.csv, and consensus.json, a COCO file of the boxes that most labels name. Of
    the first `count`: suggestions.md, pictures/, and the same boxes in labels/.

    Args:
        ranked: the images, most in question first.
        out: folder, made if it is missing.
        count: images to be corrected by hand.
        format: of their labels.
    """
    first = ranked[:count]
    write_whole(out / "suggestions.csv", to_csv(_image_rows(ranked)).encode())
    write_whole(out / "boxes.csv", to_csv(_box_rows(ranked)).encode())
    write_whole(out / "suggestions.md", _markdown(first).encode())
    samples = [one.sample for one in ranked]
    labels = [sample.boxes for sample in samples]
    write_labels("coco", samples, labels, out / "consensus.json")
    write_labels(format, samples[:count], labels[:count], out / "labels")
    for number, one in enumerate(first, start=1):
        write_picture(_picture(one), out / "pictures" / f"{number:03d} {Path(one.name).name}.png")


def _image_rows(ranked: Sequence[Suggestion]) -> Iterable[dict[str, object]]:
    for number, one in enumerate(ranked, start=1):
        disagreement = one.doubt.disagreement
        yield {
            "rank": number,
            "image": one.name,
            "score": f"{one.doubt.score:.4f}",
            "mean": f"{disagreement.mean():.4f}" if len(disagreement) else "",
            "boxes": len(disagreement),
            "in_question": len(one.in_question),
        } | {name: f"{entropy.sum():.4f}" for name, entropy in one.doubt.sources.items()}


def _box_rows(ranked: Sequence[Suggestion]) -> Iterable[dict[str, object]]:
    """Every box, most in question first."""
    rows = []
    for one in ranked:
        for index, (corners, disagreement) in enumerate(
            zip(one.doubt.boxes.xyxy.tolist(), one.doubt.disagreement.tolist(), strict=True)
        ):
            sides = dict(zip(("left", "top", "right", "bottom"), (f"{side:.1f}" for side in corners), strict=True))
            agreed = {"agreement": f"{one.doubt.boxes.scores[index]:.4f}", "disagreement": f"{disagreement:.4f}"}
            parts: dict[str, object] = {name: f"{entropy[index]:.4f}" for name, entropy in one.doubt.sources.items()}
            rows.append((disagreement, {"image": one.name} | sides | agreed | parts))
    return [row for _, row in sorted(rows, key=lambda row: -row[0])]


def _markdown(first: Sequence[Suggestion]) -> str:
    rows: list[tuple[int | str, ...]] = [
        (number, one.name, f"{one.doubt.score:.2f}", len(one.in_question), len(one.sure))
        for number, one in enumerate(first, start=1)
    ]
    table = Table(
        "suggestions",
        "Where to look next.",
        ["rank", "image", "score", "in question", "sure"],
        [[Cell(str(value), value if column == 1 else None) for column, value in enumerate(row)] for row in rows],
    )
    return EXPLANATION.format(in_question=IN_QUESTION) + as_markdown(table) + "\n"


def _picture(one: Suggestion) -> Image:
    image = read_image(one.path, one.reading)
    sure = draw_boxes(image, one.sure, BLUE)
    enlarged = sure.shape[1] / image.shape[1]
    return draw_boxes(sure, scale(one.in_question, enlarged, enlarged), ORANGE)
