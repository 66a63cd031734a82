from pathlib import Path

import pytest
import yaml

from sissi.errors import ExperimentError
from sissi.search.file import Range, experiment_of, load_search

SMOKE = str(Path("experiments/smoke.yaml").resolve())
SPACE = {"deceleration.threshold": {"low": 0.1, "high": 0.9, "step": 0.2}}


def written(tmp_path, **changes):
    content = {"name": "test", "experiment": SMOKE, "trials": 4, "space": SPACE} | changes
    path = tmp_path / "search.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("path", sorted(Path("experiments/search").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_searches_can_be_used(path):
    search = load_search(path)
    assert not search.oracle and search.objective == "source_val/AP50"
    if search.sampler.name == "grid":
        assert len(search.grid) == search.trials


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"space": {"deceleration.treshold": {"low": 0, "high": 1}}}, "space.deceleration.treshold: .*unknown key"),
        ({"space": {"deceleration.threshold": {"low": 0.5, "high": 1.5}}}, "less than or equal to 1"),
        ({"space": {"synthetic_images.weak.kernel": {"choices": [[21, 21], [12, 32]]}}}, "odd and positive, not 12"),
        ({"space": {"pseudo_labels.score": {"low": 0.5, "high": 0.2}}}, r"low \(0.5\) must be below high"),
        ({"space": {"training.learning_rate": {"low": 0.1, "high": 1, "log": True, "step": 0.1}}}, "no step"),
        ({"space": {}}, "space"),
        ({"trails": 3}, "trails: Extra inputs are not permitted"),
        ({"variant": "plain-b"}, "unknown variant 'plain-b'; the variants are baseline"),
        ({"objective": "source_val/AP75"}, "unknown objective 'source_val/AP75'; use one of source_val/AP50"),
        ({"objective": "reader_1/AP"}, "is a metric of a test reader, which must not select anything"),
        ({"objective": "target_val/AP50"}, "target_val needs data.target_val"),
        (
            {"sampler": {"name": "grid"}, "space": {"pseudo_labels.score": {"low": 0.2, "high": 0.5}}},
            "space.pseudo_labels.score: sampler grid needs a step",
        ),
        ({"experiment": "nowhere.yaml"}, "nowhere.yaml: no such experiment file"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_runs(tmp_path, changes, told):
    with pytest.raises(ExperimentError, match=told):
        load_search(written(tmp_path, **changes))


def test_a_reader_may_be_asked_where_the_file_says_oracle(tmp_path):
    search = load_search(written(tmp_path, objective="reader_2/AP75", oracle=True))
    assert search.oracle and search.direction == "maximize"


def test_a_loss_is_minimised(tmp_path):
    assert load_search(written(tmp_path, objective="source_val/loss")).direction == "minimize"


@pytest.mark.parametrize(
    ("low", "high", "step", "points"),
    [(0.1, 0.9, 0.2, [0.1, 0.3, 0.5, 0.7, 0.9]), (1, 6, 2, [1, 3, 5]), (0.0, 0.3, 0.1, [0.0, 0.1, 0.2, 0.3])],
)
def test_a_grid_has_both_ends_and_nothing_beyond(low, high, step, points):
    assert Range(low=low, high=high, step=step).points == points


def test_a_trial_is_the_experiment_with_its_values_one_variant_and_the_objective_watched(tmp_path):
    space = {"pseudo_labels.scales": {"choices": [[1.0], [0.9, 1.1]]}}
    search = load_search(written(tmp_path, space=space, overrides={"training.epochs": 5}, objective="weak_labels/AP50"))
    experiment = experiment_of(search, ["training.target_batch=1"], {"pseudo_labels.scales": [0.9, 1.1]})
    assert experiment.pseudo_labels.scales == (0.9, 1.1)
    assert (experiment.training.epochs, experiment.training.target_batch) == (5, 1)
    assert (experiment.variants, experiment.seeds) == (("a+sissi-s",), (0,))
    assert experiment.evaluation.every_epoch == ("weak_labels",)
