"""Errors of a detector: how often it takes, misses and invents cells of each class, and counts corrected for that.

The expected number of cells found as class j is f_j = sum over i of t_i P_ij + b_j, where t_i is the number of true
cells of class i, P_ij the probability that one of them is found as j (the rest is missed), and b_j the number of false
ones. P comes from the rows of a confusion matrix on validation images, b from its last row, in proportion to the area
of the images. For two classes the inversion is that of Rogan and Gladen (*American Journal of Epidemiology* 107, 1978).
Where it would give negative counts, the counts of largest Poisson likelihood without negative ones take its place, by
the EM algorithm of Shepp and Vardi (*IEEE Transactions on Medical Imaging* 1, 1982; also the Richardson-Lucy method).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
STEPS = 40
"""Steps of the EM algorithm, which starts near its end."""
FEWEST_IMAGES = 10
"""With fewer validation images, cells are resampled instead of images."""
ROUNDING = 1e-9
"""A negative count of less than this share of the found cells is 0, from rounding."""
TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, eq=False)
class Response:
    """What a detector finds of true cells, in one or several versions (N).

    Attributes:
        hit: probability that a cell of a true class is found as a class, shape (N, K, K), float64.
        false: false ones of each class per px of image, shape (N, K), float64.
        spread: how much `hit` differs from image to image, the intraclass correlation of what becomes of cells of a
            class in an image, shape (N,), float64.
        false_spread: squared coefficient of variation of `false` from image to image, shape (N,), float64.
    """

    hit: Floats
    false: Floats
    spread: Floats
    false_spread: Floats

    @cached_property
    def _inverse(self) -> Floats:
        return np.asarray(np.linalg.pinv(self.hit), np.float64)

    def true_counts(self, found: Floats, area: float) -> Floats:
        """Numbers of true cells of each class from found ones; none is negative.

        Args:
            found: numbers of found cells of each class, shape (N, K).
            area: of the images that they were found in, in px.

        Returns:
            Numbers of true cells, shape (N, K), float64.
        """
        background = self.false * area
        true = _times(found - background, self._inverse)
        negative = true.min(axis=1) < -ROUNDING * found.sum(axis=1)
        if negative.any():
            start = np.maximum(true[negative], 1e-2 * np.maximum(found[negative].sum(axis=1, keepdims=True), 1))
            true[negative] = _em(start, found[negative], self.hit[negative], background[negative])
        return np.maximum(true, 0)

    def of_images(self, images: int, random: np.random.Generator) -> Response:
        """The mean response in so many images, drawn for each version: Dirichlet rows, gamma rates of false ones."""
        if not (self.spread.any() or self.false_spread.any()):
            return self
        rows = np.concatenate([self.hit, np.maximum(1 - self.hit.sum(axis=2, keepdims=True), 0)], axis=2)
        spread = np.maximum(self.spread, 1e-9)[:, None, None] / images
        drawn = random.gamma(rows * (1 / spread - 1)) + TINY
        hit = drawn[:, :, :-1] / drawn.sum(axis=2, keepdims=True)
        shape = np.broadcast_to(images / np.maximum(self.false_spread, 1e-9)[:, None], self.false.shape)
        return Response(hit, self.false * random.gamma(shape) / shape, self.spread, self.false_spread)


@dataclass(frozen=True, eq=False)
class DetectorErrors:
    """Confusion matrices of a detector on validation images.

    Attributes:
        tables: for each image, cells by true class (rows) and found class (columns), as
            `sissi.evaluation.confusion.confusion`; shape (images, K + 1, K + 1), int64.
        areas: areas of the images in px, shape (images,), float64.
    """

    tables: npt.NDArray[np.int64]
    areas: Floats

    @property
    def total(self) -> npt.NDArray[np.int64]:
        """Confusion matrix of all images, shape (K + 1, K + 1), int64."""
        return np.asarray(self.tables.sum(axis=0), np.int64)

    @property
    def unseen(self) -> list[int]:
        """Indices of the classes of which the validation has no true cell."""
        return [index for index, cells in enumerate(self.total[:-1].sum(axis=1).tolist()) if not cells]

    def response(self) -> Response:
        """The response of all images, one version."""
        return self._response(self.total[None].astype(np.float64), np.array([self.areas.sum()]))

    def drawn(self, draws: int, random: np.random.Generator) -> Response:
        """Responses by a Bayesian bootstrap over images (Rubin, *Annals of Statistics* 9, 1981).

        The weights of the images are exponential, so that a class does not vanish where few images have it. With fewer
        images than `FEWEST_IMAGES` it is over cells. Each row gets one further cell, spread over what can become of it
        at random, so that what was never seen is rare and not impossible.
        """
        size = (draws, *self.total.shape)
        if len(self.tables) < FEWEST_IMAGES:
            tables, areas = random.gamma(np.broadcast_to(self.total, size)), np.full(draws, self.areas.sum())
        else:
            weights = random.exponential(size=(draws, len(self.tables)))
            tables, areas = np.tensordot(weights, self.tables, axes=1), weights @ self.areas
        return self._response(tables + random.gamma(1 / size[2], size=size), areas)

    def _response(self, tables: Floats, areas: Floats) -> Response:
        """Response of each table (N, K + 1, K + 1) on images of these areas (N,)."""
        rows = tables[:, :-1]
        hit = rows[:, :, :-1] / rows.sum(axis=2, keepdims=True)
        spreads = (np.full(len(tables), spread) for spread in self._spreads)
        return Response(hit, tables[:, -1, :-1] / areas[:, None], *spreads)

    @cached_property
    def _spreads(self) -> tuple[float, float]:
        """`Response.spread` and `Response.false_spread` by the method of moments; 0 from one image.

        Of n cells of a class with probabilities p, the squares of the deviations from n p add up to
        n (1 + (n - 1) spread) times the sum of p (1 - p); those of false ones from their expectation m to m + m^2
        spread. One image in the share s of all cells takes the share s of its own deviation away.
        """
        if len(self.tables) == 1:
            return 0.0, 0.0
        rows = self.tables[:, :-1].astype(np.float64)
        cells, total = rows.sum(axis=2, keepdims=True), self.total[:-1].astype(np.float64)
        share = total / total.sum(axis=1, keepdims=True)
        noise = (share * (1 - share)).sum(axis=1)[None, :, None]
        excess = ((rows - cells * share) ** 2).sum(axis=2, keepdims=True)
        excess -= cells * (1 - cells / total.sum(axis=1)[None, :, None]) * noise
        false = self.tables[:, -1, :-1].astype(np.float64)
        part = (self.areas / self.areas.sum())[:, None]
        expected = false.sum(axis=0) * part
        more = (false - expected) ** 2 - expected * (1 - part)
        spread = _ratio(excess.sum(), (cells * (cells - 1) * noise).sum())
        return min(spread, 0.99), _ratio(more.sum(), (expected**2).sum())


def perfect(classes: int) -> Response:
    """The response of a detector without errors, which leaves counts as they are."""
    return Response(np.eye(classes)[None], np.zeros((1, classes)), np.zeros(1), np.zeros(1))


def chosen(responses: Sequence[Response], which: npt.NDArray[np.int64]) -> Response:
    """A version of response `which[n]` for each n; versions take turns."""
    places = [(index, np.arange((which == index).sum()) % len(one.hit)) for index, one in enumerate(responses)]
    order = np.argsort(np.argsort(which, kind="stable"), kind="stable")  # from detector after detector to n after n
    return Response(
        *(
            np.concatenate([getattr(responses[index], name)[versions] for index, versions in places])[order]
            for name in ("hit", "false", "spread", "false_spread")
        )
    )


def _ratio(excess: float, of: float) -> float:
    return max(0.0, float(excess / of)) if of > 0 else 0.0


def _times(vectors: Floats, matrices: Floats) -> Floats:
    """Product of each row (N, K) with its matrix (N, K, K)."""
    products: Floats = np.einsum("ni,nij->nj", vectors, matrices)
    return products


def _em(true: Floats, found: Floats, hit: Floats, background: Floats) -> Floats:
    """Counts of largest likelihood, from a positive start."""
    seen, back = np.maximum(hit.sum(axis=2), TINY), hit.transpose(0, 2, 1)
    for _ in range(STEPS):
        expected = np.maximum(_times(true, hit) + background, TINY)
        true = true * _times(found / expected, back) / seen
    return true
