import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sissi.boxes import make_boxes, same
from sissi.inference.predict_images import Prediction
from sissi.inference.progress_log import PredictionLog, content_digest

DEPENDS = {"detector": "abc", "scale": {"seen": [32, 32]}}


def images(folder, count=3):
    paths = {f"Fläche {k}.png": folder / f"{k}.png" for k in range(count)}
    for k, path in enumerate(paths.values()):
        path.write_bytes(b"pixels" * (k + 1))
    return paths


def found(k):
    random = np.random.default_rng(k)
    return Prediction(40 + k, 50, make_boxes(random.random((k, 4), np.float32), random.random(k, np.float32)))


def fill(file, paths):
    with PredictionLog(file, DEPENDS) as state:
        for k, (name, path) in enumerate(paths.items()):
            state.add(name, content_digest(path), found(k))


def done(file, paths, depends=DEPENDS):
    with PredictionLog(file, depends) as state:
        return {name: one for name, path in paths.items() if (one := state.find(name, path))}


def test_what_was_found_comes_back_bit_by_bit(tmp_path):
    paths, file = images(tmp_path), tmp_path / "new" / "state.jsonl"
    fill(file, paths)
    for k, one in enumerate(done(file, paths).values()):
        assert (one.height, one.width) == (40 + k, 50) and same(one.boxes, found(k).boxes)


@given(st.data())
def test_a_file_cut_off_anywhere_keeps_its_whole_lines_and_grows_again(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cut")
    paths, file = images(folder), folder / "state.jsonl"
    fill(file, paths)
    content = file.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    file.write_bytes(content[:cut])
    whole = max(0, content[:cut].count(b"\n") - 1)
    assert list(done(file, paths)) == list(paths)[:whole]
    with PredictionLog(file, DEPENDS) as state:
        for k, (name, path) in enumerate(list(paths.items())[whole:], start=whole):
            state.add(name, content_digest(path), found(k))
    assert file.read_bytes() == content


def test_other_settings_begin_anew(tmp_path):
    paths, file = images(tmp_path), tmp_path / "state.jsonl"
    fill(file, paths)
    assert len(done(file, paths)) == 3
    assert done(file, paths, {**DEPENDS, "detector": "other"}) == {}
    assert done(file, paths) == {}


def test_an_image_that_was_changed_moved_away_or_renamed_is_not_done(tmp_path):
    paths, file = images(tmp_path), tmp_path / "state.jsonl"
    fill(file, paths)
    first, second, third = paths
    paths[first].write_bytes(b"other pixels")
    paths[second].unlink()
    assert list(done(file, paths)) == [third]
    assert done(file, {"other name": paths[third]}) == {}


def test_a_file_of_something_else_is_begun_anew(tmp_path):
    file = tmp_path / "state.jsonl"
    file.write_bytes(b"\xff\xfe no json")
    assert done(file, images(tmp_path)) == {}
