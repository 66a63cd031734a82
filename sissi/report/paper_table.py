"""Table 1 of the paper, for comparison with that of a run: Elbatel et al., arXiv 2208.03327v1 (2022), table 1.

It is from one run per variant on the authors' images, which are not public.
"""

from __future__ import annotations

from sissi.config.variants import VARIANTS
from sissi.evaluation.metrics import TABLE_METRICS
from sissi.runtime.tables import Cell, Table

PAPER = {
    "baseline": (45.6, 15.7, 21.3, 32.7, 44.3, 16.1, 20.2, 31.0, 58.6, 28.1, 29.7, 41.8),
    "sissi-w": (52.8, 23.2, 25.9, 37.7, 49.5, 21.3, 24.4, 34.6, 58.5, 29.0, 29.7, 42.0),
    "sissi-s": (40.3, 8.3, 16.2, 32.8, 38.4, 7.2, 15.2, 31.8, 46.6, 9.7, 19.2, 37.8),
    "plain-a": (38.7, 18.9, 19.2, 43.9, 35.8, 18.6, 18.7, 43.1, 41.2, 23.8, 22.9, 50.6),
    "a+sissi-w": (43.1, 37.1, 36.0, 60.3, 45.1, 38.5, 37.4, 58.8, 47.6, 42.8, 41.4, 66.9),
    "a+sissi-s": (54.9, 49.0, 43.2, 57.6, 51.2, 45.1, 39.7, 54.3, 58.5, 55.5, 47.9, 64.9),
}
"""AP50, AP75, AP and AR of readers 1, 2 and 3 by variant, in percent."""


def paper_table() -> Table:
    """Table 1 as printed, with the best of each column in bold."""
    columns = list(zip(*PAPER.values(), strict=True))
    return Table(
        name="table_1_of_the_paper",
        caption="Table 1 of the paper (Elbatel et al. 2022, arXiv 2208.03327), in %: other images, another detector, "
        "one run each. Only the order of the variants is comparable, not the level of the numbers.",
        header=["variant", *(f"R{reader} {metric}" for reader in (1, 2, 3) for metric in TABLE_METRICS)],
        rows=[
            [
                Cell(VARIANTS[variant].title, VARIANTS[variant].title),
                *(
                    Cell(f"{value:.1f}", value, bold=value == max(column))
                    for value, column in zip(values, columns, strict=True)
                ),
            ]
            for variant, values in PAPER.items()
        ],
    )
