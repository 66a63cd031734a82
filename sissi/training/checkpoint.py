"""Checkpoints: the state of training after each epoch, in files, for an exact continuation after an interruption.

Random states are not part of them: see `randomness`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from sissi.errors import SissiError
from sissi.runtime.files import whole_file, write_whole
from sissi.training.teacher_student import TeacherStudent

Notify = Callable[[str], None]
"""Function that shows a sentence to the user."""


class Checkpoints:
    """Checkpoints in a folder: for each epoch a file of tensors, and a file with its checksum and notes.

    The notes are written last, so an epoch without notes is incomplete. `thin` leaves epochs with notes alone.

    Attributes:
        folder: folder of the checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, epoch: int, learner: TeacherStudent, notes: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        """Write the state after an epoch, completely or, if interrupted, not at all.

        Args:
            epoch: number of the epoch, from 1 on.
            learner: teacher and student, whose state is written.
            notes: JSON values, which `notes` returns.
            tensors: other values that the next epoch needs, which `restore` returns.

        Raises:
            SissiError: the disk is full.
        """
        with whole_file(self.path(epoch)) as file:
            torch.save({"learner": learner.state(), "tensors": dict(tensors)}, file)
        record = {"sha256": _sha256(self.path(epoch)), "notes": dict(notes)}
        write_whole(self._notes_path(epoch), json.dumps(record).encode())

    def notes(self, epoch: int, notify: Notify) -> dict[str, Any] | None:
        """Notes of an epoch, or None if its checkpoint is missing or damaged; damage is reported to the user."""
        if not self._notes_path(epoch).exists():
            return None
        record = _parsed(self._notes_path(epoch))
        if record is not None and record.get("thinned"):
            return record["notes"]  # type: ignore[no-any-return]
        if record is None or not self.path(epoch).exists() or _sha256(self.path(epoch)) != record["sha256"]:
            notify(f"{self.path(epoch)}: this checkpoint is damaged; training continues from the previous one")
            self.remove(epoch)
            return None
        notes: dict[str, Any] = record["notes"]
        return notes

    def latest(self, notify: Notify) -> tuple[int, dict[str, Any]] | None:
        """Newest epoch with an undamaged checkpoint, and its notes; None if there is none."""
        for path in sorted(self.folder.glob("epoch_*.json"), reverse=True):
            epoch = epoch_of(path)
            notes = self.notes(epoch, notify)
            if notes is not None:
                return epoch, notes
        return None

    def remove(self, epoch: int) -> None:
        """Delete a checkpoint."""
        self._notes_path(epoch).unlink(missing_ok=True)
        self.path(epoch).unlink(missing_ok=True)

    def thin(self, kept: Collection[int]) -> None:
        """Delete the tensors of all epochs but some; the notes stay, and say so."""
        for path in self.folder.glob("epoch_*.json"):
            epoch, record = epoch_of(path), _parsed(path)
            if epoch not in kept and record is not None:
                write_whole(path, json.dumps({**record, "thinned": True}).encode())  # before the tensors are missing
                self.path(epoch).unlink(missing_ok=True)

    def forget_thinned(self) -> None:
        """Delete the notes of epochs without tensors, so that these are trained again."""
        for path in self.folder.glob("epoch_*.json"):
            if (_parsed(path) or {}).get("thinned"):
                self.remove(epoch_of(path))

    def clear(self) -> None:
        """Delete all checkpoints."""
        for path in self.folder.glob("epoch_*"):
            path.unlink()

    def path(self, epoch: int) -> Path:
        """Path of the file of tensors of an epoch."""
        return self.folder / f"epoch_{epoch:03d}.pt"

    def _notes_path(self, epoch: int) -> Path:
        return self.path(epoch).with_suffix(".json")


def restore(path: Path, learner: TeacherStudent) -> dict[str, Any]:
    """Load the state of a learner from a checkpoint file; no code in the file is executed.

    Returns:
        Other tensors of the checkpoint.

    Raises:
        SissiError: the file is missing or damaged.
    """
    try:
        content = torch.load(path, map_location=learner.student.device, weights_only=True)
    except FileNotFoundError:
        raise SissiError(f"{path}: this checkpoint is missing; run the same command again") from None
    except Exception as error:  # torch raises many kinds for damaged and for malicious files
        raise SissiError(f"{path}: this checkpoint cannot be read ({type(error).__name__})") from None
    learner.restore(content["learner"])
    tensors: dict[str, Any] = content["tensors"]
    return tensors


def epoch_of(path: Path) -> int:
    """Number of the epoch of a file of `Checkpoints`."""
    return int(path.stem.removeprefix("epoch_"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parsed(path: Path) -> dict[str, Any] | None:
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return None
    return parsed if isinstance(parsed, dict) and {"sha256", "notes"} <= parsed.keys() else None
