"""The Typer application and its entry point; the commands are in the modules beside this one."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from sissi import __version__
from sissi.errors import SissiError
from sissi.runtime.files import full_message, is_full

HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    help="Semi-supervised correction of imperfect cell labels: train, correct, compare and track the six variants.",
    no_args_is_help=True,
    context_settings=HELP,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Images and labels.", no_args_is_help=True, context_settings=HELP)
app.add_typer(data_app, name="data")


STOPPED = 130
"""Exit code after Ctrl-C."""


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(f"sissi {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point: faults that a user can mend end in one message, not in a traceback."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except SissiError as error:
        print(f"sissi: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if not is_full(error):
            raise
        print(f"sissi: {full_message(error)}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as end:
        if end.code == STOPPED:  # Typer's answer to Ctrl-C
            print("sissi: stopped; the same command goes on from here", file=sys.stderr)
        raise


def _stop(number: int, frame: object) -> None:
    """A polite request to end, as batch systems send it, is like Ctrl-C."""
    raise KeyboardInterrupt
