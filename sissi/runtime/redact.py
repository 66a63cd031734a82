"""Addresses of servers and databases as they may be shown and recorded: without what is secret in them."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"""//[^/\s"']*@""")
_SECRET = re.compile(r"""(?i)([?&](?:password|passwd|pwd|token|secret|\w*key)=)[^&\s"']*""")


def without_password(text: str) -> str:
    """A text in which every address has lost its `user:password@`, and the value of `?password=` and the like."""
    return _SECRET.sub(r"\1***", _LOGIN.sub("//", text))
