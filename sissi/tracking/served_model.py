"""Trained detector as an MLflow model. MLflow copies this file to the folder of the weights and executes it on loading.

Input, either of
- a DataFrame with a column `image`, in which each entry is the base64 string of an image file (PNG, JPEG, TIFF, BMP or
  WebP), as a client of `mlflow models serve` sends it, or the bytes of such a file;
- an array of RGB images, uint8, shape (H, W, 3) for one image or (N, H, W, 3) for several.

Parameter: `score_threshold`, the lowest score of a detection that is returned.

Output: a list with one record per image: `boxes` [[left, top, right, bottom], ...] in px of that image, and `scores`
and `labels` (numbers of classes, 1: the first) of the same length, highest score first.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from sissi.boxes import Boxes
from sissi.data.images.read import read_image
from sissi.errors import DataError

Pixels = npt.NDArray[np.uint8]


class CellModel(PythonModel):  # type: ignore[misc]
    """Model that `mlflow.pyfunc.load_model` returns; the module describes its input and output."""

    def load_context(self, context: Any) -> None:
        """Load the detector from the files of the model, onto the GPU if there is one."""
        from sissi.detector.model import load  # not at the top: the process that logs the model executes it, too
        from sissi.runtime.device import device_of

        self.detector = load(Path(context.artifacts["detector"]), device=device_of("auto"))

    # with this type hint MLflow infers no schema: a schema of columns would refuse arrays
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Predict one record per image, in the form that the module describes.

        Raises:
            MlflowException: the input has none of these forms; the message names the image and the problem. A served
                model then responds with status 400.
        """
        from sissi.detector.model import detect

        threshold = float((params or {}).get("score_threshold", 0))
        return [_record(detect(self.detector, image), threshold) for image in images_in(model_input)]


def images_in(model_input: Any) -> list[Pixels]:
    """RGB images of an input of either form, shape (H, W, 3) each, uint8.

    Raises:
        MlflowException: the input has none of the forms.
    """
    if isinstance(model_input, np.ndarray):
        return _from_array(model_input)
    if isinstance(model_input, dict):  # MLflow's form of the JSON inputs `instances` and `inputs`
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
    """Pixels of an image file, given as base64 text or as bytes; it is read in the same way as training images."""
    if not isinstance(content, str | bytes):
        kind = type(content).__name__
        raise _fault(f"image {index}: a base64 string or the bytes of an image file are needed, not {kind}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image {index}"
        try:
            # split, since base64 tools break lines
            data = base64.b64decode("".join(content.split()), validate=True) if isinstance(content, str) else content
            path.write_bytes(data)
            return read_image(path)
        except ValueError as error:
            raise _fault(f"image {index}: is not base64 ({error})") from None
        except DataError as error:
            raise _fault(str(error).replace(str(path), path.name)) from None


def _record(detections: Boxes, threshold: float) -> dict[str, Any]:
    boxes = detections.take(detections.scores >= threshold)
    return {"boxes": boxes.xyxy.tolist(), "scores": boxes.scores.tolist(), "labels": boxes.labels.tolist()}


def _fault(message: str) -> MlflowException:
    return MlflowException.invalid_parameter_value(message)


set_model(CellModel())
