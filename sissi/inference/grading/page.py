"""The page for the lab book: one HTML file that prints, with all that was found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sissi import __version__
from sissi.evaluation.confusion import Counts
from sissi.inference.grading.deciding_cells import DecidingCell, cells_figure
from sissi.inference.grading.figures import dose_figure, wells_figure
from sissi.inference.grading.iso import PASSED, WORDS
from sissi.inference.grading.tables import grade_table, percent
from sissi.inference.grading.units import Graded
from sissi.inference.grading.viability import Groups
from sissi.inference.grading.wells import Well
from sissi.inference.outputs import PredictionSet
from sissi.report.document import Code, Document, Picture, Section
from sissi.runtime.tables import Table, row_of

NO_DEVICE = (
    "This is a second opinion by a computer program for research. It is no medical device and no test according to "
    "ISO 10993-5, it has not been validated for any decision about a medical device, and it does not replace the "
    "judgement of the person who looks at the wells."
)
MISSED, FALSE = "missed", "no cell"


@dataclass(frozen=True, eq=False)
class Grades:
    """All results.

    Attributes:
        models: addresses of the detectors, with the first digits of their files' sha256.
        found: predictions of each detector.
        groups: which classes are living and affected.
        limits: largest fractions of affected cells of grades 0 to 3.
        graded: plates, wells and images.
        errors: confusion matrix of each detector; empty if they are unknown.
        source: where the confusion matrices come from.
        deciding: for each borderline well, the cells that decide.
        notes: problems that were noted.
        command: that made this.
        date: of the day.
    """

    models: Mapping[str, str]
    found: Sequence[PredictionSet]
    groups: Groups
    limits: Sequence[float]
    graded: Sequence[Graded]
    errors: Sequence[Counts]
    source: str
    deciding: Mapping[Well, Sequence[DecidingCell]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    command: str = ""
    date: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in order."""
        return self.found[0].classes

    def level(self, level: str) -> list[Graded]:
        """Units of a level, in order."""
        return [one for one in self.graded if one.unit.level == level]

    def summary(self) -> str:
        """A sentence with the number of wells of each verdict."""
        wells = self.level("well")
        counts = Counter(one.verdict for one in wells)
        parts = [f"{counts[verdict]} {WORDS[verdict].partition(':')[0]}" for verdict in WORDS if counts[verdict]]
        return f"{len(wells)} well{'s' if len(wells) > 1 else ''}: {', '.join(parts)}"


def describe(grades: Grades) -> Document:
    """The page's content."""
    sections = [_wells_section(grades)]
    sections += [section for section in (_borderline_section(grades), _dose_section(grades)) if section.blocks]
    plates, images = grades.level("plate"), grades.level("image")
    tables = [
        *([grade_table("plate", "Plates, all wells together.", plates, grades.classes)] if len(plates) > 1 else []),
        grade_table("image", "Images.", images, grades.classes),
    ]
    sections += [Section("Images and plates" if len(plates) > 1 else "Images", [*tables]), _errors_section(grades)]
    sections.append(_how_section(grades))
    read = sum(len(one.samples) for one in grades.found[:1])
    return Document(
        title="Viability and grade of cytotoxicity",
        lead=[
            NO_DEVICE,
            f"{grades.date}; sissi {__version__}; {grades.summary()}; {read} images, "
            f"{len(grades.found)} detector{'s' if len(grades.found) > 1 else ''}.",
        ],
        sections=sections,
    )


def _wells_section(grades: Grades) -> Section:
    section = Section("Wells")
    wells = grades.level("well")
    section.blocks.append(grade_table("well", "Wells.", wells, grades.classes))
    for number, plate in enumerate(dict.fromkeys(one.unit.well.plate for one in wells), start=1):
        mine = [one for one in wells if one.unit.well.plate == plate and not math.isnan(one.viability.value)]
        if mine:
            of_plate = f" of plate {plate}" if plate else ""
            caption = f"Viability of the wells{of_plate} with 95 % intervals."
            section.blocks.append(Picture(f"wells_{number}", wells_figure(mine, grades.limits), caption))
    return section


def _borderline_section(grades: Grades) -> Section:
    section = Section("Borderline wells: a person should look")
    for number, (well, cells) in enumerate(grades.deciding.items(), start=1):
        one, title = next(one for one in grades.level("well") if one.unit.well == well), well.title
        value = percent(one.viability.value, one.viability.low, one.viability.high)
        section.blocks.append(
            f"Well {title}: viability {value} %, limit of the pass {100 * (1 - grades.limits[PASSED]):.0f} %. Images: "
            f"{', '.join(one.unit.images)}."
        )
        if cells:
            found = grades.found[0]
            caption = f"Well {title}: the cells whose decisions are closest, the closest first."
            section.blocks.append(Picture(f"deciding_{number}", cells_figure(cells, found), caption))
            section.blocks.append(_cells_table(f"deciding_{number}_cells", title, cells, found.classes))
    return section


def _cells_table(name: str, title: str, cells: Sequence[DecidingCell], classes: Sequence[str]) -> Table:
    rows = []
    for number, cell in enumerate(cells, start=1):
        left, top, right, bottom = cell.box.xyxy[0].tolist()
        scores = (f"{score:.2f}" for score in cell.scores)
        place = f"{(left + right) / 2:.0f}, {(top + bottom) / 2:.0f}"
        rows.append(row_of(number, cell.image, place, *scores, f"{cell.box.scores[0]:.2f}", cell.reason))
    caption = f"Cells of the pictures of well {title}: centre in px, score of each class and of the cell, what is near."
    return Table(name, caption, ["cell", "image", "centre", *classes, "score", "near"], rows)


def _dose_section(grades: Grades) -> Section:
    section = Section("Dose")
    wells = grades.level("well")
    dosed = [one for one in wells if one.unit.well.dose is not None and not one.unit.well.control]
    series = dict.fromkeys((one.unit.well.plate, one.unit.well.unit) for one in dosed)
    for number, (plate, unit) in enumerate(series, start=1):
        mine = [one for one in dosed if (one.unit.well.plate, one.unit.well.unit) == (plate, unit)]
        controls = [one for one in wells if one.unit.well.plate == plate and one.unit.well.control]
        of_plate = f" of plate {plate}" if plate else ""
        caption = f"Viability{of_plate} against dose, with 95 % intervals; the line joins the means of the doses."
        section.blocks.append(Picture(f"dose_{number}", dose_figure(mine, controls, grades.limits), caption))
    return section


def _errors_section(grades: Grades) -> Section:
    section = Section("Errors of the detectors")
    if not grades.errors:
        section.blocks.append(
            "The errors of the detectors are not known, since nobody gave labels to measure them with (--validation): "
            "counts are not corrected, and the intervals hold counting error"
            f"{' and the disagreement of the detectors' if len(grades.found) > 1 else ''} only."
        )
        return section
    section.blocks.append(f"Measured on {grades.source}.")
    for number, (model, counts) in enumerate(zip(grades.models, grades.errors, strict=True), start=1):
        rows = [row_of(name, *line) for name, line in zip([*grades.classes, FALSE], counts.tolist(), strict=True)]
        caption = (
            f"{model}: cells of each true class (rows) by the class that is found (columns), at an IoU of 0.5; "
            f"{FALSE}: found where there is none."
        )
        section.blocks.append(Table(f"confusion_{number}", caption, ["true class", *grades.classes, MISSED], rows))
    return section


def _how_section(grades: Grades) -> Section:
    classes, groups = grades.classes, grades.groups
    living, affected = (", ".join(classes[index] for index in part) for part in (groups.living, groups.affected))
    others = [classes[index] for index in groups.others(len(classes))]
    left_out = f" {', '.join(others)}: counted, and left out of the viability." if others else ""
    limits = ", ".join(f"{100 * limit:g}" for limit in grades.limits)
    parts = ["the counting error (Wilson)"]
    parts += ["the errors of the detectors, for which the counts are corrected (bootstrap)"] if grades.errors else []
    parts += ["the disagreement of the detectors"] if len(grades.found) > 1 else []
    first = "Counts of cells are those of the first detector. " if len(grades.found) > 1 else ""
    scores = ", ".join(f"{one.score:g}" for one in grades.found)
    detectors = "; ".join(f"{name} (sha256 {digest[:12]})" for name, digest in grades.models.items())
    return Section(
        "How it was computed",
        [
            f"Living: {living}. Affected: {affected}.{left_out} {first}A cell counts from a score of {scores} on.",
            f"The 95 % interval holds {', '.join(parts)}, together by a Monte Carlo calculation.",
            f"Grades 0, 1, 2 and 3 have at most {limits} % of affected cells, as qualitative grades of ISO 10993-5; "
            f"a well passes if its grade is at most {PASSED} in the whole interval, and is borderline if the interval "
            "crosses that limit. Lysis and growth inhibition, which the standard also names, are not judged.",
            f"Detectors: {detectors}.",
            *grades.notes,
            *([Code(grades.command)] if grades.command else []),
        ],
    )
