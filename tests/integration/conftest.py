"""What whole-command tests share: a smoke ablation that was really run, and headless Chromium."""

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from filelock import FileLock

from sissi.cli import main

ROOT = Path(__file__).parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def sissi(*arguments, cwd):
    """Run the command in this process, with a store below the folder; its jobs share the server that starts them."""
    shown, warned = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(shown), redirect_stderr(warned):
        patch.chdir(cwd)
        patch.setenv("COLUMNS", "100")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(sys, "argv", ["sissi", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    return subprocess.CompletedProcess(sys.argv, 0 if code is None else code, shown.getvalue(), warned.getvalue())


def sissi_process(*arguments, cwd):
    """Run the command as a user does, in a process of its own, with a store below the folder."""
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    return subprocess.run(
        [str(Path(sys.executable).with_name("sissi")), *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**environment, "COLUMNS": "100"},
    )


@pytest.fixture(autouse=True)
def _no_server(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def filled_once(tmp_path_factory, name, fill):
    """A folder that one of the test processes fills, and all of them read."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            try:
                fill(folder)
            except BaseException:
                shutil.rmtree(folder)
                raise
    return folder


@pytest.fixture(scope="session")
def smoke_folder(tmp_path_factory):
    """A folder in which the smoke ablation has run, once for all test processes; its store is in mlruns."""

    def fill(folder):
        done = sissi_process("ablation", ROOT / "experiments/smoke.yaml", "--out", "out", cwd=folder)
        (folder / "stdout.txt").write_text(done.stdout + done.stderr)
        assert (folder / "out/table.csv").exists(), done.stdout + done.stderr

    return filled_once(tmp_path_factory, "smoke", fill)


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(CHROMIUM)} is installed")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """The folder that keeps screenshots: SISSI_SCREENSHOTS, or a temporary one."""
    folder = Path(os.environ.get("SISSI_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
