"""A tracking folder that was moved or copied: its database learns where its artifacts are now."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOCAL = "local"
"""Name of the folder of recordings for the database of the tracking folder itself."""
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Columns of MLflow's database with absolute addresses of artifacts."""


def relocate(database: Path, artifacts: str) -> list[Path]:
    """Correct the addresses of artifacts that were written while the tracking folder was elsewhere.

    An address is only changed if its files are here: MLflow's database may hold experiments of other programs, whose
    artifacts lie where they always did.

    Args:
        database: file of the store.
        artifacts: address of its folder of artifacts now, such as file:///lab/mlruns/artifacts.

    Returns:
        Folders of artifacts that the database named before.
    """
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        moved = [old for old in _locations(connection) if old != artifacts and _is_here(connection, old, artifacts)]
        if moved:
            with connection:
                for old in moved:
                    _replace(connection, old, artifacts)
    return [_path(old) for old in moved]


def _locations(connection: sqlite3.Connection) -> list[str]:
    """The folders of artifacts of the experiments."""
    found = connection.execute(
        "SELECT DISTINCT artifact_location FROM experiments WHERE artifact_location LIKE 'file:%/artifacts'"
    )
    return [location for (location,) in found]


def _is_here(connection: sqlite3.Connection, old: str, artifacts: str) -> bool:
    """Whether something below an old address is in the folder of now, or its own folder is gone."""
    if not _path(old).exists():
        return True
    addresses = [
        address
        for table, column in LOCATIONS
        if column in _columns(connection, table)
        for (address,) in connection.execute(
            f"SELECT {column} FROM {table} WHERE substr({column}, 1, ?) = ?",  # noqa: S608, names are constants
            (len(old) + 1, f"{old}/"),
        )
    ]
    return any(_path(f"{artifacts}{address[len(old) :]}").exists() for address in addresses)


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Names of a table's columns; empty if this version of MLflow has no such table."""
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def _replace(connection: sqlite3.Connection, old: str, new: str) -> None:
    for table, column in LOCATIONS:
        if column in _columns(connection, table):
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608, names are constants
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
            )


def adopt_recordings(recordings: Path, folders: Sequence[Path]) -> None:
    """Rename recordings of version 0.1, whose names depended on the location of the tracking folder.

    Args:
        recordings: their folder.
        folders: tracking folder now and before it was moved.
    """
    for folder in folders:
        address = folder.joinpath("mlflow.db").as_posix().replace("%", "%25").replace("?", "%3F")
        old = recordings / digest_of(f"sqlite:///{address}")
        if old.is_dir() and not (recordings / LOCAL).exists():
            old.rename(recordings / LOCAL)


def digest_of(address: str) -> str:
    """Short name for an address."""
    return hashlib.sha256(address.encode()).hexdigest()[:8]
