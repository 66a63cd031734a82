"""The JSON schema of an experiment file, from which editors complete keys and show their documentation."""

from __future__ import annotations

import json
from typing import Any

from sissi.config import Experiment

FILE = "experiment.schema.json"
"""Name of the file beside the shipped experiments, which they refer to."""
BASE = {
    "type": "string",
    "title": "Base",
    "description": "Experiment file, or name of a shipped one, whose settings this file changes.",
}
"""Schema of the key that no model has, since a file is complete once it is read."""
MODELINE = "# yaml-language-server: $schema="
"""How a YAML file names its schema."""


def experiment_schema() -> str:
    """The schema as JSON text.

    Nothing is required in it, since a file that names a `base` contains only the differences from it.
    """
    schema = Experiment.model_json_schema()
    schema["properties"]["base"] = BASE
    return json.dumps(_nothing_required(schema), indent=1, ensure_ascii=False) + "\n"


def _nothing_required(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _nothing_required(value) for key, value in node.items() if key != "required"}
    return [_nothing_required(value) for value in node] if isinstance(node, list) else node
