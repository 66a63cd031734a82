"""The text of the experiment file that a start writes: every line can be changed, and says what it is for."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sissi.data.start.detector_settings import detector_settings
from sissi.data.start.frames import Frames

ROWS = ("baseline", "a+sissi-s", "recipe", "weak-only")
"""Rows of the table: of the paper the simplest and the whole method, the best known, and no correction."""
CORRECTED = ("corrected-first", "corrected-only")
"""Rows that begin with corrected images."""

WIDTH = 110
"""Of a line, in characters."""


@dataclass(frozen=True)
class ExperimentText:
    """What an experiment file says.

    Attributes:
        path: where the file will be, for the commands in its comment.
        name: of the experiment.
        about: the images, in words.
        frames: how the detector sees the images.
        images: folder of the images.
        reading: keys that say which planes and channels of a file are the image.
        labels: `format`, `labels` and further keys of target_train.
        names: text files with the names of the images for training (`train`) and testing (`test`); none: all train.
        readers: labels of the test images by reader, as keys of an experiment.
        reference: labels of training images by a reader; None: there are none.
        corrected: labels of training images that a person went through; None: there are none.
        source: keys of the source domain and their values; empty: it is drawn.
    """

    path: Path
    name: str
    about: str
    frames: Frames
    images: Path
    reading: Mapping[str, Any]
    labels: Mapping[str, Any]
    names: Mapping[str, str]
    readers: Mapping[str, Mapping[str, Any]]
    reference: Mapping[str, Any] | None
    corrected: Mapping[str, Any] | None
    source: Mapping[str, Mapping[str, Any]]

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows of the table."""
        return (*ROWS, *(CORRECTED if self.corrected else ()), *(("oracle",) if self.reference else ()))

    def text(self) -> str:
        """The file, at most 40 lines."""
        frames = self.frames
        detector, training = detector_settings(frames)
        commands = {
            f"sissi ablation {shlex.quote(str(self.path))}": f"about {frames.minutes(self.rows)} minutes on "
            f"{frames.cores} CPU cores"
            if frames.device == "cpu"
            else "on this machine's GPU",
            "sissi labels latest --out labels.json": "the corrected labels, in any format",
        }
        width = max(map(len, commands))
        jobs = min(frames.cores, len(self.rows)) if frames.device == "cpu" else 1
        training_set = {**self.labels, **self._listed("train"), **self.reading}
        lines = [
            f"# {self.about}.",
            "#",
            *(f"#   {command:{width}}   # {what}" for command, what in commands.items()),
            "#",
            "# Every key can be changed, here or by --set; relative paths start at this file.",
            f"name: {flow(self.name)}",
            f"variants: {flow(list(self.rows))}   # without this line: all six of the paper",
            "data:",
            "  kind: files",
            "  target_train:   # your images, and the labels that training corrects",
            f"    images: {self._value(self.images)}",
            *(f"    {key}: {self._value(value)}" for key, value in training_set.items()),
            *self._corrected(),
            *self._test(),
            *self._source(),
            "# Sizes below are px of a frame: an image at image_size, height and width, as the detector sees it.",
            f"detector: {flow(detector)}   # a cell has {frames.cell:.0f} px",
            "training: {",
            f"  image_size: {flow([frames.height, frames.width])},",
            *_wrapped({"epochs": frames.epochs, **training}),
            "  }",
            f"early_learning: {flow(frames.early_learning)}   # epochs before labels are corrected",
            "pseudo_labels: {scales: [1.0], flips: [none, horizontal, vertical, both], score: 0.35, merge: refine}",
            *self._limits(),
            f"runtime: {flow({'jobs': jobs})}   # rows that are trained side by side",
        ]
        return "\n".join(lines) + "\n"

    def _corrected(self) -> list[str]:
        if not self.corrected:
            return []
        return [
            f"  target_corrected: {self._flow(self.corrected)}   # a person went through them; they stay as they are"
        ]

    def _test(self) -> list[str]:
        if not self.readers:
            return ["  # target_test: readers of some images would score the rows; see docs/your-data.md"]
        lines = ["  target_test:   # images that are only scored on, with the boxes of each reader"]
        images = {"images": self.images, **self._listed("test"), **self.reading}
        lines += [f"    {key}: {self._value(value)}" for key, value in images.items()]
        readers = ", ".join(f"{name}: {self._flow(source)}" for name, source in self.readers.items())
        lines.append(f"    readers: {{{readers}}}")
        if self.reference:
            lines.append(f"  target_reference: {self._flow(self.reference)}   # judges labels, and trains the oracle")
        return lines

    def _source(self) -> list[str]:
        if not self.source:
            return ["  source: drawn   # cells with exact labels; or source_train and source_val"]
        return [f"  {key}: {self._flow(value)}" for key, value in self.source.items()]

    def _limits(self) -> list[str]:
        most = self.frames.detections
        return [f"evaluation: {flow({'max_detections': most})}"] if most > 300 else []

    def _listed(self, role: str) -> dict[str, str]:
        return {"names": self.names[role]} if role in self.names else {}

    def _flow(self, values: Mapping[str, Any]) -> str:
        """A mapping on one line, its paths relative to the file."""
        return flow(
            {key: self._from_file(value) if isinstance(value, Path) else value for key, value in values.items()}
        )

    def _value(self, value: Any) -> str:
        return flow(self._from_file(value) if isinstance(value, Path) else value)

    def _from_file(self, path: Path) -> str:
        """A path relative to the folder of the file; absolute where there is no way, as between drives of Windows."""
        try:
            return Path(os.path.relpath(path.resolve(), self.path.parent.resolve())).as_posix()
        except ValueError:
            return path.resolve().as_posix()


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=2**20, sort_keys=False, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _wrapped(values: Mapping[str, Any]) -> list[str]:
    """Keys and values of a mapping in braces, as many on a line as fit."""
    items = [f"{key}: {flow(value)}" for key, value in values.items()]
    return textwrap.wrap(", ".join(items), WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
