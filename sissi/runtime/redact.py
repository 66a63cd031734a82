"""Removal of secrets from addresses of servers and databases, before they are shown or recorded."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"""//[^/\s"']*@""")
_SECRET = re.compile(r"""(?i)([?&](?:password|passwd|pwd|token|secret|\w*key)=)[^&\s"']*""")


def without_password(text: str) -> str:
    """The text without `user:password@` in addresses, and with *** as the value of `?password=` and similar keys."""
    return _SECRET.sub(r"\1***", _LOGIN.sub("//", text))
