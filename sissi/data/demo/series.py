"""The demo's sets of images: image k of each, whatever their number."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sissi.boxes import Boxes
from sissi.config import DemoData
from sissi.data.demo.readers import READERS, annotate
from sissi.data.demo.source import LOOKS, SourceImage, draw_source
from sissi.data.demo.target import KINDS, TargetImage, draw_target
from sissi.runtime.randomness import generator

TargetRole = Literal["target_train", "target_val", "target_test"]
SourceRole = Literal["source_train", "source_val"]


def target_image(settings: DemoData, role: TargetRole, index: int) -> TargetImage:
    """Image `index` of a set of the target domain; alive, inhibited and dead take turns."""
    kind = KINDS[index % len(KINDS)]
    return draw_target(_generator(settings, role, index), kind, (settings.height, settings.width), settings.cells)


def source_image(settings: DemoData, role: SourceRole, index: int) -> SourceImage:
    """Image `index` of a set of the source domain; fluorescent and stained take turns."""
    look = LOOKS[index % len(LOOKS)]
    return draw_source(_generator(settings, role, index), look, (settings.height, settings.width), settings.cells)


def readings(settings: DemoData, image: TargetImage, index: int) -> dict[str, Boxes]:
    """What each reader draws on test image `index`, by the reader's name."""
    return {
        reader.name: annotate(
            _generator(settings, reader.name, index),
            image,
            reader,
            _generator(settings, f"{reader.name}, kinds", index),
        )
        for reader in READERS
    }


def _generator(settings: DemoData, purpose: str, index: int) -> np.random.Generator:
    return generator("demo", settings.seed, purpose, index)
