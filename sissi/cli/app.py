"""The Typer application and its entry point; the commands are in the modules beside this one."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, NoReturn

import typer

from sissi import __version__
from sissi.errors import SissiError
from sissi.runtime.files import full_message, is_full
from sissi.runtime.terminal import tolerate_terminal

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
CONTINUED = {"ablation", "run", "search", "tune", "predict", "grade", "upload", "audit"}
"""Commands that continue where they were stopped."""


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(f"sissi {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point: faults that a user can mend end in one message, not in a traceback."""
    signal.signal(signal.SIGTERM, _stop)
    tolerate_terminal()
    try:
        app()
    except SissiError as error:
        _fail(str(error))
    except Exception as error:
        if is_full(error):
            _fail(full_message(error))
        if not isinstance(error, OSError):
            raise
        _fail(_system_message(error))
    except SystemExit as end:
        if end.code == STOPPED:  # Typer's answer to Ctrl-C
            continues = CONTINUED.intersection(sys.argv[1:2])
            print(f"sissi: stopped{'; the same command continues from here' if continues else ''}", file=sys.stderr)
        raise


def _fail(message: str) -> NoReturn:
    print(f"sissi: {message}", file=sys.stderr)
    sys.exit(1)


def _system_message(error: OSError) -> str:
    """What the system says of a file, and the file where it is known."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _stop(number: int, frame: object) -> None:
    """A request to end, as batch systems send it, is like Ctrl-C."""
    raise KeyboardInterrupt
