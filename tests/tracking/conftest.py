"""A real MLflow store that the tests of one file share, read back with MLflow's own client."""

import importlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sissi.tracking import MlflowRun, Store, open_store
from tests.new_stores import let_mlflow_make_new_stores

mlflow: Any = importlib.import_module("mlflow")  # after sissi.tracking, which sets what MLflow reads when imported


@pytest.fixture(scope="module", autouse=True)
def _no_server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="module", autouse=True)
def _own_stores() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        let_mlflow_make_new_stores(patch)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a store with spaces and é")


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    return open_store(folder)


@pytest.fixture(scope="module")
def client(store: Store) -> Any:
    return mlflow.MlflowClient(store.uri)


@pytest.fixture
def run(store: Store) -> Iterator[MlflowRun]:
    with store.start_run("tests", "a run") as started:
        yield started
