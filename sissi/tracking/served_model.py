"""The trained detector as an MLflow model. MLflow copies this file beside the weights and executes it on loading.

Input, either of
- a DataFrame with a column `image`: each cell a base64 string of an image file (PNG, JPEG, TIFF, BMP or WebP), which is
  what a client of `mlflow models serve` sends, or the bytes of such a file;
- an array of uint8 RGB, (H, W, 3) for one image or (N, H, W, 3) for several.

Parameter: `score_threshold`, the lowest score of a detection that is returned.

Output: a list with one record an image: `boxes` [[left, top, right, bottom], ...] in pixels of that image, `scores`
and `labels` (1: cell) of the same length, best first.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from sissi.boxes import Boxes
from sissi.data.images.read import read_image
from sissi.detector import model
from sissi.errors import DataError

Pixels = npt.NDArray[np.uint8]


class CellModel(PythonModel):  # type: ignore[misc]
    """What `mlflow.pyfunc.load_model` answers with: see the module for its input and output."""

    def load_context(self, context: Any) -> None:
        """Read the detector from the model's own files, onto the GPU if there is one."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.detector = model.load(Path(context.artifacts["detector"]), device=device)

    # the hint keeps MLflow from guessing a schema: a schema of columns would refuse arrays
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """One record an image, as the module describes it.

        Raises:
            MlflowException: input that is none of these forms; it says which image and what is wrong. A served model
                answers it with status 400.
        """
        threshold = float((params or {}).get("score_threshold", 0))
        return [_record(model.detect(self.detector, image), threshold) for image in images_in(model_input)]


def images_in(model_input: Any) -> list[Pixels]:
    """The images of either form of input, (H, W, 3) uint8 RGB each."""
    if isinstance(model_input, np.ndarray):
        return _from_array(model_input)
    if isinstance(model_input, dict):  # how MLflow passes the JSON forms `instances` and `inputs` on
        model_input = pd.DataFrame(model_input)
    if not isinstance(model_input, pd.DataFrame):
        raise _fault(f"a DataFrame or an array of uint8 is needed, not {type(model_input).__name__}")
    if "image" not in model_input:
        raise _fault(f"the DataFrame needs a column `image`; its columns are {list(map(str, model_input.columns))}")
    return [_decoded(index, content) for index, content in enumerate(model_input["image"])]


def _from_array(array: npt.NDArray[Any]) -> list[Pixels]:
    images = array[None] if array.ndim == 3 else array
    if array.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape[1:3]:
        raise _fault(
            f"an array must be uint8 RGB of shape (H, W, 3) or (N, H, W, 3), not {array.dtype} of {array.shape}; "
            "over HTTP send image files as base64 in a column `image`"
        )
    return list(images)


def _decoded(index: int, content: Any) -> Pixels:
    """The pixels of an image file, as base64 text or as bytes; read as the training images are."""
    if not isinstance(content, str | bytes):
        kind = type(content).__name__
        raise _fault(f"image {index}: a base64 string or the bytes of an image file are needed, not {kind}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image {index}"
        try:
            # split: base64 tools break their lines
            data = base64.b64decode("".join(content.split()), validate=True) if isinstance(content, str) else content
            path.write_bytes(data)
            return read_image(path)
        except ValueError as error:
            raise _fault(f"image {index}: is not base64 ({error})") from None
        except DataError as error:
            raise _fault(str(error).replace(str(path), path.name)) from None


def _record(found: Boxes, threshold: float) -> dict[str, Any]:
    kept = found.take(found.scores >= threshold)
    return {"boxes": kept.xyxy.tolist(), "scores": kept.scores.tolist(), "labels": kept.labels.tolist()}


def _fault(message: str) -> MlflowException:
    return MlflowException.invalid_parameter_value(message)


set_model(CellModel())
