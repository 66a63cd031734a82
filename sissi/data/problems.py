"""Problems with images and labels: collected while reading, shown once, never silently dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sissi.errors import DataError

NAMED = 10
"""Files that cannot be used: so many an error names, the others it counts."""


@dataclass(frozen=True)
class Problem:
    """A fault in the data that was handled, and that its owner should know of.

    Attributes:
        file: the image or label file.
        kind: a short phrase shared by all problems of the sort, such as "box outside the image, dropped".
        detail: what exactly, such as the line or the box.
        error: whether it must be mended, because the file cannot be used or a score would be wrong.
    """

    file: Path
    kind: str
    detail: str = ""
    error: bool = False


@dataclass
class Problems:
    """The problems found so far, in order.

    Attributes:
        found: the problems.
        strict: whether files that cannot be used stop with a DataError; else they are noted as errors and left out.
    """

    found: list[Problem] = field(default_factory=list)
    strict: bool = True

    def add(self, file: Path, kind: str, detail: str = "", *, error: bool = False) -> None:
        """Note one."""
        self.found.append(Problem(file, kind, detail, error))

    def refuse(self, faults: Mapping[Path, DataError], kind: str, head: str) -> None:
        """Files that cannot be used: stop, naming the first ten of them, or note them all.

        Args:
            faults: what is wrong with each file; none: nothing happens.
            kind: of the problems, such as "image that cannot be used".
            head: first line of the error.

        Raises:
            DataError: there is such a file, and the problems are strict.
        """
        if self.strict and faults:
            lines = [head, *map(str, list(faults.values())[:NAMED])]
            more = [f"and {len(faults) - NAMED} more"] if len(faults) > NAMED else []
            raise DataError("\n  ".join([*lines, *more]))
        for file, fault in faults.items():
            self.add(file, kind, str(fault).removeprefix(f"{file}: "), error=True)

    def summary(self, examples: int = 2) -> list[str]:
        """A line for each kind: how many, and the first few with their files; empty if there are none."""
        lines = []
        for kind, count in Counter(problem.kind for problem in self.found).items():
            first = [problem for problem in self.found if problem.kind == kind][:examples]
            named = "; ".join(f"{p.file}{f' ({p.detail})' if p.detail else ''}" for p in first)
            lines.append(f"{count} x {kind}: {named}{' ...' if count > examples else ''}")
        return [printable(line) for line in lines]


def printable(text: str) -> str:
    """The text with escapes for bytes of a file name that are not UTF-8, which no terminal takes."""
    return text.encode("utf-8", "backslashreplace").decode()
