"""Tasks of Label Studio: the image of a task, and what a person has submitted about it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sissi.data.formats.names import last_part, loose
from sissi.data.images.suffixes import is_read, is_unread
from sissi.data.problems import Problems
from sissi.errors import DataError

MODEL = "sissi"
"""Model of the predictions that `label_studio.write_labels` writes."""
UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an image that is uploaded in the browser."""
ANNOTATED = ("annotations", "completions")
"""Keys of what persons did to a task; exports of before version 1.0 have the second."""
NOTHING_SUBMITTED = "task without a submitted annotation, not used"
Tree = dict[str, Any]


def read_tasks(labels: Path) -> dict[str, Tree]:
    """The tasks of a file by their places in it.

    Raises:
        DataError: the file is missing, is no JSON, or holds no list of tasks.
    """
    try:
        tree = json.loads(labels.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{labels}: cannot be read as JSON: {error}; export it again") from error
    if not isinstance(tree, list):
        raise DataError(f"{labels}: is no list of tasks; export it from Label Studio as JSON")
    return {f"[{index}]": task for index, task in enumerate(tree)}


def image_name(labels: Path, place: str, task: Any, images: Collection[str]) -> str:
    """The name of a task's image as its data give it, in the form that one of the images has if there is such a form.

    Any key of the data may hold the address. Addresses are percent-encoded, some twice; the browser's upload puts eight
    digits before a name.

    Raises:
        DataError: the data hold no address.
    """
    forms = list(dict.fromkeys(_forms(labels, place, task)))
    parts = {last_part(name) for name in images}
    loose_parts = {loose(part) for part in parts}
    for found in (
        (form for form in forms if form in images),
        (form for form in forms if last_part(form) in parts),
        (form for form in forms if loose(last_part(form)) in loose_parts),
    ):
        name = next(found, None)
        if name is not None:
            return name
    return forms[0]


def submitted(labels: Path, place: str, task: Tree, problems: Problems) -> list[Any] | None:
    """The regions that a person has submitted for a task; None where none has, as unknown is not empty.

    Of several annotations the last counts. Skipped tasks, drafts and predictions are no labels; but the tasks that
    `label_studio.write_labels` wrote, and that never were in Label Studio, give their boxes back.

    Args:
        labels: the file.
        place: of the task in it.
        task: as the file has it.
        problems: takes tasks without an annotation, and with several.
    """
    if not any(key in task for key in (*ANNOTATED, "id")):
        own = [one for one in _dicts(task, "predictions") if one.get("model_version") == MODEL]
        if own:
            problems.add(labels, "task that was never in Label Studio, its boxes used as they were written", place)
            return _regions(own[-1])
    given = [one for key in ANNOTATED for one in _dicts(task, key)]
    counted = [one for one in given if not (one.get("was_cancelled") or one.get("skipped"))]
    counted = [one for one in counted if _regions(one) is not None]
    if len(counted) > 1:
        problems.add(labels, "task with several annotations, the last is used", place)
    if not counted:
        problems.add(labels, NOTHING_SUBMITTED, f"{place}, {'skipped' if given else 'not annotated'}")
        return None
    return _regions(counted[-1])


def _regions(annotation: Tree) -> list[Any] | None:
    result = annotation.get("result")
    return result if isinstance(result, list) else None


def _forms(labels: Path, place: str, task: Any) -> Iterator[str]:
    """The names that a task's image may have, the likeliest first."""
    data = task.get("data") if isinstance(task, dict) else None
    texts = {key: text for key, text in data.items() if isinstance(text, str)} if isinstance(data, dict) else {}
    files = [text for text in texts.values() if _is_image(text)]
    addresses = [texts["image"]] if "image" in texts else files or list(texts.values())
    if not addresses:
        there = f"; there are {', '.join(map(str, data))}" if isinstance(data, dict) else ""
        raise DataError(f"{labels}: {place}.data: holds no address of an image{there}; export as JSON, not as JSON-MIN")
    if _is_image(texts.get("name", "")):  # as `write_labels` gave it
        yield texts["name"]
    for address in dict.fromkeys([*addresses, *files]):
        yield from _decoded(address)


def _decoded(address: str) -> Iterator[str]:
    """The file names that an address may mean."""
    parts = urlsplit(address)
    query = re.search(r"(?:^|&)d=([^&]*)", parts.query)
    once = unquote(query[1].replace("+", " ") if query else parts.path).lstrip("/")
    for text in (unquote(once), once, once.replace(" ", "+")):
        path = PurePosixPath(text)
        if "upload" in path.parts and UPLOADED.match(path.name):
            yield str(path.with_name(UPLOADED.sub("", path.name)))
        yield str(path)


def _is_image(text: str) -> bool:
    parts = urlsplit(text)
    paths = [PurePosixPath(unquote(one)) for one in (parts.path, *parse_qs(parts.query).get("d", []))]
    return any(is_read(path) or is_unread(path) for path in paths)


def _dicts(task: Tree, key: str) -> list[Tree]:
    many = task.get(key)
    return [one for one in many if isinstance(one, dict)] if isinstance(many, list) else []
