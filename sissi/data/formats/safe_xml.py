"""XML from elsewhere, read without what XML can do to a machine: no entities, no external files."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError
from zipfile import is_zipfile

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from sissi.errors import DataError


def read_xml(file: Path, tag: str, name: str) -> Element:
    """The outermost element of a file.

    Args:
        file: to read.
        tag: that the element must have.
        name: of the format, for messages.

    Raises:
        DataError: the file cannot be read, is no XML, defines entities, or is of another format; names it.
    """
    if file.is_file() and is_zipfile(file):
        raise DataError(f"{file}: is a ZIP archive; unpack it, and name the XML file in it")
    try:
        root: Element | None = parse(file).getroot()
    except DefusedXmlException as error:
        raise DataError(
            f"{file}: defines XML entities, which are refused as unsafe; write their text in place"
        ) from error
    except (ParseError, OSError, ValueError, LookupError) as error:
        raise DataError(f"{file}: cannot be read as XML: {error}; write it again, or take it out") from error
    if root is None or root.tag != tag:
        raise DataError(f"{file}: is not {name}, whose files have <{tag}> around them")
    return root


def number(text: str | None) -> float | None:
    """The number in a text, or None if there is none."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
