"""The run that a logged model comes from."""

from __future__ import annotations

import mlflow

from sissi.errors import TrackingError
from sissi.tracking.store import RunRecord, Store, first_line


def origin(store: Store, model_uri: str) -> RunRecord:
    """The run that trained a model.

    Args:
        store: that knows the model.
        model_uri: `models:/m-...`, `models:/NAME/VERSION`, `models:/NAME@ALIAS`, or `runs:/RUN/model`.

    Raises:
        TrackingError: the store does not know it.
    """
    try:
        return store.run(_run_id(store, model_uri))
    except mlflow.MlflowException as error:
        raise TrackingError(f"model {model_uri}: its run is not in the MLflow store ({first_line(error)})") from error


def _run_id(store: Store, model_uri: str) -> str:
    kind, _, place = model_uri.partition(":/")
    client = store._client
    if kind == "runs":
        return place.partition("/")[0]
    if "@" in place:
        return str(client.get_model_version_by_alias(*place.split("@", 1)).run_id)
    if "/" in place:
        return str(client.get_model_version(*place.split("/", 1)).run_id)
    return str(client.get_logged_model(place).source_run_id)
