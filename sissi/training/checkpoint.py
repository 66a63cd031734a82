"""The states of training after its epochs, in files: what is needed to go on exactly as if nothing had happened.

Random states need no place in them: see `randomness`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from sissi.errors import SissiError
from sissi.runtime.files import whole_file, write_whole
from sissi.training.teacher_student import TeacherStudent

Tell = Callable[[str], None]


class Checkpoints:
    """The checkpoints in a folder: for each epoch a file of tensors, and beside it its checksum and notes.

    The notes are written last: an epoch without them is one that did not end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, epoch: int, learner: TeacherStudent, notes: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        """Keep the state after an epoch: wholly or, if interrupted, not at all.

        Args:
            epoch: from 1 on.
            learner: its state is written.
            notes: JSON values, given back by `notes`.
            tensors: whatever else the next epoch needs, given back by `restore`.
        """
        with whole_file(self.path(epoch)) as file:
            torch.save({"learner": learner.state(), "tensors": dict(tensors)}, file)
        kept = {"sha256": _sha256(self.path(epoch)), "notes": dict(notes)}
        write_whole(self._notes_path(epoch), json.dumps(kept).encode())

    def notes(self, epoch: int, tell: Tell) -> dict[str, Any] | None:
        """The notes of an epoch that is there and undamaged, else None; damage is told to the user."""
        if not self._notes_path(epoch).exists():
            return None
        kept = _parsed(self._notes_path(epoch))
        if kept is None or not self.path(epoch).exists() or _sha256(self.path(epoch)) != kept["sha256"]:
            tell(f"{self.path(epoch)}: this checkpoint is damaged; going on from the one before")
            self.forget(epoch)
            return None
        notes: dict[str, Any] = kept["notes"]
        return notes

    def latest(self, tell: Tell) -> tuple[int, dict[str, Any]] | None:
        """The newest epoch that is there and undamaged, with its notes."""
        for path in sorted(self.folder.glob("epoch_*.json"), reverse=True):
            epoch = int(path.stem.removeprefix("epoch_"))
            notes = self.notes(epoch, tell)
            if notes is not None:
                return epoch, notes
        return None

    def forget(self, epoch: int) -> None:
        """Delete a checkpoint."""
        self._notes_path(epoch).unlink(missing_ok=True)
        self.path(epoch).unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete them all."""
        for path in self.folder.glob("epoch_*"):
            path.unlink()

    def path(self, epoch: int) -> Path:
        """The file of tensors of an epoch."""
        return self.folder / f"epoch_{epoch:03d}.pt"

    def _notes_path(self, epoch: int) -> Path:
        return self.path(epoch).with_suffix(".json")


def restore(path: Path, learner: TeacherStudent) -> dict[str, Any]:
    """Put a learner in the state of a checkpoint file, and give the other tensors; nothing in the file is executed.

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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parsed(path: Path) -> dict[str, Any] | None:
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return None
    return parsed if isinstance(parsed, dict) and {"sha256", "notes"} <= parsed.keys() else None
