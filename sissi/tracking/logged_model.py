"""A trained detector as an MLflow model that loads and serves without this package installed."""

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
    *("mlflow", "torch", "torchvision", "numpy", "pandas", "pydantic"),
    *("opencv-python-headless", "pillow", "tifffile"),
)
"""Packages that a logged model imports."""


def write_model(folder: Path, model_file: Path, logged: Any, run_id: str) -> None:
    """Write a model folder as MLflow loads and serves it: the weights, this package, and one file that is executed.

    The steps of MLflow's log_model without its last, which loads the model into this process to try it: that draws
    from torch's random state and prepends a folder to sys.path that is gone afterwards. A test tries it instead.
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
    """No schema of the input: MLflow has schemas of columns or of arrays, and the model takes either."""
    numbers = Array(DataType.double)
    outputs = Schema(
        [ColSpec(Array(numbers), "boxes"), ColSpec(numbers, "scores"), ColSpec(Array(DataType.long), "labels")]
    )
    return ModelSignature(outputs=outputs, params=ParamSchema([ParamSpec("score_threshold", DataType.double, 0.05)]))


def _example() -> tuple[pd.DataFrame, dict[str, float]]:
    """An input with its parameters, as a client sends them: one dark cell on a grey field."""
    rows, columns = np.mgrid[:48, :64]
    pixels = np.where((rows - 24) ** 2 + (columns - 32) ** 2 < 100, 80, 160).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, "PNG")
    return pd.DataFrame({"image": [base64.b64encode(buffer.getvalue()).decode()]}), {"score_threshold": 0.05}


def _release(package: str) -> str:
    """The installed version without its build (`+cu130`), which a package index does not know."""
    return importlib.metadata.version(package).partition("+")[0]
