from pathlib import Path

import pytest

from sissi.config.load import dump_experiment, flatten, load_experiment
from sissi.errors import ExperimentError

SMOKE = Path("experiments/smoke.yaml")


def load(*overrides):
    return load_experiment(SMOKE, overrides)


def test_without_classes_there_is_one_the_cell():
    assert load().class_names == ("cell",) and not load().source_classes


def test_a_list_names_classes_and_a_mapping_joins_names():
    assert load("classes=[RBC, WBC]").class_names == ("RBC", "WBC")
    many = load("classes={a: living, b: living, c: dead, debris: null}")
    assert many.class_names == ("living", "dead")
    assert many.source_classes == {"a": "living", "b": "living", "c": "dead", "debris": None, "*": "*"}
    assert load("classes={a: living, c: dead}", "source_class=dead").source_classes["*"] == "dead"


def test_it_is_read_back_from_its_own_yaml(tmp_path):
    experiment = load("classes={'T cell': T, '*': other}", "pseudo_labels.class_scores={T: 0.7}")
    (tmp_path / "a.yaml").write_text(dump_experiment(experiment))
    assert load_experiment(tmp_path / "a.yaml") == experiment
    assert flatten(experiment)["classes"] == {"T cell": "T", "*": "other"}
    assert experiment.lowest_score == load().lowest_score == 0.2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["classes=[dead, dead]"], "classes: each class must occur once"),
        (["classes={a: mean}"], "classes: 'mean' cannot be the name of a class"),
        (["classes={a: b/c}"], "classes: 'b/c' cannot be the name of a class"),
        (["classes={a: null}"], "classes: at least one name must stand for a class"),
        (["classes=[RBC, WBC]", "source_class=dead"], "source_class: there is no class 'dead'; `classes` has RBC, WBC"),
        (["pseudo_labels.class_scores={dead: 0.5}"], "class_scores: there is no class 'dead'; `classes` has cell"),
    ],
)
def test_impossible_classes_are_refused(overrides, message):
    with pytest.raises(ExperimentError) as error:
        load(*overrides)
    assert message in str(error.value)


def test_a_data_set_cannot_name_other_classes(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "base: t98g.yaml\nname: a\nclasses: [alive, dead]\n"
        "data: {target_reference: {format: coco, labels: b.json, classes: {gone: lost}}}\n"
    )
    with pytest.raises(ExperimentError, match=r"data.target_reference.classes: there is no class 'lost'"):
        load_experiment(tmp_path / "a.yaml")
