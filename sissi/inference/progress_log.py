"""Log of finished predictions, a file with one line per image, so that a killed command can be continued.

The first line contains everything that the boxes depend on. An incomplete last line is dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sissi.boxes import make_boxes
from sissi.inference.predict_images import Prediction
from sissi.runtime.files import write_whole


class PredictionLog:
    """Predictions of finished images, stored on disk.

    Args:
        path: path of the file; it is created, with its folder, if necessary.
        depends_on: JSON values that determine the predictions, such as the digest of the detector. A file with other
            values is replaced by an empty one.
        others: files of other processes, whose predictions are found too if they depend on the same values.
    """

    def __init__(self, path: Path, depends_on: dict[str, Any], others: Iterable[Path] = ()) -> None:
        lines = _whole_lines(path)
        if not lines or json.loads(lines[0]) != depends_on:
            lines = [json.dumps(depends_on)]
        write_whole(path, "".join(f"{line}\n" for line in lines).encode())
        entries = [json.loads(line) for line in lines[1:]]
        for other in others:
            first, *rest = _whole_lines(other) or [""]
            entries += [json.loads(line) for line in rest if first == lines[0]]
        self._names = {entry["name"] for entry in entries}
        self._done = {(entry["name"], entry["sha256"]): _prediction(entry) for entry in entries}
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def find(self, name: str, path: Path) -> Prediction | None:
        """Stored prediction of an image; None if there is none or the content of the file has changed."""
        if name not in self._names:
            return None
        try:
            return self._done.get((name, content_digest(path)))
        except OSError:  # reported when the image is read
            return None

    def add(self, name: str, sha256: str, prediction: Prediction) -> None:
        """Store the prediction of an image whose file has this digest."""
        boxes = prediction.boxes
        entry = {
            "name": name,
            "sha256": sha256,
            "height": prediction.height,
            "width": prediction.width,
            "boxes": boxes.xyxy.tolist(),
            "scores": boxes.scores.tolist(),
            "labels": boxes.labels.tolist(),
        }
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


def content_digest(path: Path) -> str:
    """sha256 of the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole_lines(path: Path) -> list[str]:
    """Lines of a file before the first incomplete line."""
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
