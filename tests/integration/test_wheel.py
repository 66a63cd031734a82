"""The built wheel in an environment of its own, outside of the repository: what an installed sissi can do."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.integration.conftest import ROOT, filled_once

PYTHON = Path("Scripts" if os.name == "nt" else "bin") / Path(sys.executable).name
SMALL = (
    *("training.epochs=2", "early_learning.max_epochs=1", "early_learning.min_epoch=1", "variants=[a+sissi-s]"),
    *("data.target_train=3", "data.target_test=3", "data.source_train=2", "data.source_val=2", "tracking.overlays=0"),
    "runtime.trunk_threads=1",
)


def install(folder):
    """Build the wheel in this folder and install it into an environment there."""
    source = folder / "source"  # the build must not depend on what lies about in the repository
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    tracked = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
    shutil.rmtree(source)
    venv.create(folder / "venv", with_pip=False)
    [wheel] = folder.glob("*.whl")
    subprocess.run([*pip, "--python", folder / "venv" / PYTHON, "install", "--no-deps", wheel], check=True)
    [packages] = (folder / "venv").rglob("site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The folder of an environment with a wheel that was built from this repository, once for all test processes.

    It has the wheel and nothing else of this project; what it needs is seen in the environment of the tests, which
    saves some gigabytes.
    """
    return filled_once(tmp_path_factory, "wheel", install) / "venv"


@pytest.fixture(scope="module")
def installed(environment, tmp_path_factory):
    """Runs `sissi` of the wheel in an empty folder."""
    empty, python = tmp_path_factory.mktemp("empty"), environment / PYTHON
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")}

    def run(*arguments, module=False):
        command = [str(python), "-m", "sissi"] if module else [str(python.parent / "sissi")]
        done = subprocess.run(
            [*command, *map(str, arguments)],
            cwd=empty,
            env=variables | {"COLUMNS": "100"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run.folder, run.python, run.environment = empty, python, variables
    return run


def test_the_installed_package_is_the_one_that_runs(installed):
    code = "import sissi, pathlib; print(pathlib.Path(sissi.__file__).parent)"
    printed = subprocess.run([installed.python, "-c", code], cwd=installed.folder, env=installed.environment,
                             capture_output=True, text=True, check=True).stdout  # fmt: skip
    package = Path(printed.strip())
    assert package.is_relative_to(installed.python.parents[1]) and (package / "py.typed").exists()


def test_the_shipped_experiments_are_listed_and_copied(installed):
    assert all(name in installed("experiments") for name in ("demo", "bccd-cpu", "search/threshold"))
    assert installed("experiments", "--copy", "bccd-hough").strip() == "bccd-hough.yaml"
    assert "bccd-hough" in (installed.folder / "bccd-hough.yaml").read_text()
    assert "plain-a" in installed("variants", "bccd-hough.yaml")


def test_it_is_a_module_and_answers_to_h(installed):
    assert installed("-h", module=True) == installed("--help", module=True)
    assert installed("--version").startswith("sissi ")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smoke", "demo"])
def test_a_shipped_ablation_runs_by_name_in_an_empty_folder(installed, name):
    table = installed("ablation", name, *(f"--set={change}" for change in SMALL))
    assert "Table 1 for this run" in table and "A + SISSI (S)" in table


@pytest.mark.slow
def test_the_demo_images_and_their_experiment_are_written_and_run(installed):
    sizes = [f"--set={change}" for change in SMALL if change.startswith("data.")]
    assert installed("data", "demo", "my-demo", *sizes)
    own = [f"--set={change}" for change in SMALL if not change.startswith("data.")]
    assert "Table 1 for this run" in installed("ablation", "my-demo/experiment.yaml", *own)


@pytest.mark.slow
def test_a_shipped_search_runs_by_name_in_an_empty_folder(installed):
    searched = [f"--set={change}" for change in SMALL if not change.startswith("variants")]
    assert "Best of 2 trials" in installed("search", "threshold", "--trials", 2, *searched)
