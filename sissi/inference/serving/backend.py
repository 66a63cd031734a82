"""Predictions for tasks of Label Studio, as its protocol for ML backends wants them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from sissi.boxes import Boxes
from sissi.data.formats.label_studio import prediction
from sissi.data.formats.label_studio_tasks import MODEL
from sissi.data.formats.writing import class_names
from sissi.detector.model import CellDetector, predict
from sissi.errors import DataError
from sissi.inference.predict_folder import input_scale
from sissi.inference.predict_images import Prediction, predict_images
from sissi.inference.progress_log import content_digest
from sissi.inference.serving.interface import Interface, read_interface
from sissi.inference.serving.task_images import TaskImages
from sissi.inference.trained_model import TrainedModel

Tree = dict[str, Any]


class Backend:
    """Model behind the routes; its methods may be called from several threads.

    Attributes:
        version: model_version of the predictions: sissi, and the beginning of the detector file's sha256.
    """

    def __init__(
        self,
        trained: TrainedModel,
        detector: CellDetector,
        images: TaskImages,
        score: float | None = None,
        tile: tuple[int, int] | str = "auto",
    ) -> None:
        """Set the model.

        Args:
            trained: the model.
            detector: its detector.
            images: access to the images of tasks.
            score: lowest score of a box; None: that of a pseudo label in the model's training.
            tile: as in `predict_folder.Options`.
        """
        self.version = f"{MODEL} {content_digest(trained.file)[:8]}"
        self._detector = detector
        self._images = images
        self._score = trained.pseudo_labels.score if score is None else score
        self._scale = input_scale(trained, detector, tile)
        self._interfaces: dict[str, Interface] = {}
        self._lock = Lock()

    def setup(self, request: Mapping[str, Any]) -> Tree:
        """Check the labelling interface of a project, and keep it with the access token.

        Args:
            request: `project`, `schema` (the labelling interface), `access_token`.

        Raises:
            DataError: the interface has no place for the detector's classes.
        """
        interface = self._read(_text(request, "schema"))
        with self._lock:
            self._interfaces[_project(request)] = interface
            self._images.token = self._images.token or _text(request, "access_token") or None
        return {"model_version": self.version}

    def predict(self, request: Mapping[str, Any]) -> Tree:
        """A prediction for each task.

        Args:
            request: `tasks`, and `label_config` or, as at setup, `project`.

        Raises:
            DataError: a task has no image that can be read; all such tasks are named, and none is predicted.
        """
        tasks = request.get("tasks")
        if not isinstance(tasks, list):
            raise DataError("the request has no list of tasks")
        text = _text(request, "label_config")
        interface = self._read(text) if text else self._interfaces.get(_project(request), Interface())
        results, faults = [], []
        for task in tasks:
            try:
                results.append(self._predicted(task, interface))
            except DataError as error:
                faults.append(str(error))
        if faults:
            raise DataError("; ".join(faults))
        return {"results": results, "model_version": self.version}

    def _read(self, text: str) -> Interface:
        interface = read_interface(text) if text else Interface()
        interface.names(self._detector.classes)
        return interface

    def _predicted(self, task: Any, interface: Interface) -> Tree:
        data = task.get("data") if isinstance(task, dict) else None
        address = data.get(interface.key) if isinstance(data, dict) else None
        if not isinstance(address, str):
            raise DataError(f"a task has no address of an image as data.{interface.key}")
        with self._images.open(address) as file:
            found = self._find(address, file)
        boxes: Boxes = found.boxes.take(found.boxes.scores >= self._score)
        names = class_names(boxes, interface.names(self._detector.classes))
        return prediction(boxes, (found.height, found.width), names, interface.tags, self.version)

    def _find(self, address: str, file: Path) -> Prediction:
        """The boxes of an image, the same as of `sissi predict`; the detector sees one image at a time."""
        with self._lock:
            overlap = self._detector.settings.nms_iou
            [(_, outcome)] = predict_images(
                {address: file}, lambda pieces: predict(self._detector, pieces), self._scale, 1, overlap
            )
        if isinstance(outcome, DataError):
            raise DataError(str(outcome).replace(str(file), address)) from outcome
        return outcome


def _text(request: Mapping[str, Any], key: str) -> str:
    value = request.get(key)
    return value if isinstance(value, str) else ""


def _project(request: Mapping[str, Any]) -> str:
    """Number of the project; Label Studio sends it with the time of its creation behind a point."""
    return str(request.get("project", "")).split(".")[0]
