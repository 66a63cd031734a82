"""Result of an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sissi.boxes import Boxes
from sissi.data.sample import Sample
from sissi.inference.audit.certainty import Certainty
from sissi.inference.audit.flags import Flags, ranked


@dataclass(frozen=True, eq=False)
class Audit:
    """Boxes in doubt, of every score.

    Attributes:
        samples: images with the labels in doubt.
        detections: out-of-fold detections in each image, in px of the image file.
        flags: flags of each image.
        certain: how sure detections are, and how complete the labels.
        classes: names of the classes, from number 1 on.
        score: lowest score of a flag that is shown.
    """

    samples: Sequence[Sample]
    detections: Sequence[Boxes]
    flags: Sequence[Flags]
    certain: Certainty
    classes: tuple[str, ...]
    score: float

    def ranked(self) -> list[tuple[int, int]]:
        """Image and index of each flag that is shown, the most certain first."""
        return ranked(self.flags, self.score)

    def counts(self) -> Counter[str]:
        """Number of flags that are shown of each kind."""
        return Counter(str(self.flags[image].kinds[index]) for image, index in self.ranked())

    def in_doubt(self) -> list[int]:
        """Images with flags that are shown, those with the largest sum of scores first."""
        doubt: Counter[int] = Counter()
        for image, index in self.ranked():
            doubt[image] += float(self.flags[image].boxes.scores[index])  # type: ignore[assignment]
        return sorted(doubt, key=lambda image: (-doubt[image], image))

    def shown(self, image: int) -> Flags:
        """Flags of an image that are shown."""
        flags = self.flags[image]
        return flags.take(flags.boxes.scores >= self.score)
