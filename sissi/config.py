"""Read an experiment file: YAML and overrides in, one validated, frozen `Experiment` out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sissi.errors import ExperimentError
from sissi.settings import Experiment


def load(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment in a YAML file, with `key.key=value` overrides on top.

    Raises:
        ExperimentError: the file or an override cannot be read, or a key is unknown, mistyped or impossible; all
            such keys are named at once, with what is allowed.
    """
    tree = _read(path)
    _start_folder_at(tree, path.parent)
    for override in overrides:
        _apply(tree, override)
    try:
        return Experiment.model_validate(tree)
    except ValidationError as error:
        raise ExperimentError(f"{path}: {_explain(error)}") from None


def dump(experiment: Experiment) -> str:
    """The resolved experiment as YAML that `load` reads back to an equal object."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def flatten(experiment: Experiment) -> dict[str, Any]:
    """Every setting under its dotted key; lists stay lists."""

    def walk(prefix: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {prefix: value}
        joined: dict[str, Any] = {}
        for key, inner in value.items():
            joined |= walk(f"{prefix}.{key}" if prefix else key, inner)
        return joined

    return walk("", experiment.model_dump(mode="json"))


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExperimentError(f"{path}: no such experiment file; the shipped ones are in experiments/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ExperimentError(f"{path}: is not valid YAML: {error}") from None
    if not isinstance(tree, dict):
        raise ExperimentError(f"{path}: must hold keys and values, such as `name: demo`")
    return tree


def _start_folder_at(tree: dict[str, Any], base: Path) -> None:
    """Make the folder of the data absolute, so that an experiment file works from any current folder."""
    data = tree.get("data")
    if isinstance(data, dict) and data.get("kind") == "files" and isinstance(data.get("folder", ""), str):
        data["folder"] = str((base / data.get("folder", "")).resolve())


def _apply(tree: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise ExperimentError(f"--set {override}: write it as key.key=value, such as training.learning_rate=0.002")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ExperimentError(f"--set {override}: the value is not valid YAML") from None
    if keys == ["data", "folder"] and isinstance(value, str):
        value = str(Path(value).resolve())
    node = tree
    for key in keys[:-1]:
        child = node.setdefault(key, {})
        if child is None:
            child = node[key] = {}
        if not isinstance(child, dict):
            raise ExperimentError(f"--set {override}: {key} holds a value, not keys")
        node = child
    node[keys[-1]] = value


def _explain(error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"] if part not in ("files", "demo"))
        given = "" if fault["type"] in ("missing", "extra_forbidden") else f" (given: {fault['input']!r})"
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = f"unknown key; allowed here: {', '.join(_allowed(fault['loc'][:-1]))}"
        elif fault["type"] == "value_error":
            given = ""
        lines.append(f"{key}: {message}{given}" if key else f"{message}{given}")
    return "\n  ".join(["the experiment cannot be used", *lines]) if len(lines) > 1 else lines[0]


def _allowed(location: Sequence[int | str]) -> list[str]:
    """The keys that the model at a location of the experiment knows."""
    from sissi import settings

    model: Any = Experiment
    for part in location:
        if part in ("files", "demo"):
            model = settings.FileData if part == "files" else settings.DemoData
            continue
        annotation = (
            model.model_fields[part].annotation
            if isinstance(part, str) and hasattr(model, "model_fields") and part in model.model_fields
            else model
        )
        model = _model_in(annotation) or model
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> Any:
    """The settings model inside an annotation such as `WeakLabels | None` or `dict[str, LabelFiles]`, or None."""
    from typing import get_args

    from sissi.settings import Settings

    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
