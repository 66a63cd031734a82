"""Trained detector as an MLflow model that loads and serves without an installation of this package."""

from __future__ import annotations

import base64
import importlib.metadata
import io
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array
from PIL import Image

MODEL_NEEDS = (
    *("mlflow", "torch", "torchvision", "timm", "numpy", "pandas", "pydantic"),
    *("opencv-python-headless", "pillow", "tifffile"),
)
"""Packages that a logged model imports."""


def write_model(folder: Path, model_file: Path, logged: Any, run_id: str) -> None:
    """Write a model folder that MLflow loads and serves: the weights, this package, and one file that is executed.

    The steps are those of MLflow's log_model except the last one, which loads the model into this process as a check.
    That would draw from torch's random state, and prepend a temporary folder to sys.path. A test loads it instead.

    Args:
        folder: folder of the model, which is created.
        model_file: file of the detector.
        logged: MLflow's entity of the logged model.
        run_id: MLflow's id of the run.
    """
    package = Path(__file__).parents[1]
    mlflow.pyfunc.save_model(
        path=str(folder),
        python_model=str(package / "tracking" / "served_model.py"),
        artifacts={"detector": str(model_file.resolve())},
        code_paths=[str(package)],
        pip_requirements=[f"{name}=={_release(name)}" for name in MODEL_NEEDS],
        signature=_signature(),
        input_example=_example(),
        mlflow_model=Model(
            artifact_path=logged.artifact_location, model_uuid=logged.model_id, run_id=run_id, model_id=logged.model_id
        ),
    )


def _signature() -> ModelSignature:
    """Schema of output and parameters. The input has none, since a schema of MLflow is for columns or arrays only."""
    numbers = Array(DataType.double)
    outputs = Schema(
        [ColSpec(Array(numbers), "boxes"), ColSpec(numbers, "scores"), ColSpec(Array(DataType.long), "labels")]
    )
    return ModelSignature(outputs=outputs, params=ParamSchema([ParamSpec("score_threshold", DataType.double, 0.05)]))


def _example() -> tuple[pd.DataFrame, dict[str, float]]:
    """Example input with parameters, in the form that a client sends: one dark cell on a grey background."""
    rows, columns = np.mgrid[:48, :64]
    pixels = np.where((rows - 24) ** 2 + (columns - 32) ** 2 < 100, 80, 160).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, "PNG")
    return pd.DataFrame({"image": [base64.b64encode(buffer.getvalue()).decode()]}), {"score_threshold": 0.05}


def _release(package: str) -> str:
    """Installed version without its build (`+cu130`), which package indexes lack."""
    return importlib.metadata.version(package).partition("+")[0]
