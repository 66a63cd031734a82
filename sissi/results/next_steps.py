"""What an ablation has left, and what to do with it: addresses and commands, ready to paste."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sissi.config.variants import REFERENCES

PREFERRED = ("a+sissi-s", "a+sissi-w", "sissi-s", "sissi-w", "plain-a", "baseline")
"""Variants in the order in which one is taken where none is named: the whole method of the paper first."""
DEFAULT_FOLDER = Path("mlruns")


@dataclass(frozen=True)
class LoggedRuns:
    """The MLflow runs of an ablation.

    Attributes:
        ablation: id of the run around the others.
        branches: id of the run by variant and seed, of those that have a model.
        folder: tracking folder.
    """

    ablation: str
    branches: Mapping[tuple[str, int], str]
    folder: Path

    def next_steps(self, titles: Mapping[str, str]) -> str:
        """The models' addresses by title of their variant, and the commands that come next."""
        where = [] if self.folder == DEFAULT_FOLDER else ["--tracking", str(self.folder)]
        several = len({seed for _, seed in self.branches}) > 1
        width = max((len(titles[variant]) for variant, _ in self.branches), default=0)
        lines = [f"Run {self.ablation}. The models of its rows:"] if self.branches else [f"Run {self.ablation}."]
        for (variant, seed), run in self.branches.items():
            name = f"{titles[variant]:{width}}{f' seed {seed}' if several else ''}"
            lines.append(f"  {name}  runs:/{run}/model")
        lines.append("What to do next:")
        lines.append(f"  {shlex.join(['sissi', 'report', self.ablation, '--out', 'report', *where])}")
        labels = ["sissi", "labels", self.ablation, "--out", "labels.json", *where]
        chosen = preferred_variant({variant for variant, _ in self.branches})
        if chosen is not None:
            lines.append(f"  {shlex.join(labels)}")
            run = next(run for (variant, _), run in self.branches.items() if variant == chosen)
            command = shlex.join(["sissi", "predict", f"runs:/{run}/model", "IMAGES", "--out", "found", *where])
            lines.append(f"  {command}")
        return "\n".join(lines)


def preferred_variant(variants: set[str]) -> str | None:
    """The variant that is taken where none is named; None where none of them corrects labels.

    No score decides, since the readers' scores are there to judge and not to choose: the variants of the paper from its
    whole method down, then any other that corrects.
    """
    others = sorted(variants - set(PREFERRED) - set(REFERENCES))
    return next((name for name in (*PREFERRED, *others) if name in variants), None)
