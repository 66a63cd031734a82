"""Suffixes of image files: those that are read, and those of images that are not."""

from __future__ import annotations

from pathlib import PurePath

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".nd2", ".czi")
"""Of files that are read as images."""
UNREAD = (
    *(".gif", ".jp2", ".j2k", ".jpx", ".jxl", ".heic", ".heif", ".avif", ".jfif", ".jpe", ".svg", ".eps", ".psd"),
    *(".pgm", ".ppm", ".pnm", ".pbm", ".tga", ".exr", ".hdr", ".ico", ".dng", ".raw", ".cr2", ".nef", ".arw"),
    *(".lif", ".lof", ".oib", ".oif", ".oir", ".vsi", ".ets", ".lsm", ".stk", ".zvi", ".dv", ".r3d", ".ims", ".mrc"),
    *(".svs", ".ndpi", ".ndpis", ".scn", ".mrxs", ".bif", ".qptiff", ".flex", ".nd", ".xdce", ".c01", ".btf", ".tf8"),
    *(".tf2", ".zarr", ".dcm", ".dicom", ".nii", ".mha", ".mhd", ".nrrd", ".ics", ".fits", ".sld", ".mvd2"),
)
"""Of images that are not read, and named wherever they lie among images that are."""


def is_read(path: PurePath) -> bool:
    """Whether a file has the suffix of an image that is read, in any case."""
    return path.suffix.lower() in SUFFIXES


def is_unread(path: PurePath) -> bool:
    """Whether a file has the suffix of an image that is not read, in any case."""
    return path.suffix.lower() in UNREAD


def without_suffix(name: str) -> str:
    """A name without its image suffix, and without an `.ome` before it; any other ending is part of the name."""
    path = PurePath(name)
    bare = name[: -len(path.suffix)] if is_read(path) or is_unread(path) else name
    return bare.removesuffix(".ome")
