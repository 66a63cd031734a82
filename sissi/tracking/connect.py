"""Open the MLflow store that is meant, or say in one sentence why it cannot be used."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import mlflow
from filelock import FileLock

from sissi.errors import TrackingError
from sissi.runtime.files import is_full
from sissi.runtime.redact import without_password
from sissi.tracking.store import Store, first_line

# a fault of the database reaches the user as one sentence, without a traceback beside it
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""Stores without a server: whoever creates an experiment says where its artifacts go."""


def open_store(folder: Path) -> Store:
    """The MLflow store of a folder, created where it does not exist: `mlflow.db` and `artifacts/`.

    The environment variable MLFLOW_TRACKING_URI, if set, names another store and wins; a server also decides where
    artifacts go. Several processes may open, and so create, the same store at once.

    Raises:
        TrackingError: the folder cannot be written, or the server does not answer within seconds.
    """
    folder = folder.resolve()
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip() or _sqlite(folder / "mlflow.db")
    with _explained(uri, folder), _alone(uri), _impatient():
        _create(uri)
        client = mlflow.MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return Store(client, (folder / "artifacts").as_uri() if uri.startswith(DATABASES) else None)


def open_existing_store(folder: Path) -> Store:
    """The same for a command that only reads: a store that does not exist is not created.

    Raises:
        TrackingError: there is no store, or it cannot be used.
    """
    database = folder / "mlflow.db"
    if not os.environ.get("MLFLOW_TRACKING_URI", "").strip() and not database.exists():
        raise TrackingError(
            f"{database}: no such MLflow store; name the tracking folder that the ablation wrote to with "
            "--tracking, or run the command where it is"
        )
    return open_store(folder)


def _sqlite(database: Path) -> str:
    """The address of a database; % and ? in its path would be taken for parts of the address."""
    return "sqlite:///" + database.as_posix().replace("%", "%25").replace("?", "%3F")


def _alone(uri: str) -> Any:
    """A lock beside an SQLite file: MLflow creates its tables without one, and of two processes one would die."""
    if not uri.startswith("sqlite:///"):
        return nullcontext()
    database = _database(uri)
    database.parent.mkdir(parents=True, exist_ok=True)
    if database.exists() and database.stat().st_size and database.open("rb").read(15) != b"SQLite format 3":
        raise TrackingError(f"{database}: is not an SQLite database; move it away")
    return FileLock(f"{database}.lock", timeout=120)


def _create(uri: str) -> None:
    """Make a new SQLite store under another name first: one whose making was interrupted could never be opened."""
    if not uri.startswith("sqlite:///"):
        return
    database = _database(uri)
    if database.exists():
        return
    unfinished = database.with_name(f"{database.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    mlflow.MlflowClient(tracking_uri=_sqlite(unfinished)).search_experiments(max_results=1)
    unfinished.replace(database)


def _database(uri: str) -> Path:
    return Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0]))


@contextmanager
def _impatient() -> Iterator[None]:
    """Let a server have seconds, not MLflow's minutes, for the first answer; what the user has set stays."""
    ours = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    added = {key: value for key, value in ours.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            del os.environ[key]


@contextmanager
def _explained(uri: str, folder: Path) -> Iterator[None]:
    """Turn whatever opening a store may raise into one error that names its address."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:  # of MLflow, SQLAlchemy, the file lock, the file system: each has its own
        if is_full(error):
            advice = "no space left on the disk, free some"
        elif os.environ.get("MLFLOW_TRACKING_URI", "").strip():
            advice = f"start that server, correct MLFLOW_TRACKING_URI, or unset it to write to {folder}"
        else:
            advice = "name another folder with --tracking"
        message = f"{uri}: cannot be used as MLflow store: {advice} ({first_line(error)})"
        raise TrackingError(without_password(message)) from error
