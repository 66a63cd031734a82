"""No secret of the environment is written anywhere: MLflow, Optuna, files, screen."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.smoke import SMOKE
from tests.integration.test_search import write
from tests.tracking.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.faults]
PASSWORD = "correct-horse-2208"  # noqa: S105
SECRETS = {
    "MLFLOW_TRACKING_TOKEN": "token-03327-aaaa",
    "AWS_SECRET_ACCESS_KEY": "aws-03327-bbbb",
    "GITHUB_TOKEN": "github-03327-cccc",
    "DATABASE_URL": "postgresql://robot:database-03327-dddd@db/cells",
}


def sissi(folder, *arguments, **environment):
    """What a command prints, with secrets in its environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    command = [str(Path(sys.executable).with_name("sissi")), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, env={**kept, **SECRETS, **environment}, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_no_secret_of_the_environment_is_written_anywhere(tmp_path):
    single = ("run", SMOKE, "--variant", "plain-a", "--out", "out")
    told = sissi(tmp_path, *single)
    storage = f"sqlite:///file:{tmp_path}/study.db?uri=true&password={PASSWORD}"
    told += sissi(tmp_path, "search", write(tmp_path, overrides={}), "--trials", "1", "--storage", storage)
    server = Server(tmp_path / "server")
    try:
        server.start()
        address = server.address.replace("//", f"//robot:{PASSWORD}@")
        told += sissi(tmp_path, *single, MLFLOW_TRACKING_URI=address)
        told += sissi(tmp_path, "report", "latest", "--out", "report", MLFLOW_TRACKING_URI=address)
    finally:
        server.stop()
    told += sissi(tmp_path, *single, "--offline", MLFLOW_TRACKING_URI=address)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    seen = told.encode() + b"".join(path.read_bytes() for path in files)
    assert b"plain-a" in seen and {"mlflow.db", "study.db", "search.json", "calls.jsonl"} <= {
        path.name for path in files
    }
    logins = [base64.b64encode(f"robot:{PASSWORD}".encode()).decode()]
    for secret in [PASSWORD, *SECRETS.values(), "database-03327-dddd", *logins]:
        assert secret.encode() not in seen, [path for path in files if secret.encode() in path.read_bytes()]
