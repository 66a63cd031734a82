"""The commands: each reads its arguments and calls one function; heavy packages are imported inside them."""

from sissi.cli import (
    ablation,
    audit,
    data,
    experiments,
    export,
    grade,
    maintenance,
    predict,
    report,
    search,
    serve,
    start,
    suggest,
    tune,
    weak_labels,
)
from sissi.cli.app import app, main

__all__ = [
    "ablation",
    "app",
    "audit",
    "data",
    "experiments",
    "export",
    "grade",
    "main",
    "maintenance",
    "predict",
    "report",
    "search",
    "serve",
    "start",
    "suggest",
    "tune",
    "weak_labels",
]
