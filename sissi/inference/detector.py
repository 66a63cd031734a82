"""A trained detector for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from sissi.boxes import Boxes
from sissi.data.images.read import read_image
from sissi.data.label_table import box_table, label_table
from sissi.detector.model import detect
from sissi.inference.onnx_network import load_for_prediction
from sissi.inference.trained_model import find_model


class Detector:
    """Trained detector that finds cells in images, each resized whole to the size of its training.

    Images much larger than those of the training are for `sissi predict`, which cuts them into tiles.

    Attributes:
        classes: names of the classes.
        image_size: height and width in px to which an image is resized.
        score: lowest score that counts, as in its training; 0.4 if nobody knows.
    """

    def __init__(
        self, model: str | Path = "latest", *, variant: str | None = None, tracking: str | Path = "mlruns"
    ) -> None:
        """Read a detector onto the GPU, if there is one.

        Args:
            model: detector file, MLflow address (runs:/RUN/model, models:/NAME/VERSION), or latest.
            variant: row of the latest ablation.
            tracking: tracking folder with the MLflow store.

        Raises:
            SissiError: there is no such model.
        """
        found = find_model(str(model), Path(tracking), variant, lambda _: None)
        self._detector = load_for_prediction(found.file, "cuda" if torch.cuda.is_available() else "cpu")
        self.classes = self._detector.classes
        self.image_size = self._detector.image_size
        self.score = found.pseudo_labels.score

    def __repr__(self) -> str:
        height, width = self.image_size
        return f"Detector({self._detector.settings.preset}, {height} x {width} px, classes {', '.join(self.classes)})"

    def predict(self, image: str | Path | npt.NDArray[np.uint8], score: float | None = None) -> pd.DataFrame:
        """The cells of an image.

        Args:
            image: image file, or RGB (H, W, 3) uint8.
            score: lowest score; default: the attribute `score`.

        Returns:
            A row a cell, surest first: class, left, top, right, bottom in px of the image, and score.

        Raises:
            DataError: the image cannot be read.
        """
        pixels = read_image(Path(image)) if isinstance(image, str | Path) else image
        return box_table(self._boxes(pixels, score), self.classes)

    def predict_files(self, images: Iterable[str | Path], score: float | None = None) -> pd.DataFrame:
        """The cells of image files, as `sissi.read_labels` gives labels: with a column image, the path as given.

        Raises:
            DataError: an image cannot be read.
        """
        found = {str(path): self._boxes(read_image(Path(path)), score) for path in images}
        return label_table(found, self.classes)

    def _boxes(self, image: npt.NDArray[np.uint8], score: float | None) -> Boxes:
        boxes = detect(self._detector, image)
        return boxes.take(boxes.scores >= (self.score if score is None else score))
