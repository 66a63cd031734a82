"""Files of several planes and channels: the settings choose, and what is left out without one is said."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sissi.config import ImageReading
from sissi.data.images.read import image_size, read_image, unread_parts
from sissi.data.images.stretch import stretch
from sissi.errors import DataError

HEIGHT, WIDTH = 20, 30
SIZES = {"T": 2, "Z": 4, "C": 3}


def pixels(*sizes: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 2**16, (*sizes, HEIGHT, WIDTH), dtype=np.uint16)


def write(path: Path, axes: str, **options: Any) -> np.ndarray:
    """A stack with these axes; its values, the same axes first."""
    values = pixels(*(SIZES[axis] for axis in axes))
    metadata = {"axes": f"{axes}YX"} if axes else None
    how = {"imagej": True} if path.name.startswith("ij") else {"ome": path.name.endswith(".ome.tif")}
    tifffile.imwrite(path, values, metadata=metadata, photometric="minisblack", **how, **options)
    return values


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(stretch(values)[..., None], 3, axis=2)


def colours(values: Sequence[np.ndarray]) -> np.ndarray:
    two = [*values, np.zeros_like(values[0])][:3]
    return stretch(np.stack(two, axis=-1))


# --- without a setting ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a.ome.tif", "ij.tif"])
@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ("Z", "read: depth 1 of 4"),
        ("T", "read: time 1 of 2"),
        ("TZ", "read: plane 1 of 8 (time 2 x depth 4)"),
        ("C", ""),
        ("ZC", "read: depth 1 of 4, channel 1 of 3"),
        ("TZC", "read: plane 1 of 8 (time 2 x depth 4), channel 1 of 3"),
    ],
)
def test_the_first_plane_is_read_and_the_others_are_said(tmp_path: Path, kind: str, axes: str, said: str) -> None:
    values = write(tmp_path / kind, axes)
    expected = colours(list(values)) if axes == "C" else grey(values.reshape(-1, HEIGHT, WIDTH)[0])
    np.testing.assert_array_equal(read_image(tmp_path / kind), expected)
    assert unread_parts(tmp_path / kind) == said
    assert image_size(tmp_path / kind) == (HEIGHT, WIDTH)


def test_of_five_channels_the_first_three_are_read(tmp_path: Path) -> None:
    values = pixels(5)
    tifffile.imwrite(tmp_path / "a.ome.tif", values, metadata={"axes": "CYX"}, photometric="minisblack")
    np.testing.assert_array_equal(read_image(tmp_path / "a.ome.tif"), colours(list(values[:3])))
    assert unread_parts(tmp_path / "a.ome.tif") == "read: channels 1 to 3 of 5"


@pytest.mark.parametrize(
    ("samples", "said"), [(2, "channel 1 of 2"), (4, "channels 1 to 3 of 4"), (5, "channels 1 to 3 of 5")]
)
def test_of_a_page_of_several_samples_the_first_are_read(tmp_path: Path, samples: int, said: str) -> None:
    values = np.moveaxis(pixels(samples), 0, -1)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", planarconfig="contig")
    expected = grey(values[..., 0]) if samples == 2 else stretch(values[..., :3])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), expected)
    assert unread_parts(tmp_path / "a.tif") == f"read: {said}"


@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha"])
def test_alpha_is_no_channel(tmp_path: Path, extra: str) -> None:
    values = np.moveaxis(pixels(4) >> 8, 0, -1).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=[extra])
    assert unread_parts(tmp_path / "a.tif") == ""
    with pytest.raises(DataError, match=r"a\.tif: has 3 channels, no channel 4; set channels"):
        read_image(tmp_path / "a.tif", ImageReading(channels=(4,)))


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_a_moving_picture_is_a_stack(tmp_path: Path, suffix: str) -> None:
    pictures = [Image.new("RGB", (WIDTH, HEIGHT), (level,) * 3) for level in (10, 90, 200)]
    options = {"lossless": True} if suffix == "webp" else {}
    pictures[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=pictures[1:], **options)
    assert read_image(tmp_path / f"a.{suffix}").max() == 10
    assert read_image(tmp_path / f"a.{suffix}", ImageReading(plane=3)).min() == 200
    assert unread_parts(tmp_path / f"a.{suffix}") == "read: page 1 of 3"


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_of_a_plain_image_nothing_is_left_out(tmp_path: Path, suffix: str, mode: str) -> None:
    Image.new(mode, (WIDTH, HEIGHT)).save(tmp_path / f"a.{suffix}")
    assert unread_parts(tmp_path / f"a.{suffix}") == ""


def test_further_images_in_a_file_are_said(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(pixels(), metadata=None)
        file.write(pixels()[:9, :8], metadata=None)
    assert "of 2" in unread_parts(tmp_path / "a.tif")


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a.ome.tif", "ij.tif", "lzw.ome.tif"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    axes=st.sampled_from(["Z", "T", "TZ", "C", "ZC", "TZC"]),
    plane=st.none() | st.integers(1, 8),
    channels=st.none() | st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
    project=st.booleans(),
)
def test_settings_choose_planes_and_channels(
    tmp_path: Path, kind: str, axes: str, plane: int | None, channels: tuple[int, ...] | None, project: bool
) -> None:
    values = write(tmp_path / kind, axes, **({"compression": "lzw"} if kind.startswith("lzw") else {}))
    sizes = [SIZES[axis] if axis in axes else 1 for axis in "TZC"]
    cube = values.reshape(*sizes, HEIGHT, WIDTH)
    if project:
        reading = ImageReading(projection="max", channels=channels)
        shown = cube[0].max(axis=0) if "Z" in axes else cube.max(axis=(0, 1))
    else:
        reading = ImageReading(plane=plane, channels=channels)
        if (plane or 1) > sizes[0] * sizes[1]:
            with pytest.raises(DataError, match=rf"has {sizes[0] * sizes[1]} planes, no plane {plane}; set plane"):
                read_image(tmp_path / kind, reading)
            return
        shown = cube.reshape(-1, sizes[2], HEIGHT, WIDTH)[(plane or 1) - 1]
    default = [0, 1, 2] if axes == "C" else [0]
    chosen = [channel - 1 for channel in channels] if channels else default
    if max(chosen) >= sizes[2]:
        with pytest.raises(DataError, match=rf"has {sizes[2]} channels, no channel "):
            read_image(tmp_path / kind, reading)
        return
    found = read_image(tmp_path / kind, reading)
    expected = grey(shown[chosen[0]]) if len(chosen) == 1 else colours([shown[channel] for channel in chosen])
    np.testing.assert_array_equal(found, expected)
    said = unread_parts(tmp_path / kind, reading)
    assert ("channel" in said) == (channels is None and sizes[2] > 1 and axes != "C")
    if plane is not None and not project:
        assert not any(word in said for word in ("plane", "depth", "time"))


@pytest.mark.parametrize("pages", [2, 4])
def test_pages_that_nothing_is_said_about_are_planes_or_channels_as_asked(tmp_path: Path, pages: int) -> None:
    values = pixels(pages)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in values:
            file.write(page, metadata=None)
    assert unread_parts(tmp_path / "a.tif") == f"read: page 1 of {pages}"
    for reading in (ImageReading(plane=2), ImageReading(channels=(2,))):
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif", reading), grey(values[1]))
        assert unread_parts(tmp_path / "a.tif", reading) == ""
    both = ImageReading(channels=(2, 1))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", both), colours([values[1], values[0]]))
    highest = ImageReading(projection="max")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", highest), grey(values.max(axis=0)))


@pytest.mark.parametrize("samples", [3, 4, 5])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_channels_of_a_page_of_several_samples(tmp_path: Path, samples: int, planar: Any) -> None:
    values = pixels(samples)
    stored = values if planar == "separate" else np.ascontiguousarray(np.moveaxis(values, 0, -1))
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig=planar)
    last = ImageReading(channels=(samples,))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", last), grey(values[-1]))
    assert unread_parts(tmp_path / "a.tif", last) == ""
    turned = ImageReading(channels=(3, 1, 2))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", turned), colours([values[2], values[0], values[1]]))


def test_a_stack_of_colour_pages(tmp_path: Path) -> None:
    values = (np.random.default_rng(0).random((4, HEIGHT, WIDTH, 3)) * 255).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", compression="lzw")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), values[0])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", ImageReading(plane=3)), values[2])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", ImageReading(projection="max")), values.max(axis=0))
    green = read_image(tmp_path / "a.tif", ImageReading(plane=2, channels=(2,)))
    np.testing.assert_array_equal(green, np.repeat(values[1, ..., 1:2], 3, axis=2))
    assert unread_parts(tmp_path / "a.tif") == "read: page 1 of 4"


@pytest.mark.parametrize("kind", ["palette", "jpeg", "one bit"])
def test_planes_that_pillow_decodes(tmp_path: Path, kind: str) -> None:
    pictures = [Image.new("RGB", (WIDTH, HEIGHT), (level, 0, 0)) for level in (0, 120, 250)]
    if kind == "palette":
        pictures = [picture.quantize(4) for picture in pictures]
    if kind == "one bit":
        pictures = [picture.convert("L").point(lambda level: 255 * (level > 60)).convert("1") for picture in pictures]
    options = {"compression": "jpeg"} if kind == "jpeg" else {}
    pictures[0].save(tmp_path / "a.tif", save_all=True, append_images=pictures[1:], **options)
    levels = [int(read_image(tmp_path / "a.tif", ImageReading(plane=plane))[..., 0].max()) for plane in (1, 2, 3)]
    assert levels == ([0, 0, 255] if kind == "one bit" else [pytest.approx(level, abs=3) for level in (0, 120, 250)])


@pytest.mark.parametrize(("suffix", "channel"), [*product(["png", "tif", "jpg"], [1, 2, 3])])
def test_channels_of_a_plain_colour_image(tmp_path: Path, suffix: str, channel: int) -> None:
    Image.new("RGB", (WIDTH, HEIGHT), (10, 90, 200)).save(tmp_path / f"a.{suffix}")
    found = read_image(tmp_path / f"a.{suffix}", ImageReading(channels=(channel,)))
    assert np.abs(found.astype(int) - (10, 90, 200)[channel - 1]).max() <= 2


def test_a_stack_that_is_seen_turned(tmp_path: Path) -> None:
    values = pixels(2)
    extra = [(274, "H", 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", extratags=extra)
    found = read_image(tmp_path / "a.tif", ImageReading(plane=2))
    np.testing.assert_array_equal(found, grey(np.rot90(values[1], -1)))
    assert image_size(tmp_path / "a.tif") == (WIDTH, HEIGHT)


def test_planes_behind_a_single_page_as_imagej_writes_large_files(tmp_path: Path) -> None:
    values = pixels(4)
    tifffile.imwrite(tmp_path / "a.tif", values[0], imagej=True)
    content = (tmp_path / "a.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages[0]
        start, stop = page.dataoffsets[0], page.dataoffsets[0] + page.databytecounts[0]
        order = file.byteorder
        description = page.tags[270]
        old = content[description.valueoffset : description.valueoffset + description.count]
    new = b"ImageJ=1.11a\nimages=4\nslices=4\n"
    assert stop == len(content) and len(old) >= len(new)
    content = content.replace(old, new.ljust(len(old), b"\0"))
    (tmp_path / "a.tif").write_bytes(content[:start] + values.astype(f"{order}u2").tobytes())
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), grey(values[0]))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", ImageReading(plane=3)), grey(values[2]))
    assert unread_parts(tmp_path / "a.tif") == "read: depth 1 of 4"
