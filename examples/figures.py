"""Draw the figures of an ablation from Python, as one does in a notebook.

    python examples/figures.py FOLDER

Every function of `sissi.figures` takes data and returns a matplotlib Figure, which a notebook shows by itself. The data
here are two images that the demo draws and labels that are made up, so no run is needed. With a run,
`sissi.results.stored_ablation.read_ablation` gives its labels, curves and predictions.
"""

import sys
from pathlib import Path

import numpy as np

from sissi import figures
from sissi.boxes import Boxes, clip, drop_degenerate, make_boxes
from sissi.config import Deceleration, DemoData, SyntheticImages
from sissi.data.demo.series import readings, target_image
from sissi.evaluation.bootstrap import bootstrap, matches, paired_difference
from sissi.method.deceleration import adele_start, value
from sissi.method.synthetic_images import synthesise

random = np.random.default_rng(0)
demo = DemoData(kind="demo")
drawn = [target_image(demo, "target_test", index) for index in range(2)]
images = [np.repeat(one.pixels[:, :, None], 3, axis=2) for one in drawn]  # grey, as RGB
truth = [readings(demo, one, index)["reader_1"] for index, one in enumerate(drawn)]


def labels(boxes: Boxes, found: float, noise: float) -> Boxes:
    """Some of the boxes, moved by some px: what a detector might say of them."""
    kept = boxes.take(random.random(len(boxes)) < found)
    moved = make_boxes(kept.xyxy + random.normal(0, noise, kept.xyxy.shape), random.random(len(kept)))
    return drop_degenerate(clip(moved, demo.width, demo.height), smallest_side=2)


cycles = {epoch: labels(truth[0], found, 1.5) for epoch, found in ((5, 0.4), (8, 0.6), (11, 0.8))}
background = SyntheticImages()
synthetic = {
    epoch: synthesise(images[0], boxes, background.strong, background.margin) for epoch, boxes in cycles.items()
}

curve = [float(one) for one in value(np.arange(1, 17), 0.6, 0.95, 4.0) + random.normal(0, 0.01, 16)]
start = adele_start(curve, Deceleration())

better = {0: bootstrap(matches([labels(boxes, 0.9, 1) for boxes in truth], truth))}
baseline = {0: bootstrap(matches([labels(boxes, 0.6, 2) for boxes in truth], truth))}
difference = paired_difference(better, baseline)["AP"]

panels = [figures.Panel("input", images[1]), figures.Panel("reader 1", images[1], truth[1]),
          figures.Panel("labels", images[1], labels(truth[1], 0.6, 2), truth[1])]  # fmt: skip

drawings = {
    "figure_3": figures.synthetic_like(images[0], {"a+sissi-s": synthetic}),
    "figure_4": figures.side_by_side([panels]),
    "figure_7": figures.deceleration_curve(curve, start.fits, start.epoch, threshold=0.9, grid=(0.5, 0.7)),
    "figure_8": figures.label_cycles(images[0], {"a+sissi-s": cycles}, truth[0]),
    "differences": figures.differences({"reader_1": {"a+sissi-s": difference}}, "AP"),
}

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in drawings.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
        print(folder / f"{name}.png")
