import subprocess
import sys
from pathlib import Path

import pytest

from sissi import __version__, cli

HEAVY = ("torch", "torchvision", "mlflow", "optuna", "cv2", "numpy", "pydantic")


def run(capsys, monkeypatch, *arguments):
    """The exit code of a command, and what it wrote."""
    monkeypatch.setattr(sys, "argv", ["sissi", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    written = capsys.readouterr()
    return ended.value.code, written.out, written.err


def test_help_imports_nothing_heavy():
    code = f"import sys, sissi.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_every_command(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "--help")
    assert code == 0
    assert all(command in out for command in ("ablation", "run", "variants", "evaluate", "data"))


def test_version(capsys, monkeypatch):
    assert run(capsys, monkeypatch, "--version")[:2] == (0, f"sissi {__version__}\n")


def test_variants_are_listed_as_they_are_written(capsys, monkeypatch):
    _, out, _ = run(capsys, monkeypatch, "variants")
    names = ("baseline", "sissi-w", "sissi-s", "plain-a", "a+sissi-w", "a+sissi-s", "weak-only")
    assert all(name in out for name in names)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ablation", "nowhere.yaml"], "nowhere.yaml: no such experiment file"),
        (["ablation", "experiments/smoke.yaml", "--set", "training.rate=1"], "training.rate: unknown key"),
        (["run", "experiments/smoke.yaml", "--variant", "plain-b"], "no such variant; there are baseline"),
        (["ablation", "experiments/bccd.yaml", "--set", "data.folder=nowhere"], "data.folder"),
        (["evaluate", "experiments/smoke.yaml", "--model", "nowhere.pt"], "nowhere.pt: no such file"),
        (["data", "demo", "x", "--experiment", "experiments/bccd.yaml"], "data.kind is files"),
    ],
)
def test_what_a_user_can_mend_ends_in_one_message_without_a_traceback(capsys, monkeypatch, arguments, told):
    code, _, err = run(capsys, monkeypatch, *arguments)
    assert code == 1
    assert told in err.replace("\n", " ") and "Traceback" not in err


def test_the_readme_names_only_commands_that_exist():
    from typer.main import get_command

    words = Path("README.md").read_text().split("sissi ")[1:]
    named = {text.split()[0].strip("`") for text in words if text[:1].islower()}
    known = set(get_command(cli.app).commands)
    assert {name for name in named if name in known} >= {"ablation", "run"}
