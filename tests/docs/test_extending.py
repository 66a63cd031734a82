"""The blocks of docs/extending.md, applied to a copy of the project, do what the page says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path("docs/extending.md")
COPIED = ("sissi", "tests", "experiments", "docs")
TESTS = (
    "tests/config/test_add_s.py",
    "tests/config/test_variants.py",
    "tests/data/formats/test_formats.py",
    "tests/weak_labels/test_bright.py",
    "tests/weak_labels/test_label_cells.py",
    "tests/detector/test_resnet18.py",
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def changed(text: str, diff: list[str]) -> str:
    """A text after the lines of a diff: those with a space or a minus are there once, and the others replace them."""
    old = "".join(f"{line[1:]}\n" for line in diff if line[0] in " -")
    new = "".join(f"{line[1:]}\n" for line in diff if line[0] in " +")
    assert text.count(old) == 1, f"{text.count(old)} times in the file:\n{old}"
    return text.replace(old, new)


def apply_page(root: Path) -> None:
    for block in blocks("diff"):
        head, *diff = block.splitlines()
        path = root / head.removeprefix("--- ")
        path.write_text(changed(path.read_text(encoding="utf-8"), diff), encoding="utf-8")
    for block in blocks("python") + blocks("yaml"):
        path = root / block.splitlines()[0].removeprefix("# ")
        assert not path.exists(), f"{path} is not new"
        path.write_text(block, encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        shutil.copytree(name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.png", "*.jpg"))
    shutil.copy("pyproject.toml", root)
    apply_page(root)
    return root


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "160"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_every_block_fits_the_code_of_today(copy):
    done = run(copy, "-m", "compileall", "-q", "sissi", "tests")
    assert done.returncode == 0, done.stdout


def test_a_section_is_about_twenty_lines_of_code():
    lengths = {block.splitlines()[0]: len(block.splitlines()) for block in blocks("python") if "# sissi/" in block}
    assert len(lengths) == 3 and max(lengths.values()) <= 50


@pytest.mark.slow
def test_the_tests_that_the_page_names_pass(copy):
    new_format_only = "csv or documentation or names_of_the_command_line or not test_formats"
    done = run(copy, "-m", "pytest", "-v", "-n", "0", "-m", "not slow", "-k", new_format_only, *TESTS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "[csv]" in done.stdout and all(f"{path}::" in done.stdout for path in TESTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["variants", "experiments/no-tta.yaml"], "no-tta"),
        (["data", "convert", "--help"], "csv"),
        (["weak-labels", "--help"], "bright"),
    ],
)
def test_the_command_line_has_what_was_added(copy, arguments, word):
    done = run(copy, "-c", "from sissi.cli import main; main()", *arguments)
    assert done.returncode == 0 and word in done.stdout, done.stdout + done.stderr
