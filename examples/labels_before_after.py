"""Draw the labels of an ablation before and after correction, on one training image of each kind.

    python examples/labels_before_after.py latest --out docs/images/labels-before-after.jpg

The picture at the top of the README. Of each image folder it shows the image with the median number of true cells, so
the images are not chosen by hand. The ablation needs reference labels (`data.target_reference`), as the demo has.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sissi.boxes import Boxes, match
from sissi.data.images.read import read_image
from sissi.figures import Panel, side_by_side
from sissi.figures.style import GREEN, SKY, TEXT, VERMILION
from sissi.report.report_data import gather
from sissi.results.stored_ablation import read_ablation
from sissi.tracking import open_store

LEGEND = {
    "label that matches a cell (IoU of 0.5 or more)": (GREEN, "-"),
    "label that matches no cell": (VERMILION, "-"),
    "cell without a label": (SKY, (0, (2, 1.5))),
}


def draw(tracking: Path, run: str, variant: str) -> Figure:
    """The figure: a column for each image folder; initial labels above, labels of the last cycle below."""
    ablation = read_ablation(open_store(tracking), run)
    stored = gather(ablation, tracking)
    if isinstance(stored.images, str):
        raise SystemExit(f"no picture: {stored.images}")
    seed = ablation.seeds[0]
    cycles = ablation.labels(ablation.branches[variant, seed])
    title = ablation.known[variant].title
    stages = {
        "before: weak labels": ablation.labels(ablation.trunks[seed])[0],
        f"after: {title}": cycles[max(cycles)],
    }
    paths = {sample.name: sample.path for sample in stored.images.target}
    names = one_of_each_folder(stored.reference)
    rows = [
        [panel(paths[name], labels.boxes[name], stored.reference[name]) for name in names] for labels in stages.values()
    ]
    figure = side_by_side(rows, columns=len(names))
    for axes, stage in zip(figure.axes[:: len(names)], stages, strict=True):
        axes.set_ylabel(stage, fontsize=TEXT)
    lines = [Line2D([], [], color=colour, linestyle=dashes) for colour, dashes in LEGEND.values()]
    figure.legend(lines, list(LEGEND), loc="outside lower center", ncols=3, fontsize=TEXT, frameon=False)
    return figure


def one_of_each_folder(truth: dict[str, Boxes]) -> list[str]:
    """The image with the median number of cells of each folder."""
    folders: dict[Path, list[str]] = defaultdict(list)
    for name in sorted(truth, key=lambda name: len(truth[name])):
        folders[Path(name).parent].append(name)
    return [names[(len(names) - 1) // 2] for _, names in sorted(folders.items())]


def panel(path: Path, labels: Boxes, truth: Boxes) -> Panel:
    """An image with its labels, compared with the true boxes."""
    right = int(np.count_nonzero(match(labels, truth) >= 0))
    title = f"{right} of {len(truth)} cells labelled, {len(labels) - right} wrong"
    return Panel(title, read_image(path), labels, truth)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN", help="the id of an ablation's run, or `latest`")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write, .jpg or .png")
    parser.add_argument("--variant", default="a+sissi-s", help="whose labels are shown")
    parser.add_argument("--tracking", type=Path, default=Path("mlruns"), metavar="FOLDER", help="of the runs")
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    draw(given.tracking, given.run, given.variant).savefig(given.out, dpi=180)
    print(given.out)
