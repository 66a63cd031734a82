"""Frames: images at the size of the detector, with or without a place where they are kept."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sissi.data.image_cache
from sissi.config import ImageReading
from sissi.data.find import decode_all
from sissi.data.images.read import RGB, read_image
from sissi.data.problems import Problems
from sissi.data.resized import ResizedDataset, resize, resized_dataset
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.runtime.cache import Cache
from tests.data.formats.label_writing import HEIGHT, WIDTH, image

SIZE = (10, 12)
sides = st.integers(1, 40)


def samples_of(folder: Path) -> list[Sample]:
    return decode_all({path.name: path for path in sorted(folder.iterdir())}, "key", Problems())


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    for index in range(3):
        image(tmp_path / "images" / f"{index}.png", 50 * index)
    return samples_of(tmp_path / "images")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the images that are decoded, one after the other."""
    names: list[str] = []

    def counted(path: Path, reading: ImageReading) -> RGB:
        names.append(path.name)
        return read_image(path, reading)

    monkeypatch.setattr(sissi.data.image_cache, "read_image", counted)
    return names


def pixels(frames: ResizedDataset) -> list[list[int]]:
    return [frames.read(index).ravel().tolist() for index in range(len(frames))]


@settings(deadline=None)
@given(
    size=st.tuples(sides, sides),
    frame=st.tuples(sides, sides),
    seed=st.integers(0, 2**32 - 1),
    suffix=st.sampled_from(["png", "jpg", "bmp", "tif"]),
    deep=st.booleans(),
)
def test_frames_are_bit_by_bit_the_same_with_and_without_a_cache(
    tmp_path_factory: pytest.TempPathFactory,
    size: tuple[int, int],
    frame: tuple[int, int],
    seed: int,
    suffix: str,
    deep: bool,
) -> None:
    folder = tmp_path_factory.mktemp("resized")
    (folder / "images").mkdir()
    depth = np.uint16 if deep and suffix in ("png", "tif") else np.uint8
    drawn = np.random.default_rng(seed).integers(0, np.iinfo(depth).max, (*size, 3), depth)
    cv2.imwrite(str(folder / "images" / f"a.{suffix}"), drawn)
    [sample] = samples_of(folder / "images")
    without = resized_dataset([sample], frame).read(0)
    kept = resized_dataset([sample], frame, Cache(folder / "cache"))
    for found in (without, kept.read(0), kept.read(0)):
        assert found.dtype == np.uint8 and found.shape == (*frame, 3) and found.flags.writeable
        assert np.array_equal(found, resize(read_image(sample.path), *frame))
    shutil.rmtree(folder)


def test_an_image_is_decoded_once_whoever_reads_its_frame(
    samples: list[Sample], cache: Cache, decoded: list[str]
) -> None:
    frames = resized_dataset(samples, SIZE, cache)
    first = pixels(frames)
    assert decoded == ["0.png", "1.png", "2.png"]
    assert pixels(frames) == first and pixels(resized_dataset(samples, SIZE, cache)) == first
    some = frames.with_boxes(frames.boxes).take([2, 0])
    assert pixels(some) == [first[2], first[0]] and len(decoded) == 3


def test_every_size_has_frames_of_its_own(samples: list[Sample], cache: Cache, decoded: list[str]) -> None:
    for height, width in (SIZE, SIZE[::-1], (HEIGHT, WIDTH)):
        for _ in range(2):
            assert resized_dataset(samples, (height, width), cache).read(1).shape == (height, width, 3)
    assert decoded == ["1.png"] * 3


def test_other_content_under_an_old_name_has_a_frame_of_its_own(
    samples: list[Sample], cache: Cache, tmp_path: Path
) -> None:
    resized_dataset(samples, SIZE, cache).read(0)
    image(samples[0].path, 200)
    assert (resized_dataset(samples_of(tmp_path / "images"), SIZE, cache).read(0) == 200).all()


def test_without_a_cache_nothing_is_kept(samples: list[Sample], tmp_path: Path, decoded: list[str]) -> None:
    frames = resized_dataset(samples, SIZE)
    assert pixels(frames) == pixels(frames) and len(decoded) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_a_cache_that_is_cleared_in_mid_run_costs_only_the_decoding(
    samples: list[Sample], cache: Cache, decoded: list[str]
) -> None:
    frames = resized_dataset(samples, SIZE, cache)
    first = pixels(frames)
    assert [entry.kind for entry in cache.prune(0, unused_for=0)] == ["resized"]
    assert pixels(frames) == first == pixels(frames) and len(decoded) == 6


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize("damage", [cut_off, Path.unlink])
def test_damage_is_named_when_the_frame_is_first_read_and_when_the_image_is_next_checked(
    samples: list[Sample], cache: Cache, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    frames = resized_dataset(samples, SIZE, cache)
    before = frames.read(0)
    for sample in samples[:2]:
        damage(sample.path)
    assert np.array_equal(frames.read(0), before)  # what was read when it was whole needs it no more
    with pytest.raises(DataError, match=str(samples[1].path)):
        frames.read(1)
    with pytest.raises(DataError, match=str(samples[0].path)):
        decode_all({sample.name: sample.path for sample in samples}, "key", Problems())


def test_reading_counts_as_use(samples: list[Sample], cache: Cache) -> None:
    frames = resized_dataset(samples, SIZE, cache)
    frames.read(0)
    [entry] = cache.entries()
    os.utime(entry.folder, (0, 0))
    frames.read(0)
    assert time.time() - entry.used < 3600
    assert cache.prune(0) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_frames_come_in_order_and_the_last_batch_holds_the_rest(target: ResizedDataset, workers: int) -> None:
    batches = list(target.batches(2, workers))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    for index, frame in enumerate(frame for batch in batches for frame in batch):
        assert np.array_equal(frame, target.read(index))
