"""New MLflow stores as copies of one that MLflow made, since its migrations take seconds for each.

A copy is what they give: the same tables, with MLflow's default experiment, which sissi does not use. The tests in
tests/tracking, and all commands in processes of their own, have MLflow make each store.
"""

import shutil
from pathlib import Path

import pytest

from sissi.tracking import connect

made_by_mlflow = connect._create


def copy_new_stores(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """From now on, let this process copy the first new store, which is kept in a folder.

    Args:
        patch: what ends it.
        folder: folder of the first new store.
    """
    first = folder / "mlflow.db"

    def create(uri: str) -> None:
        database = connect._database(uri)
        if not uri.startswith("sqlite:///") or database.exists():
            return
        if not first.exists():
            made_by_mlflow(connect._sqlite(first))
        shutil.copyfile(first, database)

    patch.setattr(connect, "_create", create)


def let_mlflow_make_new_stores(patch: pytest.MonkeyPatch) -> None:
    """From now on, let MLflow make every new store of this process again."""
    patch.setattr(connect, "_create", made_by_mlflow)
