import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sissi.runtime import device


@pytest.mark.skipif(not device.STATUS.exists(), reason="there is no /proc")
def test_both_accounts_of_the_peak_memory_are_in_mb(monkeypatch):
    first = device.peak_memory()
    monkeypatch.setattr(device, "STATUS", Path("missing"))
    assert first == pytest.approx(device.peak_memory(), rel=0.2) and 50 < first < 50_000


@pytest.mark.parametrize("platform, unit", [("darwin", 2**20), ("freebsd14", 2**10)])
def test_the_unit_of_the_peak_memory_is_that_of_the_system(monkeypatch, platform, unit):
    usage = SimpleNamespace(ru_maxrss=300 * unit)
    module = SimpleNamespace(getrusage=lambda who: usage, RUSAGE_SELF=0)
    without_status(monkeypatch, platform, "resource", module)
    assert device.peak_memory() == 300


def test_windows_needs_no_module_that_only_posix_has(monkeypatch):
    process = SimpleNamespace(memory_info=lambda: SimpleNamespace(peak_wset=300 * 2**20))
    without_status(monkeypatch, "win32", "psutil", SimpleNamespace(Process=lambda: process))
    monkeypatch.setitem(sys.modules, "resource", None)  # an import of it fails
    assert device.peak_memory() == 300


def without_status(monkeypatch, platform, name, module):
    monkeypatch.setattr(device, "STATUS", Path("missing"))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setitem(sys.modules, name, module)
