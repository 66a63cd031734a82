import cv2
import numpy as np

from sissi.boxes import make_boxes
from sissi.inference.grading.deciding_cells import MOST, cells_figure, deciding_cells
from sissi.inference.grading.viability import Groups
from sissi.inference.outputs import PredictionSet
from sissi.inference.predict_images import Prediction

CLASSES = ("alive", "inhibited", "dead")
GROUPS = Groups((0, 1), (2,))


def well(tmp_path, scores, labels, of_classes, score=0.4):
    """Predictions for an image, and boxes of each class apart with these scores, (cells, classes)."""
    count = len(scores)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 20 * count + 20, 3), np.uint8))
    places = np.array([[20 * k, 10, 20 * k + 12, 22] for k in range(count)])
    outcome = Prediction(40, 20 * count + 20, make_boxes(places, scores, labels))
    found = PredictionSet({"a.png": tmp_path / "a.png"}, {"a.png": outcome}, score, CLASSES)
    return found, {"a.png": [make_boxes(places, column) for column in np.array(of_classes).T]}


def test_the_closest_decisions_come_first_with_what_they_are(tmp_path):
    scores, labels = [0.95, 0.42, 0.9, 0.1], [1, 3, 1, 3]
    of_classes = [[0.5, 0.1, 0.35], [0.0, 0.0, 0.42], [0.45, 0.44, 0.01], [0.0, 0.0, 0.1]]
    found, by_class = well(tmp_path, scores, labels, of_classes)
    cells = deciding_cells(["a.png"], found, by_class, GROUPS, 0.3)
    assert [(cell.reason, round(cell.distance, 2)) for cell in cells] == [
        ("whether it counts", 0.02),
        ("its class", 0.15),
        ("whether it counts", 0.3),  # far below the score that counts
        ("its class", 0.44),  # alive or inhibited is no decision: both are living
    ]
    np.testing.assert_allclose(cells[1].scores, [0.5, 0.1, 0.35], atol=1e-6)


def test_a_class_of_neither_group_decides_only_by_its_class(tmp_path):
    found, by_class = well(tmp_path, [0.41, 0.39], [2, 2], [[0.1, 0.3, 0.0], [0.1, 0.3, 0.0]])
    cells = deciding_cells(["a.png"], found, by_class, Groups((0,), (2,)), 0.3)
    assert [cell.reason for cell in cells] == ["its class"]


def test_few_cells_are_shown_and_those_at_the_edge_too(tmp_path):
    found, by_class = well(tmp_path, [0.9] * 12, [1] * 12, [[0.5, 0.2, 0.2]] * 12)
    cells = deciding_cells(["a.png"], found, by_class, GROUPS, 0.3)
    assert len(cells) == MOST
    figure = cells_figure(cells, found)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == MOST and shown[0].get_title().startswith("1: alive 0.90")


def test_images_that_cannot_be_read_have_no_cells(tmp_path):
    found, _ = well(tmp_path, [0.9], [1], [[0.9, 0, 0]])
    assert deciding_cells(["a.png"], found, {}, GROUPS, 0.3) == []
