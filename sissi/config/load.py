"""Reading of experiment files: from YAML and overrides to one validated, frozen `Experiment`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import ValidationError

from sissi.config import DemoData, Experiment, FileData, WeakLabels
from sissi.config.base import Settings
from sissi.config.shipped_files import find_beside, find_file
from sissi.config.variants import settings_of_variant
from sissi.errors import ExperimentError

BY_CLASS = ("classes", "class_scores")
"""Keys whose values have names of classes as keys, with any signs in them."""


def load_experiment(path: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment from a YAML file and apply `key.key=value` overrides.

    The key `base` of a file names another experiment file, relative to its own folder. The file then contains only the
    differences from its base: sections are merged key by key, lists and values are replaced.

    Args:
        path: experiment file, or the name of a shipped one, such as demo.
        overrides: such as `training.epochs=12`.

    Raises:
        ExperimentError: the file or an override cannot be read, or a key is unknown, has the wrong type or an
            impossible value. The message names all such keys, with what is allowed.
    """
    path = find_file(Path(path))
    return validated(_with_base(path, ()), overrides, path)


def validated(tree: dict[str, Any], overrides: Sequence[str], source: str | Path) -> Experiment:
    """Apply overrides to the content of an experiment file, and check every key.

    Args:
        tree: content of the file; changed in place.
        overrides: such as `training.epochs=12`.
        source: where the content comes from, for messages.

    Raises:
        ExperimentError: as for `load_experiment`.
    """
    for override in overrides:
        _apply(tree, override, Experiment)
    try:
        experiment = Experiment.model_validate(tree)
    except ValidationError as error:
        raise ExperimentError(f"{source}: {_explain(error, Experiment)}") from None
    for name, variant in experiment.table_rows.items():
        try:
            settings_of_variant(variant, experiment)
        except ValidationError as error:
            raise ExperimentError(f"{source}: row {name}: {_explain(error, Experiment)}") from None
    return experiment


def load_weak_labels(path: Path | None, overrides: Sequence[str] = ()) -> WeakLabels:
    """Read settings of weak labels from a YAML file, or take the defaults, and apply `key.key=value` overrides.

    The keys are those of `weak_labels` in an experiment; the default of `pipeline` is `auto`.

    Raises:
        ExperimentError: as for `load_experiment`.
    """
    path = find_file(path, "weak_labels") if path else None
    tree: dict[str, Any] = {"pipeline": "auto"} | (_read(path) if path else {})
    for override in overrides:
        _apply(tree, override, WeakLabels)
    try:
        return WeakLabels.model_validate(tree)
    except ValidationError as error:
        raise ExperimentError(f"{path or 'weak labels'}: {_explain(error, WeakLabels)}") from None


def dump_experiment(experiment: Experiment) -> str:
    """The experiment as YAML with all settings, from which `load_experiment` reads an equal object."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def flatten(experiment: Experiment) -> dict[str, Any]:
    """All settings by their dotted keys; lists, and values by names of classes, stay whole."""

    def walk(prefix: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or (value and prefix.rpartition(".")[2] in BY_CLASS):
            return {prefix: value}
        joined: dict[str, Any] = {}
        for key, inner in value.items():
            joined |= walk(f"{prefix}.{key}" if prefix else key, inner)
        return joined

    return walk("", experiment.model_dump(mode="json"))


def _with_base(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """Content of an experiment file, merged with its base if it has one; `above` are the files that refer to it."""
    if path.resolve() in above:
        raise ExperimentError(f"{' -> '.join(file.name for file in (*above, path))}: circular base files")
    tree = _read(path)
    _start_folder_at(tree, path.parent)
    if "base" not in tree:
        return tree
    base = tree.pop("base")
    if not isinstance(base, str):
        raise ExperimentError(f"{path}: base: must be the path of an experiment file (given: {base!r})")
    try:
        return _merged(_with_base(find_beside(path, base), (*above, path.resolve())), tree)
    except ExperimentError as error:
        raise ExperimentError(f"{path}: base: {error}") from None


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The base with the changes, merged section by section; a section of another kind, such as data, is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and value.get("kind", old.get("kind")) == old.get("kind"):
            merged[key] = _merged(old, value)
        else:
            merged[key] = value
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExperimentError(f"{path}: no such experiment file; `sissi experiments` lists the shipped ones") from None
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
        data["folder"] = str(_resolved(base / data.get("folder", "")))


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # circular links: reading the data reports them as missing
        return path.absolute()


def _apply(tree: dict[str, Any], override: str, root: type[Settings]) -> None:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise ExperimentError(f"--set {override}: write it as key.key=value, such as training.learning_rate=0.002")
    try:
        value = text if _takes_text(keys, tree, root) and not _is_plain(text) else yaml.safe_load(text)
    except yaml.YAMLError:
        raise ExperimentError(f"--set {override}: the value is not valid YAML") from None
    if keys == ["data", "folder"] and isinstance(value, str):
        value = str(_resolved(Path(value)))
    node = tree
    for depth, key in enumerate(keys[:-1], start=1):
        child = node.setdefault(key, _default(keys[:depth], root))
        if child is None:
            child = node[key] = {}
        if not isinstance(child, dict):
            raise ExperimentError(f"--set {override}: {key} is a value, not a section")
        node = child
    node[keys[-1]] = value


def _is_plain(text: str) -> bool:
    """Whether a text is null or a JSON string, which mean the same for every key."""
    return text == "null" or (len(text) > 1 and text[0] == text[-1] == '"')


def _takes_text(keys: Sequence[str], tree: Mapping[str, Any], root: type[Settings]) -> bool:
    """Whether a key holds a text or a path, which is taken as it is written: `#`, `~` and `:` mean nothing there."""
    data = tree.get("data")
    kind = data.get("kind", "") if isinstance(data, dict) else ""
    location = (keys[0], kind, *keys[1:]) if keys[0] == "data" and kind else tuple(keys)
    section, values = _section(location[:-1], root)
    if values is not None:
        return values in (str, Path)
    field = section.model_fields.get(keys[-1]) if section else None
    annotation = field.annotation if field else None
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return str in kinds or Path in kinds


def _default(keys: Sequence[str], root: type[Settings]) -> dict[str, Any]:
    """Default settings of a section that is missing in the file, of which an override changes only one."""
    model: type[Settings] | None = root
    default: Any = None
    for key in keys:
        field = model.model_fields.get(key) if model else None
        default = field.default if field else None
        model = _settings_in(field.annotation) if field else None
    return default.model_dump(mode="json") if isinstance(default, Settings) else {}


def _explain(error: ValidationError, root: type[Settings]) -> str:
    """One line per fault: the dotted key, what is wrong, and what is allowed."""
    lines = [_explain_fault(fault, root) for fault in error.errors()]
    return "\n  ".join(["the settings cannot be used", *lines]) if len(lines) > 1 else lines[0]


def _explain_fault(fault: Any, root: type[Settings]) -> str:
    location = _without_kind(fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        allowed = _allowed(fault["loc"][:-1], root)
        message = f"unknown key{did_you_mean(str(fault['loc'][-1]), allowed)}; allowed here: {', '.join(allowed)}"
    elif fault["type"] not in ("missing", "value_error"):
        message = f"{message} (given: {fault['input']!r})"
    key = ".".join(map(str, location))
    return f"{key}: {message}" if key else message


def _without_kind(location: Sequence[int | str]) -> tuple[int | str, ...]:
    """Location of a key without the kind of the data, which pydantic inserts after `data` and files do not contain."""
    return tuple(location[:1]) + tuple(location[2:]) if location[:1] == ("data",) else tuple(location)


def _allowed(location: Sequence[int | str], root: type[Settings]) -> list[str]:
    """The keys that the settings at a place below `root` know."""
    section, _ = _section(location, root)
    return sorted((section or root).model_fields)


def _section(location: Sequence[int | str], root: type[Settings]) -> tuple[type[Settings] | None, Any]:
    """The settings at a place below `root`; where it is a mapping of free names to plain values, the values' type.

    The kind of the data stands behind `data` in the location, as pydantic writes it.
    """
    model: type[Settings] | None = root
    values: Any = None
    for part in _without_kind(location):
        if part == "data" and model is root:
            model = DemoData if location[1:2] == ("demo",) else FileData
            continue
        field = model.model_fields.get(str(part)) if model else None
        if field is not None:
            model, values = _settings_in(field.annotation), _values_of(field.annotation)
    return model, None if model else values


def _values_of(annotation: Any) -> Any:
    """The type of the values of `dict[str, ...]`."""
    return get_args(annotation)[1] if get_origin(annotation) is dict else None


def _settings_in(annotation: Any) -> type[Settings] | None:
    """Settings class inside a type such as `WeakLabels | None` or `dict[str, LabelFiles]`."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    return next(filter(None, map(_settings_in, get_args(annotation))), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question after a name that does not exist: `, did you mean X?`, or nothing where none is close."""
    close = get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]}?" if close else ""
