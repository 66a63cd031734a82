from dataclasses import replace
from pathlib import Path

import pytest

from sissi.ablation.run import without_missing_oracle
from sissi.boxes import make_boxes, same
from sissi.config.load import load_experiment
from sissi.data.experiment_data import ExperimentData
from sissi.data.sample import Sample
from sissi.errors import SissiError

WEAK, CAREFUL = make_boxes([[0, 0, 9, 9]]), make_boxes([[1, 1, 8, 8], [2, 2, 9, 9]])


@pytest.fixture
def data():
    """Three target images, of which the second has no reference."""
    target = [Sample(f"{name}.png", Path(f"{name}.png"), 10, 10, WEAK) for name in "abc"]
    return ExperimentData(target, [CAREFUL, None, CAREFUL], [], {}, [], [])


@pytest.fixture
def experiment():
    return load_experiment(Path("experiments/smoke.yaml"))


def test_the_oracle_has_the_images_with_a_reference_labelled_by_it(data):
    found = data.referenced()
    assert [sample.name for sample in found] == ["a.png", "c.png"]
    assert all(same(sample.boxes, CAREFUL) for sample in found)
    assert not replace(data, reference=None).referenced()


def test_the_user_hears_which_images_the_oracle_has(experiment, data):
    heard = []
    assert without_missing_oracle(experiment, data, heard.append) == experiment
    assert heard == ["oracle: trained on the 2 of 3 target training images that have a reference"]


@pytest.mark.parametrize("reference", [None, [None] * 3])
def test_without_a_reference_the_oracle_is_left_out_with_a_message(experiment, data, reference):
    heard = []
    left = without_missing_oracle(experiment, replace(data, reference=reference), heard.append)
    assert left.variants == tuple(name for name in experiment.variants if name != "oracle")
    assert "data.target_reference" in heard[0]


def test_an_oracle_alone_without_a_reference_is_an_error(data):
    alone = load_experiment(Path("experiments/smoke.yaml"), ["variants=[oracle]"])
    with pytest.raises(SissiError, match=r"data\.target_reference"):
        without_missing_oracle(alone, replace(data, reference=None), print)


def test_the_row_of_corrected_images_needs_them(data):
    asked = load_experiment(Path("experiments/smoke.yaml"), ["variants=[corrected-only, oracle]"])
    with pytest.raises(SissiError, match=r"corrected-only: needs corrected images.*set data\.target_corrected"):
        without_missing_oracle(asked, data, print)
    first, *others = data.target_train
    some = replace(data, target_train=[replace(first, corrected=True), *others])
    assert without_missing_oracle(asked, some, print) == asked
