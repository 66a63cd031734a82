"""Images to be corrected first, before anything is trained: the command `sissi suggest IMAGES`.

The labels are those of image processing. An image is in doubt where small changes of the settings change its labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rich.console import Console

from sissi.active_learning.coverage import representatives
from sissi.active_learning.disagreement import EVERY_BOX, Disagreement, share, vote_entropy
from sissi.active_learning.outputs import Suggestion, write_suggestions
from sissi.boxes import make_boxes
from sissi.config import WeakLabels
from sissi.data.find import THREADS
from sissi.data.sample import Sample
from sissi.data.weak_labelling import label_image
from sissi.method.pseudo_labels import fuse
from sissi.runtime.progress import image_bar
from sissi.weak_labels.channels import grey

CHANGES = (0.8, 0.9, 1.0, 1.1, 1.25)
"""Factors on the size of a cell, for the labels that are compared."""
EXPLANATION = """\
# Images to be corrected first

Together they stand for all images, by size and number of the cells, contrast, and doubt about the labels; doubtful
images weigh more. The first is a typical image, each further one is unlike those before it. **score**: about the number
of its cells whose labels change with the settings of the pipeline. **in question**: boxes with a disagreement above
{in_question}, orange in the pictures. **sure**: all others. **size**: median longer side of the boxes, in px.
**contrast**: standard deviation of the grey levels.

"""


def suggest_first(
    samples: Sequence[Sample],
    settings: WeakLabels,
    sized: WeakLabels,
    out: Path,
    count: int,
    format: str,
    console: Console,
) -> list[Suggestion]:
    """Choose the images to be corrected first, and export them with their weak labels; see `write_suggestions`.

    Args:
        samples: images; their boxes do not matter.
        settings: settings of the weak labels.
        sized: these settings with every size given.
        out: folder of the files; it is created if necessary.
        count: number of images to be corrected by hand.
        format: format of their labels.
        console: console for progress.

    Returns:
        All images: first the chosen ones in order, then the others, the most doubtful first.
    """
    changed = _changed(settings, sized)
    with image_bar(console, len(samples)) as advance, ThreadPoolExecutor(THREADS) as pool:

        def look(sample: Sample) -> Suggestion:
            found = _suggestion(sample, changed)
            advance()
            return found

        found = list(pool.map(look, samples))
    ranked = _ranked(found, count)
    write_suggestions(ranked, out, count, format, EXPLANATION)
    return ranked


def _changed(settings: WeakLabels, sized: WeakLabels) -> list[WeakLabels]:
    """The settings for cells of several sizes around the given or estimated one; as they are if no size is open."""
    if sized.cell_size == "auto":
        return [sized]
    return [settings.for_cells_of(sized.cell_size * change) for change in CHANGES]


def _suggestion(sample: Sample, changed: Sequence[WeakLabels]) -> Suggestion:
    image = sample.read()
    labels = [label_image(sample, image, settings).sample.boxes for settings in changed]
    cells = fuse(labels, sample.height, sample.width, EVERY_BOX)
    votes = share(cells, labels)
    disagreement = Disagreement(
        (sample.height, sample.width), make_boxes(cells.xyxy, votes, cells.labels), {"settings": vote_entropy(votes)}
    )
    boxes = disagreement.agreed
    sides = np.maximum(boxes.widths, boxes.heights)
    measures = {"size": float(np.median(sides)) if len(sides) else float("nan"), "contrast": float(grey(image).std())}
    return Suggestion(sample.name, sample.path, disagreement, sample.reading, measures)


def _ranked(found: Sequence[Suggestion], count: int) -> list[Suggestion]:
    doubt = np.array([one.cells.score for one in found])
    features = np.array([[*one.measures.values(), len(one.cells.agreed), one.cells.score] for one in found])
    chosen = representatives(features, 1 + doubt / max(doubt.max(), 1e-9), count)
    others = sorted(set(range(len(found))) - set(chosen), key=lambda index: (-doubt[index], found[index].name))
    return [found[index] for index in (*chosen, *others)]
