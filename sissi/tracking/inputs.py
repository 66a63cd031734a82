"""The data sets that a run says it used."""

from __future__ import annotations

from sissi.tracking.store import Store, _known


def dataset_digests(store: Store, run_id: str) -> dict[str, str]:
    """The digest of each data set by its name, as `Run.dataset` wrote it: the first 36 characters."""
    with _known(f"run {run_id}"):
        inputs = store._client.get_run(run_id).inputs
    return {one.dataset.name: one.dataset.digest for one in inputs.dataset_inputs}
