"""The commands: each reads its arguments and calls one function; heavy packages are imported inside them."""

from sissi.cli import data, experiment, results, search, upkeep, weak_labels
from sissi.cli.app import app, main

__all__ = ["app", "data", "experiment", "main", "results", "search", "upkeep", "weak_labels"]
