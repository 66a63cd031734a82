"""Draw a plate of the demo's cells that got doses of something, to try `sissi grade` on.

    python examples/draw_plate.py plate
    sissi grade MODEL plate/wells --layout plate/layout.csv --validation plate/validation.json plate/validation \\
      --out graded
    python examples/draw_plate.py plate --graded graded

The folder has a folder of images for each well, layout.csv, images for validation with their exact labels, and
truth.csv with the true cells of each well. An image is of dead cells with a probability that grows with the dose. No
image is one of the demo's. With --graded FOLDER, the results of `sissi grade` in it are compared with the truth.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from sissi.data.demo.target import KINDS, TargetImage, draw_target
from sissi.data.demo.write import save_image
from sissi.data.formats.coco import to_coco
from sissi.inference.grading.iso import grade
from sissi.runtime.csv_records import to_csv
from sissi.runtime.randomness import generator

SIZE, CELLS = (160, 192), (12, 28)
DOSES = (0.1, 0.3, 1, 3, 10, 30)
HALF = 1.7
"""Dose at which half of the images are of dead cells."""


def draw(seed: int, purpose: str, index: int, dead: float) -> TargetImage:
    """An image of dead cells with this probability, else one of living or, one time in ten, of inhibited cells."""
    random = generator("plate", seed, purpose, index)
    kind = "dead" if random.random() < dead else "inhib" if random.random() < 0.1 else "alive"
    return draw_target(random, kind, SIZE, CELLS)


def draw_plate(out: Path, wells: int, images: int, validation: int, seed: int) -> None:
    """Draw wells with doses and two controls in turn, and validation images."""
    given = [(0.0, "negative"), *((dose, "") for dose in DOSES), (DOSES[-1], "positive")]
    layout, truth = [], []
    for index in range(wells):
        dose, control = given[index % len(given)]
        name = f"{'ABCDEFGH'[index // 12 % 8]}{index % 12 + 1:02d}{'' if index < 96 else f'-{index // 96}'}"
        counts = np.zeros(len(KINDS), int)
        for number in range(images):
            image = draw(seed, "well", index * images + number, dose**2 / (dose**2 + HALF**2))
            save_image(out / "wells" / name / f"{number}.png", image.pixels)
            layout.append({"image": f"{name}/{number}.png", "well": name, "dose": None if control else dose})
            layout[-1] |= {"unit": "" if control else "mg/ml", "control": control}
            counts += [image.kinds.count(kind) for kind in KINDS]
        truth.append({"well": name} | dict(zip(KINDS, counts.tolist(), strict=True)))
    boxes = {}
    for index in range(validation):
        image = draw(seed, "validation", index, 0.5)
        boxes[f"{index:03d}.png"] = image.named_truth
        save_image(out / "validation" / f"{index:03d}.png", image.pixels)
    (out / "layout.csv").write_text(to_csv(layout))
    (out / "truth.csv").write_text(to_csv(truth))
    sized = [(name, *SIZE) for name in boxes]
    names = [{"alive": "alive", "inhib": "inhibited", "dead": "dead"}[kind] for kind in KINDS]
    (out / "validation.json").write_text(json.dumps(to_coco(sized, list(boxes.values()), names)))


def compare(out: Path, graded: Path) -> str:
    """How often the intervals hold the truth, and how often the grade is right or the well called borderline."""
    truth = pd.read_csv(out / "truth.csv").set_index("well")
    found = pd.read_csv(graded / "grades.csv")
    found = found[found["level"] == "well"].set_index("well").loc[truth.index]
    viability = 1 - truth["dead"] / truth[list(KINDS)].sum(axis=1)
    grades = viability.map(lambda share: grade(1 - share))
    held = found["viability_low"].le(viability) & found["viability_high"].ge(viability)
    counted = found["counting_low"].le(viability) & found["counting_high"].ge(viability)
    right = found["grade"].eq(grades)
    borderline = found["verdict"].eq("borderline")
    within = found["grade_best"].le(grades) & found["grade_worst"].ge(grades)
    error = (found["viability"] - viability).abs().mean()
    width = (found["viability_high"] - found["viability_low"]).mean()
    return "\n".join(
        [
            f"{len(truth)} wells",
            f"interval holds the true viability: {held.mean():.0%}; of counting error alone: {counted.mean():.0%}",
            f"mean width of the interval: {width:.2f}; mean error of the viability: {error:.3f}",
            f"grade right: {right.mean():.0%}; right or borderline: {(right | borderline).mean():.0%}; borderline: "
            f"{borderline.mean():.0%}; true grade in the interval: {within.mean():.0%}",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--wells", type=int, default=24)
    parser.add_argument("--images", type=int, default=4, help="of each well")
    parser.add_argument("--validation", type=int, default=40, help="images for validation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--graded", type=Path, help="results of `sissi grade`, to be compared")
    given = parser.parse_args()
    if given.graded is None:
        draw_plate(given.out, given.wells, given.images, given.validation, given.seed)
    else:
        print(compare(given.out, given.graded))
