import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from typer.main import get_command

from sissi import __version__, cli
from sissi.config import Experiment

HEAVY = ("torch", "torchvision", "mlflow", "optuna", "cv2", "numpy", "pydantic")


def test_help_imports_nothing_heavy():
    code = f"import sys, sissi.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_every_command(sissi):
    code, out, _ = sissi("--help")
    assert code == 0
    assert all(command in out for command in ("ablation", "run", "variants", "evaluate", "data", "report", "compare"))


def test_version(sissi):
    assert sissi("--version")[:2] == (0, f"sissi {__version__}\n")


def test_variants_are_listed_as_they_are_written(sissi):
    _, out, _ = sissi("variants")
    names = ("baseline", "sissi-w", "sissi-s", "plain-a", "a+sissi-w", "a+sissi-s", "weak-only", "oracle", "recipe")
    assert all(name in out for name in names)


def test_an_experiment_s_own_rows_are_listed_too(sissi, monkeypatch):
    row = "rows.no-tta={of: plain-a, title: Plain A without TTA, set: {pseudo_labels.flips: [none]}}"
    monkeypatch.setenv("COLUMNS", "160")
    _, out, _ = sissi("variants", "experiments/smoke.yaml", "--set", row)
    assert "Plain A without TTA" in out and 'pseudo_labels.flips: ["none"]' in out and "baseline" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ablation", "nowhere.yaml"], "nowhere.yaml: no such experiment file"),
        (["ablation", "experiments/smoke.yaml", "--set", "training.rate=1"], "training.rate: unknown key"),
        (
            ["run", "experiments/smoke.yaml", "--variant", "plain-b"],
            "no such variant, did you mean plain-a?; there are baseline",
        ),
        (["ablation", "experiments/bccd.yaml", "--set", "data.folder=nowhere"], "data.folder"),
        (["evaluate", "experiments/smoke.yaml", "--model", "nowhere.pt"], "nowhere.pt: no such file"),
        (["ablation", "experiments/smoke.yaml", "--seeds", "0,one"], "seeds.1: Input should be a valid integer"),
        (
            ["run", "experiments/smoke.yaml", "--variant", "plain-a", "--seeds", "1,1"],
            "seeds: each value must occur once",
        ),
        (["data", "demo", "x", "--experiment", "experiments/bccd.yaml"], "data.kind is files"),
    ],
)
def test_what_a_user_can_mend_ends_in_one_message_without_a_traceback(arguments, told, sissi):
    code, _, err = sissi(*arguments)
    assert code == 1
    assert told in err.replace("\n", " ") and "Traceback" not in err


def shell_lines(text):
    """The `sissi ...` lines of all shell blocks in a Markdown text, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [shlex.split(line, comments=True)[1:] for line in joined.splitlines() if line.startswith("sissi ")]


@pytest.mark.parametrize("page", ["README.md", *map(str, Path("docs").glob("*.md"))])
def test_commands_in_the_documentation_exist_with_these_options(page):
    lines = shell_lines(Path(page).read_text(encoding="utf-8"))
    assert lines or page not in ("README.md", "docs/your-data.md")
    for arguments in lines:
        command = get_command(cli.app)
        while isinstance(command, click.Group):
            command = command.commands[arguments.pop(0)]
        parsed = command.make_context("sissi", arguments)
        for override in parsed.params.get("overrides") or []:
            assert override.partition("=")[0].split(".")[0] in Experiment.model_fields


def test_targets_of_make_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", Path("README.md").read_text(), re.MULTILINE))
    assert named >= {"ablation", "ui", "test", "lint"} and named <= targets


@pytest.fixture
def pictures(tmp_path, sissi):
    """A small demo as files, with its experiment file."""
    folder = tmp_path / "pictures"
    code, _, err = sissi("data", "demo", str(folder), "--experiment", "experiments/smoke.yaml")
    assert code == 0, err
    return folder


def truncate(folder):
    path = folder / "cell_lab" / "dead" / "000.jpg"
    path.write_bytes(path.read_bytes()[:-400])
    return path


def empty_file(folder):
    path = folder / "cellpose" / "val" / "001_img.png"
    path.write_bytes(b"")
    return path


def no_folder(folder):
    shutil.rmtree(folder / "cellpose" / "train")
    return folder / "cellpose" / "train"


def no_reader(folder):
    shutil.rmtree(folder / "cell_lab" / "test_labelled" / "reader_2")
    return folder / "cell_lab" / "test_labelled" / "reader_2"


@pytest.mark.parametrize("spoil", [truncate, empty_file, no_folder, no_reader])
def test_data_that_cannot_be_used_stops_the_command_by_name_before_anything_is_trained(
    monkeypatch, tmp_path, pictures, spoil, sissi
):
    spoilt = spoil(pictures)
    monkeypatch.chdir(tmp_path)
    code, _, err = sissi("ablation", "pictures/experiment.yaml")
    assert code == 1 and str(spoilt) in err and "Traceback" not in err
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
