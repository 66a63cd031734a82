"""The kind of cell that a weak label names."""

import numpy as np
import pytest

from sissi.boxes import EMPTY, match
from sissi.config import DemoData, WeakLabels
from sissi.config.sizes import DRAWN_CELL
from sissi.data.demo.series import target_image
from sissi.weak_labels import KINDS, find_cells, label_cells, name_kinds

DEMO = DemoData(kind="demo", seed=3)
SETTINGS = WeakLabels(cell_size=DRAWN_CELL)
OWN_LOOK = SETTINGS.model_copy(update={"kind": "cell"})


def named(kind, boxes):
    return {KINDS[label - 1] for label in boxes.labels.tolist()}


@pytest.mark.parametrize("category", ["alive", "inhib", "dead"])
def test_by_default_all_cells_of_an_image_are_of_its_pipelines_kind(category):
    image = target_image(DEMO, "target_train", ["alive", "inhib", "dead"].index(category))
    assert named("pipeline", label_cells(image.pixels, SETTINGS, category)) == {category.replace("inhib", "inhibited")}


def test_dead_cells_are_told_from_living_ones_by_their_own_look_whatever_the_folder():
    right = total = 0
    for index in range(12):
        image = target_image(DEMO, "target_train", index)
        for pipeline in ("alive", "dead"):  # one of them at least is not that of the image
            found = find_cells(image.pixels, SETTINGS, pipeline)
            boxes = name_kinds(image.pixels, found, OWN_LOOK, pipeline)
            partner = match(boxes, image.truth)
            dead = np.array([kind == "dead" for kind in image.kinds])[partner[partner >= 0]]
            said = boxes.labels[partner >= 0] == KINDS.index("dead") + 1
            right, total = right + (dead == said).sum(), total + len(dead)
    assert total > 150 and right / total > 0.9


def test_places_stay_and_stained_cells_have_no_state():
    image = target_image(DEMO, "target_train", 2)
    found = find_cells(image.pixels, SETTINGS, "dead")
    assert np.array_equal(name_kinds(image.pixels, found, OWN_LOOK, "dead").xyxy, found.xyxy)
    assert named("cell", name_kinds(image.pixels, found, OWN_LOOK, "stained")) == {"stained"}
    assert len(name_kinds(image.pixels, EMPTY, OWN_LOOK, "dead")) == 0
    flat = np.full((40, 40), 99, np.uint8)
    assert named("cell", name_kinds(flat, found.take(found.xyxy.max(axis=1) < 40), OWN_LOOK, "alive")) <= {"alive"}


def test_images_of_large_cells_are_looked_at_at_the_same_scale():
    image = target_image(DEMO, "target_train", 2)
    large = np.kron(image.pixels, np.ones((3, 3), np.uint8))
    settings = OWN_LOOK.for_cells_of(3 * DRAWN_CELL)
    boxes = find_cells(large, settings, "dead")
    share = (name_kinds(large, boxes, settings, "dead").labels == KINDS.index("dead") + 1).mean()
    assert share >= 0.5
