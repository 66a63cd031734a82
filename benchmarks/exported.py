"""Exported detectors of every preset: size, time for an image on one core, and how far boxes differ from torch's.

    python -m benchmarks.exported IMAGES [--size HEIGHT WIDTH] [--to onnx|torchscript] [--int8] [--presets NAME ...]

The detectors are untrained, with outputs spread as those of trained ones, so that they find boxes in every image. The
table is that of docs/predict.md. With --int8 the same images set the ranges of the integers.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sissi.config import Detector
from sissi.detector.model import CellDetector, build, save
from sissi.detector.presets import NETWORKS
from sissi.inference.export import compare, export_model
from sissi.inference.exported_network import FORMATS

SPREAD = {
    r"cls_score|cls_logits|classify\.\d\.2|bbox_ctrness|decoder\.class_embed\.\d": 1.0,
    r"bbox_pred|bbox_reg|measure\.\d\.2": 0.2,
}
"""Standard deviation of the outputs of the last layers, by a pattern of their names: of scores, and of boxes."""
CELL = 0.2
"""Size of a cell, in heights of the image."""


def main() -> None:
    """Print a line for each preset, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="+")
    parser.add_argument("--size", nargs=2, type=int, default=(192, 256), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--to", choices=FORMATS, default="onnx")
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--presets", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| preset | detector.pt, MB | {options.to}, MB | torch, ms | {options.to}, ms | boxes | px apart |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for preset in options.presets:
        with tempfile.TemporaryDirectory() as folder:
            file, out = Path(folder, "detector.pt"), Path(folder, "exported")
            save(spread_detector(preset, tuple(options.size)), file)
            int8 = options.images if options.int8 else ()
            detector = export_model(str(file), options.to, out, Path(folder), int8=int8)
            found = compare(detector, options.to, out, options.images)
            sizes = " | ".join(f"{one.stat().st_size / 1e6:.1f}" for one in (file, out))
        apart = f"{found.difference:.4f}" + (f", {found.unmatched} without a partner" if found.unmatched else "")
        print(
            f"| `{preset}` | {sizes} | {found.original_ms:.0f} | {found.exported_ms:.0f} | {found.boxes} | {apart} |",
            flush=True,
        )


def spread_detector(preset: Any, size: tuple[int, int], classes: Sequence[str] = ("cell",)) -> CellDetector:
    """An untrained detector that finds something: with statistics of images, and with outputs that are spread."""
    torch.manual_seed(0)
    settings = Detector(preset=preset, cell_size=CELL * size[0], score_floor=0.3, proposals=100)
    detector = build(settings, size, classes)
    network = detector.network.train()
    images = nn.functional.interpolate(torch.rand(4, 3, size[0] // 8, size[1] // 8), size)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        mask = [torch.ones(4, *size)] if preset == "rtdetr" else []
        network.backbone(images, *mask)  # type: ignore[operator]
        for name, module in network.eval().named_modules():
            for pattern, wanted in SPREAD.items():
                if re.search(rf"({pattern})$", name):
                    _spread(module, wanted)
        network([images[0]])
    return detector


def _spread(layer: Any, wanted: float) -> None:
    """At its next call, let the output of a layer have this standard deviation, and the layer no bias."""

    def scale(layer: Any, inputs: tuple[Tensor], _: Tensor) -> Tensor:
        hook.remove()
        layer.bias.zero_()
        layer.weight.mul_(wanted / type(layer).forward(layer, *inputs).std())
        spread: Tensor = type(layer).forward(layer, *inputs)
        return spread

    hook = layer.register_forward_hook(scale)


if __name__ == "__main__":
    main()
