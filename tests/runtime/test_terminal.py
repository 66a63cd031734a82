"""Output that nobody reads any more, and screens that lack a letter, end no work."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import pathlib, sys
from rich.console import Console
from sissi.runtime.terminal import tolerate_terminal
tolerate_terminal()
print("first", flush=True)
for number in range(20_000):
    print("a long line to fill the pipe", number)
    Console().print("[bold]more[/bold]")
pathlib.Path(sys.argv[1]).write_text("the work is done")
"""


@pytest.mark.skipif(os.name == "nt", reason="uses a POSIX pipe")
def test_a_closed_pipe_does_not_stop_the_work(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "done")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"first\n"
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == 0 and told == b""
    assert (tmp_path / "done").read_text() == "the work is done"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_letters_that_a_screen_lacks_become_escapes(encoding):
    script = "from sissi.runtime.terminal import tolerate_terminal; tolerate_terminal(); print('36.0 ± 1.2 \u2192 ─')"
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding).startswith("36.0 ")
