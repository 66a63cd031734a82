"""The images of a data set: which files, under which names, and that each can be decoded."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sissi.config import ImageReading
from sissi.data import find as finding
from sissi.data.find import decode_all, find_images, listed, require_path, subsample
from sissi.data.images.read import FIRST
from sissi.data.problems import Problem, Problems
from sissi.errors import DataError
from sissi.runtime.cache import Cache


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def find(folder: Path, layout: str) -> tuple[list[str], list[Problem]]:
    problems = Problems()
    found = find_images(folder, layout, problems, "data.source_val.images")
    assert all(folder / name == path for name, path in found.items())
    return list(found), problems.found


def test_all_images_of_a_flat_folder(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a.jpg", "a_masks.png", "labels.json", "alive/c.png")
    for layout in ("voc", "coco", "flat"):
        assert find(tmp_path, layout) == (["a.jpg", "a_masks.png", "b.png"], [])


def test_celllab_images_lie_in_folders_by_category(tmp_path: Path) -> None:
    touch(tmp_path, "alive/b.jpg", "alive/a.jpg", "inhib/a.jpg", "test_labelled/c.jpg", "stray.jpg", "alive/a.txt")
    names, problems = find(tmp_path, "celllab")
    assert names == ["alive/a.jpg", "alive/b.jpg", "inhib/a.jpg"]
    assert problems == [Problem(tmp_path / "stray.jpg", "image outside of alive, dead and inhib, not used")]


@pytest.mark.parametrize("layout", ["coco", "label_studio", "flat"])
def test_images_by_category_can_have_labels_of_any_format(tmp_path: Path, layout: str) -> None:
    touch(tmp_path, "alive/b.jpg", "inhib/a.jpg", "labels.json")
    assert find(tmp_path, layout) == (["alive/b.jpg", "inhib/a.jpg"], [])


def test_celllab_images_may_lie_in_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.txt")
    assert find(tmp_path, "celllab") == (["a.jpg"], [])


ALONE = "image without _img in its name, and without a mask, not used"
BESIDE = "file that Cellpose writes beside an image, not used"


@pytest.mark.parametrize(
    ("files", "images", "notes"),
    [
        (["0_img.png", "0_masks.png", "1_img.tif", "flow.png"], ["0_img.png", "1_img.tif"], {"flow.png": ALONE}),
        (["a.tif", "a_masks.tif", "b.tif", "b_cp_masks.png"], ["a.tif", "b.tif"], {}),
        (
            ["a.tif", "a_seg.npy", "a_outlines.png", "a_flows.tif"],
            ["a.tif"],
            {"a_outlines.png": BESIDE, "a_flows.tif": BESIDE},
        ),
        (["0_img.png", "0_masks.png", "b.tif", "b_seg.npy", "c.tif"], ["0_img.png", "b.tif"], {"c.tif": ALONE}),
        (["a.tif", "b_outlines.tif"], ["a.tif", "b_outlines.tif"], {}),
    ],
)
def test_images_beside_cellpose_masks(
    tmp_path: Path, files: list[str], images: list[str], notes: dict[str, str]
) -> None:
    touch(tmp_path, *files)
    found, problems = find(tmp_path, "cellpose")
    assert found == images
    assert {one.file.name: one.kind for one in problems} == notes


def test_files_that_look_like_images_and_are_not_read_are_noted(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.LIF", "c.gif", "d.jp2", "e.svs", "f.heic", "g.txt", ".h.gif", "alive/i.vsi")
    found, problems = find(tmp_path, "voc")
    assert found == ["a.png"]
    assert [one.file.name for one in problems] == ["b.LIF", "c.gif", "d.jp2", "e.svs", "f.heic"]
    assert {one.kind for one in problems} == {"image of a kind that is not read, not used: save it as TIFF or PNG"}


@pytest.mark.parametrize(("layout", "kind"), [("voc", "no image in"), ("cellpose", "no image in")])
def test_no_images(tmp_path: Path, layout: str, kind: str) -> None:
    touch(tmp_path, "a.lif", "notes.txt")
    with pytest.raises(DataError, match=rf"data\.source_val\.images: {kind} {tmp_path}; .*\.png, \.jpg"):
        find(tmp_path, layout)


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(DataError, match=rf"data\.source_val\.images: not a folder: {tmp_path}/a.png"):
        find(tmp_path / "a.png", "voc")


def test_what_is_missing_is_named_with_its_keys(tmp_path: Path) -> None:
    assert require_path(tmp_path, Path(), "data.target_train.images") == tmp_path
    message = rf"data\.target_train\.images: no such file or folder: {tmp_path}/none; .*data\.folder"
    with pytest.raises(DataError, match=message):
        require_path(tmp_path, Path("none"), "data.target_train.images")


def test_an_absolute_path_needs_no_folder(tmp_path: Path) -> None:
    assert require_path(Path("elsewhere"), tmp_path, "key") == tmp_path


def paths(count: int) -> dict[str, Path]:
    return {f"{index:02d}": Path(f"{index:02d}") for index in reversed(range(count))}


@pytest.mark.parametrize(
    ("count", "limit", "expected"),
    [(4, None, "00 01 02 03"), (4, 9, "00 01 02 03"), (6, 3, "00 02 04"), (5, 2, "00 02"), (3, 1, "00"), (0, 3, "")],
)
def test_a_limit_spreads_over_the_sorted_names(count: int, limit: int | None, expected: str) -> None:
    assert list(subsample(paths(count), limit)) == expected.split()


@given(st.integers(1, 60), st.integers(1, 70))
def test_a_limit_takes_each_image_once_at_even_distances(count: int, limit: int) -> None:
    chosen = [int(name) for name in subsample(paths(count), limit)]
    assert len(chosen) == min(count, limit)
    gaps = np.diff(chosen)
    assert (gaps > 0).all()
    assert not gaps.size or gaps.max() - gaps.min() <= 1


def test_samples_have_the_size_and_category_of_their_image(tmp_path: Path) -> None:
    (tmp_path / "alive").mkdir()
    for name, size in (("a.png", (30, 20)), ("alive/b.png", (5, 6))):
        Image.new("L", size).save(tmp_path / name)
    samples = decode_all({name: tmp_path / name for name in ("a.png", "alive/b.png")}, "key", Problems())
    seen = [(sample.name, sample.path, sample.height, sample.width, sample.category) for sample in samples]
    assert seen == [
        ("a.png", tmp_path / "a.png", 20, 30, None),
        ("alive/b.png", tmp_path / "alive/b.png", 6, 5, "alive"),
    ]
    assert [len(sample.boxes) for sample in samples] == [0, 0]


@pytest.mark.parametrize(("broken", "named", "more"), [(1, 1, None), (10, 10, None), (13, 10, "and 3 more")])
def test_all_broken_images_are_named_at_once(tmp_path: Path, broken: int, named: int, more: str | None) -> None:
    files = {f"{index:02d}.png": tmp_path / f"{index:02d}.png" for index in range(15)}
    for index, path in enumerate(files.values()):
        if index < broken:
            path.write_bytes(b"broken")
        else:
            Image.new("L", (4, 4)).save(path)
    with pytest.raises(DataError) as caught:
        decode_all(files, "data.target_train", Problems())
    first, *lines = str(caught.value).split("\n  ")
    assert first == f"data.target_train: {broken} of 15 images cannot be used"
    assert [line.split(": ")[0] for line in lines[:named]] == [str(path) for path in list(files.values())[:named]]
    assert lines[named:] == ([] if more is None else [more])


@pytest.fixture
def decoded(monkeypatch):
    """Names of the images that are decoded; by the clock an hour later, so that their files have not just changed."""
    names, read = [], finding.read_image

    def noted(path, reading):
        names.append(path.name)
        return read(path, reading)

    monkeypatch.setattr(finding, "read_image", noted)
    monkeypatch.setattr(finding, "time_ns", lambda: time.time_ns() + 3600 * 10**9)
    return names


@pytest.fixture
def images(tmp_path):
    found = {f"{number}.png": tmp_path / f"{number}.png" for number in range(3)}
    for number, path in enumerate(found.values()):
        Image.new("L", (20 + number, 30), number).save(path)
    return found


def test_an_image_is_decoded_again_only_if_its_file_has_changed(tmp_path, images, decoded):
    cache = Cache(tmp_path / "cache")
    first = decode_all(images, "key", Problems(), cache=cache)
    decoded.clear()
    assert decode_all(images, "key", Problems(), cache=cache)[0].content == first[0].content != first[1].content
    assert [(one.height, one.width) for one in decode_all(images, "key", Problems(), cache=cache)] == [
        (30, 20), (30, 21), (30, 22)
    ]  # fmt: skip
    assert decoded == []
    Image.new("L", (9, 8)).save(images["1.png"])
    again = decode_all(images, "key", Problems(), cache=cache)
    assert decoded == ["1.png"] and (again[1].height, again[1].width) == (8, 9)


def test_an_image_that_is_damaged_is_found_each_time_and_after_it_was_whole_too(tmp_path, images, decoded):
    cache = Cache(tmp_path / "cache")
    images["2.png"].write_bytes(b"no image")
    for _ in range(2):
        with pytest.raises(DataError, match=r"1 of 3 images cannot be used\n.*2\.png"):
            decode_all(images, "key", Problems(), cache=cache)
    assert sorted(decoded) == ["0.png", "1.png", "2.png", "2.png"]
    before, content = images["0.png"].stat(), images["0.png"].read_bytes()
    images["0.png"].write_bytes(bytes(len(content)))
    os.utime(
        images["0.png"], ns=(before.st_atime_ns, before.st_mtime_ns)
    )  # the size is the same, and the time seems so
    with pytest.raises(DataError, match="2 of 3 images"):
        decode_all(images, "key", Problems(), cache=cache)
    images["0.png"].unlink()
    with pytest.raises(DataError, match=r"0\.png: no such image file"):
        decode_all(images, "key", Problems(), cache=cache)


def test_planes_and_channels_that_are_read_are_part_of_what_is_known(tmp_path, decoded):
    cache, path = Cache(tmp_path / "cache"), tmp_path / "a.png"
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(path)
    whole, one = (
        decode_all({"a.png": path}, "key", Problems(), reading, cache)[0]
        for reading in (FIRST, ImageReading(channels=[2]))
    )
    assert whole.content != one.content and len(decoded) == 2


def test_a_list_chooses_images_by_name(tmp_path):
    found = {name: tmp_path / name for name in ("a.png", "b.png", "sub/c.png")}
    (tmp_path / "names.txt").write_text("sub/c.png\n\n a.png \n")
    assert list(listed(found, tmp_path, Path("names.txt"), "data.target_train.names")) == ["a.png", "sub/c.png"]
    assert listed(found, tmp_path, None, "x") == found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a.png\nz.png\n", r"names.txt: 1 of 2 images are not there, such as z.png"),
        ("\n", "names.txt: is empty"),
        (None, "no such file or folder"),
        (b"\xff\xfe\x80", "is no list of names that can be read"),
    ],
)
def test_a_list_that_does_not_fit_is_refused_by_its_key(tmp_path, content, told):
    if content is not None:
        (tmp_path / "names.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=told) as caught:
        listed({"a.png": tmp_path / "a.png"}, tmp_path, Path("names.txt"), "data.target_test.names")
    assert str(caught.value).startswith("data.target_test.names: ")
