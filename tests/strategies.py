"""Hypothesis strategies for boxes."""

import numpy as np
from hypothesis import strategies as st

from sissi.boxes import Boxes, make_boxes

QUARTERS = 4
"""Coordinates are multiples of 1/4 px, which float32 holds exactly."""


@st.composite
def boxes(draw, width: int = 100, height: int = 80, most: int = 12, smallest: float = 1.0) -> Boxes:
    """Boxes inside a width x height image, with sides of at least `smallest` px and random scores."""
    side = round(smallest * QUARTERS)
    rows = [
        [
            left := draw(st.integers(0, width * QUARTERS - side)),
            top := draw(st.integers(0, height * QUARTERS - side)),
            draw(st.integers(left + side, width * QUARTERS)),
            draw(st.integers(top + side, height * QUARTERS)),
        ]
        for _ in range(draw(st.integers(0, most)))
    ]
    scores = [draw(st.integers(1, 20)) / 20 for _ in rows]
    return make_boxes(np.array(rows, np.float32) / QUARTERS, scores)
