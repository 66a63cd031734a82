"""The commands: each reads its arguments and calls one function; heavy packages are imported inside them."""

from sissi.cli import data, experiment, predict, results, search, upkeep, weak_labels
from sissi.cli.app import app, main

__all__ = ["app", "data", "experiment", "main", "predict", "results", "search", "upkeep", "weak_labels"]
