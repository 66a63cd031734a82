import re

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import precision
from benchmarks.gpu.accuracy import RUNS, nudge
from benchmarks.jobs import finished
from sissi.errors import SissiError
from sissi.runtime.jobs import Job


def test_a_nudged_network_is_a_rounding_away():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(30, 30), nn.Linear(30, 30))
    before = [weights.detach().clone() for weights in network.parameters()]
    nudge(network)
    for old, new in zip(before, network.parameters(), strict=True):
        steps = np.abs(old.numpy().view(np.int32) - new.detach().numpy().view(np.int32))
        assert steps.min() == 1 and steps.max() == 2  # of the last bit


def test_all_trainings_of_the_seeds_are_compared(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(precision, "IMAGES", 2)
    assert precision.main(["--seeds", "2", "--iterations", "1", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "precision.md").read_text()
    assert f"| AP50, % | {' | '.join(RUNS)} |" in text and text in capsys.readouterr().out
    for domain in ("target", "source"):
        assert re.search(rf"{domain}, seed 1 (\| \d+\.\d ){{3}}\|\n\| {domain}, mean", text)
    assert "192 x 160 px" in text and "2 of each domain" in text


def test_a_job_that_fails_ends_a_benchmark():
    assert finished([Job("b", double, (2,)), Job("a", double, (1,))], 2) == [4, 2]
    with pytest.raises(SissiError, match="bad: no such luck"):
        finished([Job("good", double, (1,)), Job("bad", fail, ())], 2)


def double(number, record):
    return 2 * number


def fail(record):
    raise SissiError("no such luck")
