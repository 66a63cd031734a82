"""The page of all commands, as Markdown from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from sissi.cli import app


def markdown() -> str:
    """A section for each command, with its usage and a table of its arguments and options."""
    return "\n".join(line for section in _sections(get_command(app), "sissi") for line in section)


def _sections(command: Any, name: str) -> Iterator[list[str]]:
    """The lines of a command, or those of each command of a group, in alphabetical order."""
    for word, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _sections(inner, f"{name} {word}")
    if hasattr(command, "commands"):
        return
    context = command.make_context(name, [], resilient_parsing=True)
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield [f"## {name}", "", _words(command.help), "", "```text", usage, "```", ""]
    yield ["| argument or option | meaning |", "|---|---|"]
    yield [f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in _records(command, context)] + [""]


def _records(command: Any, context: Any) -> Iterator[tuple[str, str]]:
    """What the help says of each argument and option."""
    for parameter in command.params:
        names, meaning = parameter.get_help_record(context)
        yield names, _words(meaning)


def _words(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
