"""The demo on disk, in the layouts that the paper's data sets have."""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from sissi.boxes import Boxes
from sissi.config import DemoData, FileData, LabelFiles, LabelledImages, TestImages
from sissi.data.demo.readers import READERS
from sissi.data.demo.series import SourceRole, TargetRole, readings, source_image, target_image
from sissi.data.demo.target import KINDS
from sissi.data.formats.coco import to_coco
from sissi.data.formats.writing import class_names
from sissi.errors import DataError

_JPEG_QUALITY = 95


def write_demo(settings: DemoData, out: Path) -> FileData:
    """Draw the demo into a new folder.

    The images are drawn into a folder beside `out`, which takes its name when all are there: where `out` exists, it
    is complete.

    Returns:
        The settings that read it, see `demo_files`.

    Raises:
        DataError: `out` exists.
    """
    if out.exists():
        raise DataError(f"{out}: exists already; remove it or choose another folder for the demo")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{out.name}.partial-", dir=out.parent) as parent:
        unfinished = Path(parent) / out.name
        truth = _write_truth(settings, "target_train", settings.target_train, unfinished, "cell_lab", "truth.json")
        _write_labels(settings, dict(islice(truth.items(), settings.target_corrected)), unfinished / "corrected.json")
        _write_truth(settings, "target_val", settings.target_val, unfinished, "target_val", "target_val.json")
        _write_target_test(settings, unfinished / "cell_lab" / "test_labelled")
        _write_source(settings, "source_train", settings.source_train, unfinished / "cellpose" / "train")
        _write_source(settings, "source_val", settings.source_val, unfinished / "cellpose" / "val")
        unfinished.rename(out)
    return demo_files(settings, out)


def drawing_code() -> str:
    """Digest of the code that draws, so that changed code never meets old images."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def demo_files(settings: DemoData, out: Path) -> FileData:
    """The settings that read a demo which `write_demo` has drawn into `out`."""
    test = Path("cell_lab/test_labelled")
    return FileData(
        kind="files",
        folder=out,
        target_train=LabelledImages(format="celllab", images=Path("cell_lab"), weak_labels=settings.weak_labels),
        target_reference=LabelFiles(format="coco", labels=Path("truth.json"), classes=KINDS),
        target_corrected=LabelFiles(format="coco", labels=Path("corrected.json"), classes=KINDS)
        if settings.target_corrected
        else None,
        target_val=LabelledImages(
            format="coco", images=Path("target_val"), labels=Path("target_val.json"), classes=KINDS
        )
        if settings.target_val
        else None,
        target_test=TestImages(
            images=test,
            readers={
                reader.name: LabelFiles(format="celllab", labels=test / reader.name, classes=KINDS)
                for reader in READERS
            },
        ),
        source_train=LabelledImages(format="cellpose", images=Path("cellpose/train")),
        source_val=LabelledImages(format="cellpose", images=Path("cellpose/val")),
    )


def _write_truth(
    settings: DemoData, role: TargetRole, count: int, folder: Path, images: str, labels: str
) -> dict[str, Boxes]:
    """Target images (for training, a folder a kind), and their exact boxes as a COCO file; returns the boxes."""
    truth: dict[str, Boxes] = {}
    for index in range(count):
        image = target_image(settings, role, index)
        name = f"{image.kind}{'/' if role == 'target_train' else '_'}{index // 3:03d}.jpg"
        save_image(folder / images / name, image.pixels)
        truth[name] = image.named_truth
    _write_labels(settings, truth, folder / labels)
    return truth


def _write_labels(settings: DemoData, boxes: dict[str, Boxes], path: Path) -> None:
    """Boxes of images by name as a COCO file; no file without images."""
    if boxes:
        sized = [(name, settings.height, settings.width) for name in boxes]
        path.write_text(json.dumps(to_coco(sized, list(boxes.values()), KINDS), indent=1), encoding="utf-8")


def _write_target_test(settings: DemoData, folder: Path) -> None:
    for index in range(settings.target_test):
        image = target_image(settings, "target_test", index)
        save_image(folder / f"{index:03d}.jpg", image.pixels)
        for reader, boxes in readings(settings, image, index).items():
            path = folder / reader / f"{index:03d}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(_celllab(boxes), encoding="utf-8")


def _write_source(settings: DemoData, role: SourceRole, count: int, folder: Path) -> None:
    for index in range(count):
        image = source_image(settings, role, index)
        save_image(folder / f"{index:03d}_img.png", cv2.cvtColor(image.pixels, cv2.COLOR_RGB2BGR))
        save_image(folder / f"{index:03d}_masks.png", image.masks)


def save_image(path: Path, pixels: npt.NDArray[Any]) -> None:
    """Write an image (grey, or BGR) in the format of its suffix; raises OSError where that is impossible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix == ".jpg" else []
    encoded: npt.NDArray[np.uint8] = cv2.imencode(path.suffix, pixels, options)[1]
    path.write_bytes(encoded.tobytes())


def _celllab(boxes: Boxes) -> str:
    """A line a box: `cell_type x_min y_min x_max y_max`."""
    named = zip(class_names(boxes, KINDS), boxes.xyxy, strict=True)
    return "".join(f"{name} {' '.join(f'{value:.2f}' for value in box)}\n" for name, box in named)
