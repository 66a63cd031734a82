"""The page of all settings, as Markdown from the models of an experiment file and of a search."""

from __future__ import annotations

import re
from typing import Any

from sissi.config import Experiment
from sissi.config.schema import BASE
from sissi.search.file import Search

Schema = dict[str, Any]
LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
"""Sign of a limit, by its name in a JSON schema."""


def markdown() -> str:
    """A section for each model, with a table of its keys."""
    experiment = Experiment.model_json_schema()
    experiment["properties"] = {"base": BASE, **experiment["properties"]}
    return "\n".join(
        [
            *_part("Experiment files", experiment),
            *_part("Search files", Search.model_json_schema()),
        ]
    )


def _part(title: str, schema: Schema) -> list[str]:
    models = schema.get("$defs", {})
    places = _places(schema, models)
    lines = [f"## {title}", "", *_table(schema)]
    for name in sorted(models, key=lambda name: places.get(name, [name])):
        if "properties" in models[name]:
            lines += _section(name, models[name], places[name])
    return lines


def _section(name: str, model: Schema, places: list[str]) -> list[str]:
    title = ", ".join(f"`{place}`" for place in places) if len(places) == 1 else _words(name)
    kind = model["properties"].get("kind", {}).get("const")
    lines = [f"### {title}{f', kind: {kind}' if kind else ''}", ""]
    if len(places) > 1:
        lines += [f"At {', '.join(f'`{place}`' for place in places)}.", ""]
    return [*lines, _text(model), "", *_table(model)]


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _table(model: Schema) -> list[str]:
    required = model.get("required", [])
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, field in model["properties"].items():
        default = "required" if key in required else _default(field)
        lines.append(f"| `{key}` | {_cell(_value(field))} | {default} | {_cell(_text(field))} |")
    return [*lines, ""]


def _text(node: Schema) -> str:
    return " ".join(node.get("description", "").split())


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("<", "&lt;")


def _default(field: Schema) -> str:
    value = field.get("default")
    if value is None:
        return "none"
    return "see there" if isinstance(value, dict) and value else f"`{_yaml(value)}`"


def _yaml(value: Any) -> str:
    """A value as an experiment file has it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    return "null" if value is None else str(value)


def _value(node: Schema) -> str:
    """What a value can be, in words."""
    if "$ref" in node:
        return f"section {_words(_name(node)).lower()}"
    if "const" in node:
        return f"`{_yaml(node['const'])}`"
    if "enum" in node:
        return ", ".join(f"`{_yaml(one)}`" for one in node["enum"])
    for word in ("anyOf", "oneOf"):
        if word in node:
            return " or ".join(_value(one) for one in node[word])
    kind = {"object": "mapping", "array": "list", "string": "text"}.get(node.get("type", ""), node.get("type", "any"))
    if node.get("format") == "path":
        kind = "path"
    if kind == "list":
        parts = node.get("prefixItems") or [node.get("items", {})]
        return f"list of {', '.join(dict.fromkeys(map(_value, parts)))}"
    if kind == "mapping":
        inner = node.get("additionalProperties")
        return f"mapping to {_value(inner)}" if isinstance(inner, dict) and inner else kind
    limits = ", ".join(f"{sign} {node[word]:g}" for word, sign in LIMITS.items() if word in node)
    return f"{kind} {limits}".strip()


def _name(node: Schema) -> str:
    return str(node["$ref"]).rpartition("/")[2]


def _places(schema: Schema, models: Schema) -> dict[str, list[str]]:
    """The dotted keys at which each model stands."""
    found: dict[str, list[str]] = {}

    def visit(node: Any, place: str) -> None:
        if isinstance(node, list):
            for one in node:
                visit(one, place)
        elif isinstance(node, dict) and "$ref" in node:
            if place not in found.setdefault(_name(node), []):
                found[_name(node)].append(place)
            enter(models[_name(node)], place)
        elif isinstance(node, dict):
            for word in ("anyOf", "oneOf", "items", "prefixItems"):
                visit(node.get(word), place)
            visit(node.get("additionalProperties"), f"{place}.NAME")

    def enter(model: Schema, place: str) -> None:
        for key, field in model.get("properties", {}).items():
            visit(field, f"{place}.{key}".lstrip("."))

    enter(schema, "")
    return found
