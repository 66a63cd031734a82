"""The picture of the README can be drawn from any finished ablation."""

import subprocess
import sys

from PIL import Image

from tests.report.conftest import Writer


def test_the_picture_of_labels_before_and_after_is_drawn_from_a_run(tmp_path):
    written = Writer(tmp_path / "mlruns")
    written.whole()
    out = tmp_path / "new" / "labels.jpg"
    arguments = ["latest", "--tracking", str(written.folder), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "examples/labels_before_after.py", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with Image.open(out) as picture:
        assert picture.width > picture.height > 500
