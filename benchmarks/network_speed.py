"""What makes the network itself faster on a CPU, and what does not: each change against the network as it is.

Of `lite` with two frozen stages and of `small`, with images in memory, on one thread, all in turns. bf16 and compiled
code change results beyond rounding, or take long to begin; the table says which settings use what.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.row import Figure, seconds
from benchmarks.subjects import crowded, one_thread
from sissi.config import Detector
from sissi.detector.model import build
from sissi.detector.precision import backbone_in_bf16

SIZE, TRAINED, PREDICTED, CELLS, REPEATS = (144, 192), 6, 4, 15, 15
LITE, SMALL = Detector(preset="lite", frozen_stages=2, batch_norm="folded"), Detector(preset="small", cell_size=36)
Make = Callable[[], nn.Module]


def measure() -> list[Figure]:
    """Ratios of the time of a training iteration and of a prediction; and what compiling costs."""
    one_thread()
    lite: dict[str, Make] = {
        "as it is": lambda: network(LITE),
        "BatchNorm trained": lambda: network(LITE.model_copy(update={"batch_norm": "trained"})),
        "no stage frozen": lambda: network(LITE.model_copy(update={"frozen_stages": 0})),
        "weights channels-last as well": lambda: network(LITE).to(memory_format=torch.channels_last),
        "images not channels-last": lambda: plain_images(network(LITE)),
        "backbone in bf16": lambda: in_bf16(network(LITE)),
        "backbone compiled": lambda: compiled(network(LITE)),
    }
    small: dict[str, Make] = {
        "as it is": lambda: network(SMALL),
        "weights channels-last": lambda: network(SMALL).to(memory_format=torch.channels_last),
        "100 proposals in place of 300": lambda: network(SMALL.model_copy(update={"proposals": 100})),
        "backbone in bf16": lambda: in_bf16(network(SMALL)),
    }
    return [*_ratios("lite", lite), *_ratios("small", small)]


def _ratios(name: str, ways: Mapping[str, Make]) -> list[Figure]:
    figures: list[Figure] = []
    for what, count, work in (("training", TRAINED, train), ("prediction", PREDICTED, predict)):
        calls, first = {}, {}
        for way, make in ways.items():
            calls[way] = work(make(), *batch(count))
            first[way] = seconds(calls[way])
        times: dict[str, list[float]] = {way: [] for way in calls}
        for _ in range(REPEATS):
            for way, call in calls.items():
                times[way].append(seconds(call))
        usual = times.pop("as it is")
        figures.append((f"{name}: {what} of {count} images of {SIZE[0]} x {SIZE[1]} px", statistics.median(usual), "s"))
        for way, took in times.items():
            ratio = statistics.median(one / other for one, other in zip(took, usual, strict=True))
            figures.append((f"{name}: {what}, {way}", ratio, "of that"))
            if "compiled" in way:
                figures.append((f"{name}: {what}, {way}: the first call", first[way], "s"))
    return figures


def network(settings: Detector) -> nn.Module:
    """The network of a detector with random weights."""
    torch.manual_seed(0)
    return build(settings.model_copy(update={"score_floor": 0.999}), SIZE).network


def plain_images(network: nn.Module) -> nn.Module:
    """The same, with images in the usual memory format."""
    backbone: Any = network.backbone
    backbone.forward = lambda images: backbone.network(((images - backbone.mean) / backbone.std).contiguous())
    return network


def in_bf16(network: nn.Module) -> nn.Module:
    """The same, as with `training.precision: bf16`."""
    backbone_in_bf16(network)
    return network


def compiled(network: nn.Module) -> nn.Module:
    """The same, with a backbone that `torch.compile` compiles at its first call."""
    backbone: Any = network.backbone
    torch.compiler.config.force_disable_caches = True  # else the first call finds what an earlier one compiled
    backbone.network = torch.compile(backbone.network, dynamic=False)
    return network


def batch(count: int) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Images of noise, and boxes of cells in them."""
    random = np.random.default_rng(0)
    images = [torch.from_numpy(random.random((3, *SIZE), np.float32)) for _ in range(count)]
    boxes = [torch.tensor(crowded(random, CELLS, SIZE[1], SIZE[0]).xyxy) for _ in range(count)]
    return images, [{"boxes": one, "labels": torch.ones(len(one), dtype=torch.int64)} for one in boxes]


def train(network: nn.Module, images: list[Tensor], targets: list[dict[str, Tensor]]) -> Callable[[], object]:
    """An iteration of training."""
    trained = [parameter for parameter in network.train().parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5)

    def iteration() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = torch.stack(list(network(images, targets).values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return iteration


def predict(network: nn.Module, images: list[Tensor], _: list[dict[str, Tensor]]) -> Callable[[], object]:
    """A prediction."""
    evaluated = network.eval()

    @torch.inference_mode()
    def prediction() -> object:
        return evaluated(images)

    return prediction
