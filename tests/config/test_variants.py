from pathlib import Path

import pytest

from sissi.ablation import cache_keys
from sissi.config.load import dump_experiment, flatten, load_experiment
from sissi.config.variants import blur_of_variant, select_variant, settings_of_variant
from sissi.errors import ExperimentError
from sissi.runtime.cache import Cache

SMOKE = Path("experiments/smoke.yaml")
NO_TTA = "rows.no-tta={of: a+sissi-s, set: {pseudo_labels.scales: [1.0], synthetic_images.strong.sigma: 9}}"


@pytest.fixture
def experiment():
    return load_experiment(SMOKE, [NO_TTA, "variants=[weak-only, a+sissi-s]"])


def test_rows_come_after_the_chosen_variants(experiment):
    assert list(experiment.table_rows) == ["weak-only", "a+sissi-s", "no-tta"]
    row = experiment.table_rows["no-tta"]
    assert (row.title, row.start, row.background, row.corrects) == ("no-tta", "adele", "strong", True)
    titled = load_experiment(SMOKE, [NO_TTA, "rows.no-tta.title=one view"])
    assert titled.table_rows["no-tta"].title == "one view" and "baseline" in titled.table_rows


def test_a_row_sees_the_experiment_with_its_own_settings(experiment):
    mine = settings_of_variant(experiment.table_rows["no-tta"], experiment)
    assert mine.pseudo_labels.scales == (1.0,) and mine.pseudo_labels.flips == experiment.pseudo_labels.flips
    assert mine.synthetic_images.strong.sigma == 9 and mine.synthetic_images.strong.kernel == (71, 71)
    assert mine.training == experiment.training and mine.rows == experiment.rows
    assert blur_of_variant(experiment.table_rows["no-tta"], mine) == mine.synthetic_images.strong
    assert settings_of_variant(experiment.table_rows["a+sissi-s"], experiment) is experiment


def keys(experiment, name, tmp_path):
    """Digests of trunk, first labels and branch of a row that leaves after epoch 3."""
    row, data = experiment.table_rows[name], dict.fromkeys(
        ("target_train", "source_train", "source_val", "reference"), "x"
    )  # fmt: skip
    mine, cache = settings_of_variant(row, experiment), Cache(tmp_path)
    trunk = cache.entry("trunk", cache_keys.trunk_key(mine, 0, data, "cpu"))
    labels = cache.entry("labels", cache_keys.first_labels_key(mine, trunk, 3))
    branch = cache_keys.branch_key(mine, trunk, 3, row.corrects, blur_of_variant(row, mine), data)
    return trunk.digest, labels.digest, cache.entry("branch", branch).digest


def test_rows_share_the_trunk_and_work_that_is_equal(tmp_path):
    experiment = load_experiment(
        SMOKE,
        [
            NO_TTA,
            "rows.adding={of: a+sissi-s, set: {pseudo_labels.merge: add}}",
            "rows.same={of: a+sissi-s, set: {pseudo_labels.merge: replace}}",
        ],
    )
    plain, other, adding, same = (keys(experiment, name, tmp_path) for name in ("a+sissi-s", *experiment.rows))
    assert plain == same
    assert plain[:2] == adding[:2] and plain[2] != adding[2]  # the merge comes after the labels
    assert plain[0] == other[0] and plain[1] != other[1] and plain[2] != other[2]


def test_a_row_or_a_variant_alone(experiment):
    assert list(select_variant(experiment, "no-tta").table_rows) == ["no-tta"]
    assert list(select_variant(experiment, "plain-a").table_rows) == ["plain-a"]


def test_the_recipe_is_off_unless_asked_for_and_has_settings_of_its_own():
    assert "recipe" not in load_experiment(SMOKE).table_rows
    asked = load_experiment(SMOKE, ["variants=[a+sissi-s, recipe]"])
    recipe = asked.table_rows["recipe"]
    assert settings_of_variant(recipe, asked) != asked and recipe.corrects
    row = load_experiment(SMOKE, ["rows.x={of: recipe, set: {pseudo_labels.score: 0.7}}"]).table_rows["x"]
    assert row.settings == {**recipe.settings, "pseudo_labels.score": 0.7}


def test_rows_survive_a_round_trip(experiment, tmp_path):
    for number, one in enumerate((experiment, select_variant(experiment, "no-tta"))):
        path = tmp_path / f"{number}.yaml"
        path.write_text(dump_experiment(one))
        assert load_experiment(path) == one
    assert flatten(experiment)["rows.no-tta.set.pseudo_labels.scales"] == [1.0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("rows.baseline={of: plain-a, set: {pseudo_labels.score: 0.5}}", "rows.baseline: is the name of a variant"),
        ("rows.x={of: plain-b, set: {pseudo_labels.score: 0.5}}", "rows.x: unknown variant 'plain-b'"),
        ("rows.x={of: oracle, set: {pseudo_labels.score: 0.5}}", "oracle corrects no labels"),
        ("rows.x={of: plain-a, set: {training.epochs: 5}}", "training.epochs cannot differ between rows.*only "
         "keys of deceleration, pseudo_labels, synthetic_images"),
        ("rows.x={of: plain-a, set: {pseudo_labels: 5}}", "pseudo_labels cannot differ between rows"),
        ("rows.x={of: plain-a, set: {}}", "rows.x.set"),
        ("rows.x={of: plain-a, set: {pseudo_labels.scor: 5}}", "row x: pseudo_labels.scor: unknown key"),
        ("rows.x={of: plain-a, set: {pseudo_labels.score: 5}}", "row x: pseudo_labels.score: .*or equal to 1"),
        ("variants=[]", "variants: at least one"),
    ],
)  # fmt: skip
def test_impossible_rows_are_refused_with_file_and_key(row, told):
    with pytest.raises(ExperimentError, match=f"(?s)smoke.yaml: .*{told}"):
        load_experiment(SMOKE, [row])
