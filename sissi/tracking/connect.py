"""Connection to the MLflow store, with an error in one sentence if it cannot be used."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import mlflow

from sissi.errors import TrackingError
from sissi.runtime.files import is_full
from sissi.runtime.locks import file_lock
from sissi.runtime.redact import without_password
from sissi.tracking.relocate import adopt_recordings, relocate
from sissi.tracking.store import Store, first_line

# an error of the database reaches the user as one sentence, without a traceback
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""Address schemes of stores without a server, for which the client sets the artifact location of an experiment."""


def open_store(folder: Path) -> Store:
    """Open the MLflow store of a folder, `mlflow.db` and `artifacts/`, and create it if it does not exist.

    If the environment variable MLFLOW_TRACKING_URI is set, the store at that address is opened instead; a server
    determines its own artifact location. Several processes may open, and so create, the same store at the same time.

    Args:
        folder: folder of tracking.

    Raises:
        TrackingError: the folder cannot be written, or the server does not answer within seconds.
    """
    folder = folder.resolve()
    named = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    uri, artifacts = named or _sqlite(folder / "mlflow.db"), (folder / "artifacts").as_uri()
    with _explained(uri, folder), _locked(uri), _no_stray_folder(uri), _short_timeout():
        _create(uri)
        client = mlflow.MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
        if not named:
            former = [place.parent for place in relocate(folder / "mlflow.db", artifacts)]
            adopt_recordings(folder / "recordings", [folder, *former])
    return Store(client, artifacts if uri.startswith(DATABASES) else None, is_local=not named)


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
    """Address of a database file; % and ? in the path are escaped."""
    return "sqlite:///" + database.as_posix().replace("%", "%25").replace("?", "%3F")


@contextmanager
def _no_stray_folder(uri: str) -> Iterator[None]:
    """Remove the folder that MLflow makes of the address as it is written, with its escaped characters."""
    stray = Path(uri.removeprefix("sqlite:///")).parent
    unwanted = uri.startswith("sqlite:///") and stray != _database(uri).parent and not stray.exists()
    try:
        yield
    finally:
        folder = stray
        while unwanted and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def _locked(uri: str) -> Any:
    """Lock file beside an SQLite file, since of two processes that create its tables at once, one would fail."""
    if not uri.startswith("sqlite:///"):
        return nullcontext()
    database = _database(uri)
    database.parent.mkdir(parents=True, exist_ok=True)
    if database.exists() and database.stat().st_size and database.open("rb").read(15) != b"SQLite format 3":
        raise TrackingError(f"{database}: is not an SQLite database; move it away")
    return file_lock(f"{database}.lock", timeout=120)


def _create(uri: str) -> None:
    """Create a new SQLite store under a temporary name, since an incomplete store could never be opened."""
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
def _short_timeout() -> Iterator[None]:
    """Limit the wait for the first answer of a server to seconds, not MLflow's minutes; settings of the user stay."""
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
    """Convert any error of opening a store to one that names its address and the remedy."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:  # errors of MLflow, SQLAlchemy, the file lock or the file system
        if is_full(error):
            advice = "no space left on the disk, free some"
        elif os.environ.get("MLFLOW_TRACKING_URI", "").strip():
            advice = f"start that server, correct MLFLOW_TRACKING_URI, or unset it to write to {folder}"
        else:
            advice = "set another folder with --tracking"
        message = f"{uri}: cannot be used as MLflow store: {advice} ({first_line(error)})"
        raise TrackingError(without_password(message)) from error
