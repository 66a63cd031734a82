from dataclasses import replace
from pathlib import Path

import pytest

from sissi.errors import SissiError
from sissi.runtime.engines.agreement import agreed


@pytest.fixture
def agreement(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with agreed(tmp_path / "mlruns") as found:
        yield found


def test_a_machine_that_agrees_goes_to_the_current_folder(agreement, monkeypatch):
    monkeypatch.chdir("/")
    agreement.enter()
    assert Path.cwd() == agreement.current


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"code": "other"}, "has other code of sissi"),
        ({"token": "other"}, "does not see the shared folder"),
        ({"current": Path("/none")}, "does not see the current folder /none"),
        ({"lock": Path("free.lock")}, "does not feel the locks of other machines"),
    ],
)
def test_a_machine_that_differs_is_named_with_what_differs(agreement, monkeypatch, change, sentence):
    monkeypatch.setattr("socket.gethostname", lambda: "node-7")
    with pytest.raises(SissiError, match=f"^node-7: {sentence}"):
        replace(agreement, **change).enter()


def test_other_versions_of_libraries_are_named(agreement):
    other = agreement.libraries | {"torch": "0.1"}
    with pytest.raises(SissiError, match=r"has torch .* instead of 0\.1"):
        replace(agreement, libraries=other).enter()


def test_an_agreement_leaves_nothing_behind(tmp_path):
    with agreed(tmp_path):
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == []
