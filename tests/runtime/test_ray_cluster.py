import sys
from types import SimpleNamespace

import pytest

from sissi.errors import SissiError
from sissi.runtime.engines.ray_cluster import connected


@pytest.mark.parametrize("kind", [Exception, RuntimeError, ValueError, ConnectionError])
@pytest.mark.parametrize(
    ("address", "words"),
    [("auto", "runtime.engine: Ray cannot be started in"), ("10.0.0.7:1", "runtime.address: 10.0.0.7:1: no Ray")],
)
def test_a_ray_that_does_not_start_is_explained_and_ended(tmp_path, monkeypatch, kind, address, words):
    ended = []

    def start(*arguments, **options):
        raise kind("The current node timed out\n  during startup.")

    fake = SimpleNamespace(init=start, shutdown=lambda: ended.append(True))
    monkeypatch.setitem(sys.modules, "ray", fake)
    with pytest.raises(SissiError) as told, connected(address, tmp_path / "ray"):
        pass
    assert words in str(told.value) and "(The current node timed out during startup.)" in str(told.value)
    assert ended == [True]
