import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sissi.boxes import make_boxes
from sissi.errors import DataError
from sissi.inference.predict_images import InputScale, Prediction, predict_images


def bright(images):
    """A perfect detector of bright rectangles on black: a box for each connected region."""
    found = []
    for image in images:
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 127).astype(np.uint8))
        x, y, width, height = stats[1:, :4].T
        found.append(make_boxes(np.stack([x, y, x + width, y + height], axis=1)))
    return found


def draw(path, height, width, cells):
    image = np.zeros((height, width, 3), np.uint8)
    for left, top, right, bottom in cells:
        image[top:bottom, left:right] = 255
    cv2.imwrite(str(path), image)
    return path


WHOLE = InputScale((32, 32))


def run(images, find=bright, size=WHOLE, batch=4):
    return dict(predict_images(images, find, size, batch, most_overlap=0.5))


def ordered(boxes):
    return boxes.xyxy[np.lexsort(boxes.xyxy.T)].tolist()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_tiles_find_what_the_whole_image_shows_each_cell_once(tmp_path_factory, data):
    height, width = data.draw(st.integers(20, 300)), data.draw(st.integers(20, 300))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    corners = np.mgrid[1 : height - 11 : 12, 1 : width - 11 : 12].reshape(2, -1).T[:, ::-1]
    chosen = corners[random.random(len(corners)) < 0.7]
    cells = np.concatenate([chosen, chosen + random.integers(2, 11, chosen.shape)], axis=1)
    path = draw(tmp_path_factory.mktemp("field") / "field.png", height, width, cells)
    tile = data.draw(st.integers(56, 120)), data.draw(st.integers(56, 120))
    found = run({"field": path}, size=InputScale(seen=tile, tile=tile))["field"].boxes
    assert ordered(found) == sorted(cells.tolist(), key=lambda cell: cell[::-1])


def sizes_seen(path, size, batch=4):
    seen = []

    def find(images):
        seen.append([image.shape[:2] for image in images])
        return bright(images)

    found = run({"one": path}, find, size, batch)["one"]
    return seen, found


def test_a_tile_is_seen_at_the_size_that_training_images_had(tmp_path):
    path = draw(tmp_path / "scan.png", 96, 192, [(150, 60, 166, 76)])
    seen, found = sizes_seen(path, InputScale(seen=(24, 32), tile=(48, 64)))
    assert {size for batch in seen for size in batch} == {(24, 32)}
    assert found.boxes.xyxy.tolist() == [[150, 60, 166, 76]]


def test_an_image_smaller_than_a_tile_is_not_blown_up(tmp_path):
    path = draw(tmp_path / "crop.png", 40, 20, [(4, 4, 12, 12)])
    seen, found = sizes_seen(path, InputScale(seen=(32, 64), tile=(64, 128)))
    assert seen == [[(20, 10)]] and found.boxes.xyxy.tolist() == [[4, 4, 12, 12]]


def test_an_image_like_those_of_training_is_seen_whole_and_others_in_tiles_if_so_wanted(tmp_path):
    size = InputScale(seen=(32, 32), tile=(64, 64), only_unlike=True)
    for side, wanted in ((64, (32, 32)), (90, (32, 32)), (44, (32, 32)), (128, (32, 32)), (32, (16, 16))):
        seen, _ = sizes_seen(draw(tmp_path / f"{side}.png", side, side, []), size)
        assert set(seen[0]) == {wanted}
        assert (sum(map(len, seen)) > 1) == (side == 128)


def test_without_tiles_an_image_is_resized_whole(tmp_path):
    path = draw(tmp_path / "wide.png", 64, 256, [(64, 16, 128, 32)])
    seen, found = sizes_seen(path, InputScale(seen=(32, 32)))
    assert seen == [[(32, 32)]] and found.boxes.xyxy.tolist() == [[64, 16, 128, 32]]


def test_pieces_of_several_images_share_a_batch_and_come_back_to_their_image(tmp_path):
    images = {f"{k}": draw(tmp_path / f"{k}.png", 64, 64 + 12 * k, [(k, 5, k + 8, 13)]) for k in range(5)}
    batches = []

    def find(frames):
        batches.append(len(frames))
        return bright(frames)

    found = run(images, find, InputScale((64, 64), (64, 64)), batch=3)
    assert batches == [3, 3, 3]  # 1 + 2 + 2 + 2 + 2 tiles
    assert {name: one.boxes.xyxy.tolist() for name, one in found.items()} == {
        str(k): [[k, 5, k + 8, 13]] for k in range(5)
    }
    assert [(one.height, one.width) for one in found.values()] == [(64, 64 + 12 * k) for k in range(5)]


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_an_image_that_cannot_be_read_is_told_and_the_others_go_on(tmp_path, broken):
    images = {f"{k}": draw(tmp_path / f"{k}.png", 32, 32, [(4, 4, 12, 12)]) for k in range(3)}
    images[str(broken)].write_bytes(images[str(broken)].read_bytes()[:50])
    found = run(images)
    assert set(found) == set(images)
    assert {name for name, one in found.items() if isinstance(one, DataError)} == {str(broken)}
    assert all(len(one.boxes) == 1 for one in found.values() if isinstance(one, Prediction))
