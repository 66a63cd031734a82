"""Interface to MLflow for runs, metrics, pictures and models. No other package imports mlflow.

One process writes, and the others send it events. So every argument is plain data: numbers, texts, arrays, paths. All
calls name their run; MLflow's "active run" and its global address are not used.
"""

import os

# MLflow reads these when it is imported
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

from sissi.tracking.connect import open_existing_store, open_store
from sissi.tracking.local_run import LocalRun
from sissi.tracking.mlflow_run import MlflowRun
from sissi.tracking.session import TrackingSession, open_session, stop_abandoned, upload
from sissi.tracking.store import ABLATION, DESCRIPTION, STUDY, RunRecord, Store

__all__ = [
    "ABLATION",
    "DESCRIPTION",
    "STUDY",
    "LocalRun",
    "MlflowRun",
    "RunRecord",
    "Store",
    "TrackingSession",
    "open_existing_store",
    "open_session",
    "open_store",
    "stop_abandoned",
    "upload",
]
