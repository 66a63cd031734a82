"""What is wrong with images and labels: collected while reading, told once, never silently dropped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """Something in the data that was handled, and that its owner should know of.

    Attributes:
        file: the image or label file.
        kind: a short phrase shared by all problems of the sort, such as "box outside the image, dropped".
        detail: what exactly, such as the line or the box.
    """

    file: Path
    kind: str
    detail: str = ""


@dataclass
class Problems:
    """The problems found so far, in order."""

    found: list[Problem] = field(default_factory=list)

    def add(self, file: Path, kind: str, detail: str = "") -> None:
        """Note one."""
        self.found.append(Problem(file, kind, detail))

    def summary(self, examples: int = 2) -> list[str]:
        """A line for each kind: how many, and the first few with their files; empty if there are none."""
        lines = []
        for kind, count in Counter(problem.kind for problem in self.found).items():
            first = [problem for problem in self.found if problem.kind == kind][:examples]
            named = "; ".join(f"{p.file}{f' ({p.detail})' if p.detail else ''}" for p in first)
            lines.append(f"{count} x {kind}: {named}{' ...' if count > examples else ''}")
        return lines
