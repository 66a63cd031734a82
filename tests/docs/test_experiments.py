"""Every experiment file opens with its command, its cost and the result to expect."""

import re
from pathlib import Path

import pytest

PARTS = (r"^#   (?:sissi|make) ", "^# Cost: ", r"^# Expected(?: \([a-z ]+\))?: ")
FILES = sorted(Path("experiments").rglob("*.yaml"))


def header(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))])


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_header_has_title_command_cost_and_expected_result_in_this_order(path):
    title, _, rest = header(path).partition("\n#\n")
    assert title.startswith("# ")
    command, cost, expected = (re.search(pattern, rest, re.MULTILINE) for pattern in PARTS)
    assert command and cost and expected, rest
    assert command.start() < cost.start() < expected.start()
    assert str(path) in rest, "the command names another file"
