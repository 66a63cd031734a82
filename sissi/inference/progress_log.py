"""What a prediction has found so far, in a file that grows by a line an image, so that a killed run goes on.

The first line says what the boxes depend on. A last line that a kill cut off is dropped.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sissi.boxes import make_boxes
from sissi.inference.predict_images import Prediction
from sissi.runtime.files import write_whole


class PredictionLog:
    """The images that are done, on disk.

    Args:
        path: of the file; made, with its folder, if it is missing.
        depends_on: JSON values that decide what is found in an image, such as the detector's digest. A file that was
            written for others is begun anew.
    """

    def __init__(self, path: Path, depends_on: dict[str, Any]) -> None:
        kept = _whole_lines(path)
        if not kept or json.loads(kept[0]) != depends_on:
            kept = [json.dumps(depends_on)]
        write_whole(path, "".join(f"{line}\n" for line in kept).encode())
        entries = [json.loads(line) for line in kept[1:]]
        self._done = {(entry["name"], entry["sha256"]): _prediction(entry) for entry in entries}
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def find(self, name: str, path: Path) -> Prediction | None:
        """What was found in an image, if it is done and its file has the same content still."""
        try:
            return self._done.get((name, content_digest(path)))
        except OSError:  # whoever reads the image says what is wrong
            return None

    def add(self, name: str, path: Path, found: Prediction) -> None:
        """An image is done."""
        boxes = found.boxes
        entry = {
            "name": name,
            "sha256": content_digest(path),
            "height": found.height,
            "width": found.width,
            "boxes": boxes.xyxy.tolist(),
            "scores": boxes.scores.tolist(),
            "labels": boxes.labels.tolist(),
        }
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


def content_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole_lines(path: Path) -> list[str]:
    """The lines up to the first that was cut off."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    whole = []
    for line in lines:
        try:
            json.loads(line)
        except ValueError:
            break
        if not line.endswith("\n"):
            break
        whole.append(line.rstrip("\n"))
    return whole


def _prediction(entry: dict[str, Any]) -> Prediction:
    boxes = make_boxes(entry["boxes"], entry["scores"], entry["labels"])
    return Prediction(entry["height"], entry["width"], boxes)
