"""A saved view of MLflow's page: the columns of the runs that a person sees first.

MLflow 3 stores such views as tags of the experiment, and its page lists them under *Views*; older pages ignore them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

KEY = "sissi-scores"
"""Name of the view in addresses: `viewStateShareKey=sissi-scores`."""
TAG = f"mlflow.sharedViewState.{KEY}"


def scores_view(readers: Iterable[str], metrics: Sequence[str], at: int) -> dict[str, str]:
    """Experiment tag of the view with the scores by reader, and where correction starts.

    Args:
        readers: names of the readers.
        metrics: metrics of each, in order.
        at: time of the view in ms since 1970.

    Returns:
        Tag value by tag name.
    """
    columns = ["params.`start_epoch`", *(f"metrics.`{reader}/{metric}`" for reader in readers for metric in metrics)]
    state = json.dumps({"selectedColumns": columns})
    view = {"name": f"{' and '.join(metrics)} by reader", "createdAt": at, "updatedAt": at, "state": state}
    return {TAG: json.dumps(view)}
