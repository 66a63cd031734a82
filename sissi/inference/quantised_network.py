"""An exported detector whose convolutions compute with integers of 8 bits: smaller, faster on a CPU, less exact."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sissi.errors import SissiError
from sissi.inference.exported_network import MISSING
from sissi.runtime.files import whole_file

Image = npt.NDArray[np.uint8]
PERCENTILE = 99.99
"""Share of the values in the images, in %, that is in the range of the integers. The few outside are cut."""


def quantise(floats: Path, frames: Sequence[Image], file: Path) -> None:
    """Write a detector in ONNX with convolutions of 8 bits: weights signed, each channel scaled for itself.

    The range of what each convolution reads and gives is that in the images, which should be such as it is to see, but
    for the outermost 0.01 %. Everything else keeps its floats.

    Args:
        floats: file of `write_onnx`.
        frames: RGB images of the detector's size, shape (H, W, 3), uint8, at least one.
        file: file to write.

    Raises:
        SissiError: a package is missing.
    """
    try:
        import onnx
        from onnxruntime.quantization import (
            CalibrationDataReader,
            CalibrationMethod,
            QuantFormat,
            QuantType,
            quantize_static,
        )
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise SissiError(f"--int8: {MISSING}") from error

    class Frames(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._left = iter(frames)

        def get_next(self) -> dict[str, Image] | None:
            frame = next(self._left, None)
            return None if frame is None else {"image": np.ascontiguousarray(frame)}

    original = onnx.load(floats)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared, result = Path(folder, "prepared.onnx"), Path(folder, "int8.onnx")
        quant_pre_process(original, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            result,
            Frames(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": PERCENTILE},
        )
        model = onnx.load(result)
    about = {entry.key: entry.value for entry in original.metadata_props}
    onnx.helper.set_model_props(model, about)
    with whole_file(file) as stream:
        stream.write(model.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """No advice of onnxruntime for people who call it themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
