"""Small images and label files that tests of reading share."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

HEIGHT, WIDTH = 20, 30


def image(path: Path, level: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (level,) * 3).save(path)
    return path


def text(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows))
    return path


def coco(path: Path, **boxes: list[list[float]]) -> Path:
    """A COCO file of images called `<key>.png`; boxes as left, top, width, height."""
    names = list(boxes)
    content = {
        "images": [{"id": index, "file_name": f"{name}.png"} for index, name in enumerate(names)],
        "annotations": [{"image_id": i, "category_id": 1, "bbox": b} for i, n in enumerate(names) for b in boxes[n]],
        "categories": [{"id": 1, "name": "cell"}],
    }
    path.write_text(json.dumps(content))
    return path
