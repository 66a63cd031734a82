"""What is worked out of images is kept by their content: found again as it was, never met by other content."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from sissi.data.find import decode_all
from sissi.data.image_cache import ImageCache, image_cache_of, load_or_compute
from sissi.data.images.read import RGB, read_image
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import SissiError
from tests.data.formats.label_writing import image
from tests.tracking.test_full_disk import FULL, room


class Work:
    """The negative of an image; counts how often it was worked out."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, pixels: RGB) -> RGB:
        self.done += 1
        return 255 - pixels


def sample_of(path: Path) -> Sample:
    return decode_all({path.name: path}, "key", Problems())[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return image(tmp_path / "a.png")


@pytest.fixture
def image_cache(path: Path, tmp_path: Path) -> ImageCache:
    return image_cache_of([sample_of(path)], tmp_path / "kept")


def kept_file(image_cache: ImageCache) -> Path:
    [file] = image_cache.folder.iterdir()
    return file


def test_it_is_worked_out_once_and_found_as_it_was(path: Path, image_cache: ImageCache) -> None:
    work = Work()
    first, second = (load_or_compute(path, image_cache, work) for _ in range(2))
    assert work.done == 1
    assert first.dtype == second.dtype == np.uint8 and np.array_equal(first, second)
    assert np.array_equal(second, 255 - read_image(path)) and second.flags.writeable


def test_equal_images_have_one_place(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "b.png")
    work, both = Work(), image_cache_of([sample_of(path), sample_of(tmp_path / "b.png")], tmp_path / "kept")
    load_or_compute(path, both, work)
    load_or_compute(tmp_path / "b.png", both, work)
    assert work.done == 1


def test_a_file_with_other_content_never_meets_what_was_kept(
    path: Path, image_cache: ImageCache, tmp_path: Path
) -> None:
    load_or_compute(path, image_cache, Work())
    image(path, 7)
    work, again = Work(), image_cache_of([sample_of(path)], image_cache.folder)
    assert np.array_equal(load_or_compute(path, again, work), 255 - read_image(path)) and work.done == 1


def test_of_a_file_that_was_changed_after_it_was_looked_at_nothing_is_kept(path: Path, image_cache: ImageCache) -> None:
    before = path.read_bytes()
    image(path, 7)
    work = Work()
    assert np.array_equal(load_or_compute(path, image_cache, work), 255 - read_image(path))
    path.write_bytes(before)
    assert np.array_equal(load_or_compute(path, image_cache, work), 255 - read_image(path)) and work.done == 2


@pytest.mark.parametrize("known", ["nothing is kept", "another image is kept", "nobody decoded it"])
def test_without_a_place_it_is_worked_out_every_time(path: Path, tmp_path: Path, known: str) -> None:
    others = {
        "nothing is kept": None,
        "another image is kept": image_cache_of([sample_of(image(tmp_path / "b.png"))], tmp_path / "kept"),
        "nobody decoded it": image_cache_of([replace(sample_of(path), content="")], tmp_path / "kept"),
    }
    work = Work()
    for _ in range(2):
        load_or_compute(path, others[known], work)
    assert work.done == 2 and not (tmp_path / "kept").exists()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def scribble(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


@pytest.mark.parametrize("spoil", [Path.unlink, cut, empty, scribble, lambda file: shutil.rmtree(file.parent)])
def test_what_is_gone_or_not_whole_is_worked_out_again_and_kept(
    path: Path, image_cache: ImageCache, spoil: Callable[[Path], None]
) -> None:
    work = Work()
    load_or_compute(path, image_cache, work)
    spoil(kept_file(image_cache))
    for _ in range(2):
        assert np.array_equal(load_or_compute(path, image_cache, work), 255 - read_image(path))
    assert work.done == 2


def test_a_folder_that_is_cleared_while_it_is_written_to_costs_nothing(
    path: Path, image_cache: ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_or_compute(path, image_cache, Work())
    kept_file(image_cache).unlink()
    replace_file = Path.replace

    def cleared(self: Path, target: Path) -> Path:
        shutil.rmtree(image_cache.folder)
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", cleared)
    assert np.array_equal(load_or_compute(path, image_cache, Work()), 255 - read_image(path))
    assert not image_cache.folder.exists()


def test_where_nothing_can_be_written_it_is_worked_out_every_time(path: Path, image_cache: ImageCache) -> None:
    image_cache.folder.write_bytes(b"not a folder")
    work = Work()
    for _ in range(2):
        assert np.array_equal(load_or_compute(path, image_cache, work), 255 - read_image(path))
    assert work.done == 2


def test_threads_that_want_the_same_at_once_get_the_same(path: Path, image_cache: ImageCache) -> None:
    together = Barrier(4)

    def work(pixels: RGB) -> RGB:
        together.wait(timeout=60)  # nobody has written before all have begun
        return 255 - pixels

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: load_or_compute(path, image_cache, work), range(4)))
    assert all(np.array_equal(one, 255 - read_image(path)) for one in found)
    assert np.array_equal(np.load(kept_file(image_cache)), found[0])


def test_a_full_disk_is_named_and_leaves_nothing_half_there(path: Path, image_cache: ImageCache) -> None:
    with room(1000), pytest.raises(SissiError, match=rf"\.npy: {FULL}"):
        load_or_compute(path, image_cache, Work())
    assert list(image_cache.folder.iterdir()) == []
    load_or_compute(path, image_cache, work := Work())
    assert work.done == 1
