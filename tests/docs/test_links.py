"""What the pages name exists: pages, headings, files of the project, targets of make, commands, settings."""

import re
import shlex
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.main import get_command

from sissi import cli
from sissi.config import Experiment, FileData, WeakLabels

PAGES = [Path("README.md"), Path("CHANGELOG.md"), *sorted(Path("docs").rglob("*.md"))]
TEXTS = {str(page): page.read_text(encoding="utf-8") for page in PAGES}
PROJECT = r"(?:sissi|tests|experiments|examples|benchmarks|docs)/[\w./{},+-]*"
MADE = {
    *re.findall(r"^# (\S+/\S+)$", TEXTS["docs/extending.md"], re.MULTILINE),
    *("benchmarks/gpu.json", "benchmarks/gpu.md"),
}
"""Files that are not there before a reader makes them: by docs/extending.md, or by a command for a GPU."""

each_page = pytest.mark.parametrize("page", TEXTS)


def prose(page: str) -> str:
    return re.sub(r"^```.*?^```", "", TEXTS[page], flags=re.DOTALL | re.MULTILINE)


def shell(page: str) -> str:
    blocks = re.findall(r"^```sh\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE)
    return "\n".join(blocks).replace("\\\n", " ")


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", title)).lower().replace(" ", "-")
        for title in titles
    }


def alternatives(path: str) -> list[str]:
    """`a/{b,c}.py` as a/b.py and a/c.py."""
    found = re.fullmatch(r"(.*)\{(.*)}(.*)", path)
    return [found[1] + name + found[3] for name in found[2].split(",")] if found else [path]


@each_page
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"]\(([^)\s]+)\)", prose(page)):
        if target.startswith("http"):
            continue
        name, _, heading = target.partition("#")
        path = Path(page).parent / name if name else Path(page)
        assert path.exists(), target
        assert not heading or heading in anchors(path.read_text(encoding="utf-8")), target


@each_page
def test_paths_of_the_project_exist(page):
    named = re.findall(rf"(?:^|[\s`(|])({PROJECT})", prose(page) + shell(page))
    for path in (one for name in named for one in alternatives(name.rstrip(".,"))):
        assert Path(path).exists() or path in MADE or "*" in path, path


@each_page
def test_short_paths_in_drawings_exist(page):
    for drawing in re.findall(r"^```mermaid\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE):
        for path in re.findall(r"\b([a-z_]+(?:/[a-z_]+)+\.py)\b", drawing):
            assert (Path("sissi") / path).exists(), path


@each_page
def test_targets_of_make_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)", shell(page), re.MULTILINE)) | set(
        re.findall(r"`make ([a-z-]+)", TEXTS[page])
    )
    assert named <= targets


@each_page
def test_commands_exist(page):
    lines = [shlex.split(line, comments=True)[1:] for line in shell(page).splitlines() if line.startswith("sissi ")]
    lines += [words.split() for words in re.findall(r"`sissi ([a-z][a-z\s-]*)", prose(page))]
    for words in lines:
        command = get_command(cli.app)
        while hasattr(command, "commands"):
            assert words and words[0] in command.commands, words
            command = command.commands[words.pop(0)]


def fields(model: type[BaseModel]) -> dict[str, list[type[BaseModel]]]:
    """The keys of a section, each with the sections that its value can be."""

    def sections(annotation: object) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [found for inner in typing.get_args(annotation) for found in sections(inner)]

    return {name: sections(field.annotation) for name, field in model.model_fields.items()}


def is_setting(dotted: str) -> bool:
    models = [Experiment, FileData, WeakLabels]
    for key in dotted.split("."):
        known = [model for model in models if key in fields(model)]
        if not known:
            return False
        models = [inner for model in known for inner in fields(model)[key]]
    return True


@each_page
def test_settings_exist(page):
    named = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)(?:[:=`])", prose(page))
    first = {name.partition(".")[0] for name in named}
    assert not first & {"model", "metrics"}, "keys of an older version"
    for name in named:
        if Path(name).suffix in (".pt", ".yaml", ".json", ".md", ".txt", ".csv"):
            continue
        if name.partition(".")[0] in {*Experiment.model_fields, *FileData.model_fields, *WeakLabels.model_fields}:
            assert is_setting(name), name


CODE = "\n".join(path.read_text(encoding="utf-8") for path in Path("sissi").rglob("*.py"))


@each_page
def test_names_of_written_files_are_those_of_the_code(page):
    known = {path.name for path in (*Path("experiments").rglob("*"), *Path().iterdir())} | {
        Path(one).name for one in MADE
    }
    for name in re.findall(r"`([a-z][\w-]*\.(?:csv|jsonl?|md|txt|yaml|html|pt|db))`", prose(page)):
        assert name in CODE or name in known or name in shell(page), name
