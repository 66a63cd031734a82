import pytest

from sissi.runtime.redact import without_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:hunter2@host:5000/api", "http://host:5000/api"),
        ("postgresql+psycopg://me:p@ss@host/db", "postgresql+psycopg://host/db"),
        ("https://token@host", "https://host"),
        ("postgresql:///db?host=h&password=hunter2&user=me", "postgresql:///db?host=h&password=***&user=me"),
        ("sqlite:////a folder/m@il.db", "sqlite:////a folder/m@il.db"),
        ('{"a": "http://host/x", "b": "me@host"}', '{"a": "http://host/x", "b": "me@host"}'),
        ("call to http://a:b@c/x failed: http://d:e@f/y?token=g", "call to http://c/x failed: http://f/y?token=***"),
    ],
)
def test_an_address_is_shown_without_its_secrets_and_otherwise_as_it_is(text, shown):
    assert without_password(text) == shown
