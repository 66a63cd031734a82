"""Images of Label Studio's tasks: files below one folder, and what was uploaded to one Label Studio; nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from sissi.data.images.suffixes import is_read
from sissi.errors import DataError

LOCAL, UPLOAD = "/data/local-files/", "/data/upload/"
TIMEOUT = 30
"""Seconds that Label Studio may take to begin or continue an answer."""
LARGEST = 1 << 30
"""Bytes of the largest uploaded image."""


class _NoRedirect(HTTPRedirectHandler):
    """Refuses to be sent elsewhere, as to a page for signing in."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing."""
        return


class TaskImages:
    """Access to the images of tasks.

    Attributes:
        token: access token of Label Studio: a legacy token or a personal one; None: unknown.
    """

    def __init__(self, folder: Path | None, label_studio: str, token: str | None) -> None:
        """Set where images come from.

        Args:
            folder: of images that Label Studio serves as local files; None: there are none.
            label_studio: address of Label Studio, http or https; the token is sent nowhere else.
            token: access token, or None.

        Raises:
            DataError: the folder is missing, or the address is none.
        """
        parts = urlsplit(label_studio)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise DataError(f"--label-studio {label_studio}: is no address such as http://127.0.0.1:8080")
        if folder is not None and not folder.is_dir():
            raise DataError(f"--images {folder}: no such folder")
        self._folder = None if folder is None else folder.resolve()
        self._host = label_studio.rstrip("/")
        self._origin = (parts.scheme, parts.netloc)
        self._opener = build_opener(_NoRedirect)
        self.token = token

    @contextmanager
    def open(self, address: str) -> Iterator[Path]:
        """The file of an image while it is needed; an uploaded one is downloaded for that time.

        Args:
            address: /data/local-files/?d=..., or /data/upload/..., also with the address of Label Studio before it.

        Raises:
            DataError: the image is not among those that may be read, or cannot be had.
        """
        parts = urlsplit(address)
        if (parts.scheme or parts.netloc) and (parts.scheme, parts.netloc) != self._origin:
            raise DataError(f"{address}: is not on {self._host}; only images of Label Studio are read")
        path = parts.path.removeprefix(urlsplit(self._host).path)
        if path == LOCAL:
            yield self._local(address, "".join(parse_qs(parts.query).get("d", [])[:1]))
        elif path.startswith(UPLOAD):
            with TemporaryDirectory(prefix="sissi-serve-") as folder:
                yield self._uploaded(address, PurePosixPath(unquote(path)), Path(folder))
        else:
            raise DataError(f"{address}: is neither a local file ({LOCAL}?d=...) nor an uploaded one ({UPLOAD}...)")

    def _local(self, address: str, below: str) -> Path:
        """The file of a local file's path: what comes after the name of the folder lies in the folder."""
        if self._folder is None:
            raise DataError(f"{address}: is a local file; name its folder with --images")
        names = PurePosixPath(below).parts
        if self._folder.name not in names:
            raise DataError(f"{address}: is not below a folder {self._folder.name}, as --images is called")
        try:
            file = self._folder.joinpath(*names[names.index(self._folder.name) + 1 :]).resolve()
        except (OSError, ValueError) as error:  # a name with a zero byte, a circle of links
            raise DataError(f"{address}: cannot be the name of a file") from error
        if not file.is_relative_to(self._folder) or not is_read(PurePosixPath(file.name)):
            raise DataError(f"{address}: is no image in the folder of --images")
        if not file.is_file():
            raise DataError(f"{address}: no such file in the folder of --images")
        return file

    def _uploaded(self, address: str, path: PurePosixPath, folder: Path) -> Path:
        if ".." in path.parts or not is_read(PurePosixPath(path.name)):
            raise DataError(f"{address}: is no uploaded image")
        if self.token is None:
            raise DataError(
                f"{address}: an uploaded image needs the access token of Label Studio: LABEL_STUDIO_API_KEY"
            )
        file = folder / f"image{path.suffix}"
        content = self._get(quote(str(path)))
        file.write_bytes(content)
        return file

    def _get(self, path: str) -> bytes:
        headers = {"Authorization": self._authorization(self.token or "")}
        return self._answer(Request(self._host + path, headers=headers))  # noqa: S310 its scheme was checked

    def _authorization(self, token: str) -> str:
        """The header of a token; a personal one, which is a JWT, is exchanged for one of some minutes."""
        if token.count(".") != 2:
            return f"Token {token}"
        body = json.dumps({"refresh": token}).encode()
        request = Request(  # noqa: S310 its scheme was checked
            f"{self._host}/api/token/refresh", data=body, headers={"Content-Type": "application/json"}
        )
        try:
            return f"Bearer {json.loads(self._answer(request))['access']}"
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{request.full_url}: Label Studio gives no access token") from error

    def _answer(self, request: Request) -> bytes:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                content: bytes = answer.read(LARGEST + 1)
        except HTTPError as error:
            raise DataError(
                f"{request.full_url}: Label Studio answers {error.code} {error.reason}; is the access token right?"
            ) from error
        except (OSError, HTTPException) as error:
            raise DataError(f"{request.full_url}: Label Studio does not answer: {error}") from error
        if len(content) > LARGEST:
            raise DataError(f"{request.full_url}: has more than {LARGEST} bytes")
        return content
