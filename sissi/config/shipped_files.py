"""The files that come with the package: experiments, searches, settings of weak labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sissi.errors import ExperimentError

SUFFIX = ".yaml"


@dataclass(frozen=True)
class ShippedFile:
    """A file that comes with the package.

    Attributes:
        name: as it is given on the command line, such as demo or search/threshold.
        path: path of the file.
        title: first sentence of its comment.
    """

    name: str
    path: Path
    title: str


def shipped_folder() -> Path:
    """The folder of the files: inside the package where it is installed, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "experiments"
    return inside if inside.is_dir() else package.parent / "experiments"


def shipped_files() -> list[ShippedFile]:
    """All of them, experiments first."""
    folder = shipped_folder()
    paths = sorted(folder.rglob(f"*{SUFFIX}"), key=lambda path: (path.parent != folder, path))
    return [ShippedFile(_name(path, folder), path, _title(path)) for path in paths]


def find_file(given: Path, kind: str = "") -> Path:
    """The file that a path or a name means: the file itself if there is one, else the shipped one of that name.

    Args:
        given: a path, or a name such as demo.
        kind: folder of the shipped files that a bare name is looked for in, such as search.
    """
    if given.exists() or len(given.parts) != 1:
        return given
    shipped = shipped_folder() / kind / f"{given.name.removesuffix(SUFFIX)}{SUFFIX}"
    return shipped if shipped.is_file() else given


def find_beside(file: Path, named: str, kind: str = "") -> Path:
    """The file that a file names: relative to its own folder, else the shipped one of that name."""
    beside, shipped = file.parent / named, find_file(Path(named), kind)
    return shipped if shipped.is_file() and not beside.exists() else beside


def copy_file(name: str, out: Path) -> None:
    """Write a shipped file to a new file, to be edited; the files that it builds on are named so that they are found.

    Raises:
        ExperimentError: no file of that name is shipped, or the new file exists.
    """
    known = {file.name: file.path for file in shipped_files()}
    if name not in known:
        raise ExperimentError(f"{name}: is not among the shipped files: {', '.join(known)}")
    if out.exists():
        raise ExperimentError(f"{out}: exists already; write to another file with --out")
    lines = known[name].read_text(encoding="utf-8").splitlines(keepends=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(map(_by_name, lines)), encoding="utf-8")


def _by_name(line: str) -> str:
    """A line that names another shipped file by its path, with its name instead."""
    key, colon, value = line.partition(": ")
    if key in ("base", "experiment") and value.strip().endswith(SUFFIX):
        return f"{key}{colon}{Path(value.strip()).stem}\n"
    return line


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _title(path: Path) -> str:
    """The first line of the comment that a file opens with; what is for editors does not count."""
    with path.open(encoding="utf-8") as file:
        return next(line for line in file if not line.startswith("# yaml-language-server")).lstrip("# ").strip()
