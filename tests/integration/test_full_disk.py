"""Whole commands on a disk that is too small: named, nothing lost, and the same command goes on when there is room."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.smoke import FEW, SMOKE, assert_ends_as
from tests.tracking.test_full_disk import ALONE, FULL, NO_DISK

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.skipif(NO_DISK, reason="no disk can be mounted here")]
TWICE = """
mkdir mlruns
mount -t tmpfs -o size=$1 none mlruns
"$2" ablation "$3" --out out --set "$4"
echo "exit $?"
mount -o remount,size=500m mlruns
"$2" ablation "$3" --out out --set "$4"
echo "exit $?"
cp -a mlruns kept
"""


@pytest.mark.parametrize("size", ["9m", "30m", "50m"])
def test_an_ablation_whose_disk_is_full_says_so_and_goes_on_when_there_is_room(tmp_path, smoke_folder, size):
    sissi = str(Path(sys.executable).with_name("sissi"))
    command = [*ALONE, "sh", "-c", TWICE, "sh", size, sissi, str(SMOKE), FEW[1]]
    done = subprocess.run(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    full, went_on, _ = done.stdout.split("exit ")
    assert FULL in full and f"{tmp_path}/mlruns/" in full, done.stdout
    assert "Traceback" not in done.stdout and went_on.startswith("1\n") and done.stdout.endswith("exit 0\n"), (
        done.stdout
    )
    (tmp_path / "mlruns").rmdir()
    (tmp_path / "kept").rename(tmp_path / "mlruns")
    assert_ends_as(tmp_path, smoke_folder)
