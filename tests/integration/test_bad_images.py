"""An image that becomes unreadable while an ablation trains: named, nothing lost, and made up for once it is mended.

A frame that is in the cache needs its image no more, so what is kept is cleared at the same time: the next to read it
decodes it.
"""

from pathlib import Path

import pytest

from tests.integration.conftest import sissi
from tests.integration.smoke import SMOKE, assert_ends_as, begin, finish, read_until, table

pytestmark = [pytest.mark.slow, pytest.mark.faults]


def cut_off(image: Path) -> bytes:
    """Damage a target training image; its content."""
    content = image.read_bytes()
    image.write_bytes(content[: len(content) // 2])
    return content


def forget_frames(folder):
    """What is decoded from now on is the image files themselves."""
    (folder / "mlruns/cache/resized").rename(folder / "forgotten")


def target_image(folder):
    [image] = folder.glob("mlruns/demo/*/cell_lab/inhib/000.jpg")
    return image


@pytest.mark.parametrize("workers", [0, 2])
def test_in_early_learning_it_is_named_as_data_check_does_and_the_command_goes_on_when_it_is_mended(
    tmp_path, smoke_folder, workers
):
    settings = ("--set", f"training.workers={workers}")
    process = begin(tmp_path, *settings)
    read_until(process, "trunk: epoch 3/6")
    image = target_image(tmp_path)
    content = cut_off(image)
    forget_frames(tmp_path)
    told, _ = process.communicate()
    fault = f"{image}: cannot be read as an image: "
    assert process.returncode == 1 and "Traceback" not in told
    assert f"early learning (seed 0) failed: {fault}" in told

    refused = sissi("ablation", SMOKE, *settings, cwd=tmp_path)
    [line] = [line for line in told.splitlines() if fault in line]
    assert refused.returncode == 1 and line.partition("failed: ")[2] in refused.stderr
    checked = sissi("data", "check", SMOKE, cwd=tmp_path)
    assert checked.returncode == 1 and line.partition(f"{image}: ")[2] in checked.stdout + checked.stderr

    image.write_bytes(content)
    told = finish(tmp_path, *settings)
    assert (
        "continuing the interrupted ablation" in told and "trunk: epoch 2/6" not in told and "trunk: epoch 4/6" in told
    )
    assert_ends_as(tmp_path, smoke_folder)


def test_in_a_variant_it_costs_only_what_still_needs_it(tmp_path, smoke_folder):
    process = begin(tmp_path, "--set", "runtime.jobs=1")
    read_until(process, "sissi-s: epoch 5/6")
    image = target_image(tmp_path)
    content = image.read_bytes()
    image.unlink()
    forget_frames(tmp_path)
    told, _ = process.communicate()
    assert process.returncode == 1 and "Traceback" not in told
    for name in ("sissi-s", "weak-only"):
        assert f"{name} (seed 0) failed: {image}: no such image file" in told
    assert table(tmp_path).count(b",ok\n") == 6  # oracle and Baseline were at their end

    image.write_bytes(content)
    told = finish(tmp_path, "--set", "runtime.jobs=1")
    assert "baseline: epoch" not in told and "\nsissi-s: epoch 5/6" not in told and "\nsissi-s: epoch 6/6" in told
    assert_ends_as(tmp_path, smoke_folder)
