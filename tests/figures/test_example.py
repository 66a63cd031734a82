"""The example in examples/ runs as its first lines say."""

import subprocess
import sys


def test_the_example_draws_every_figure(tmp_path):
    done = subprocess.run(
        [sys.executable, "examples/figures.py", str(tmp_path / "new")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names = {path.stem for path in (tmp_path / "new").iterdir()}
    assert names == {"figure_3", "figure_4", "figure_7", "figure_8", "differences"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "new").iterdir())
