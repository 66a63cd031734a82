import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from sissi.config.schema import FILE, MODELINE, experiment_schema
from sissi.config.shipped_files import shipped_folder

EXPERIMENTS = sorted(shipped_folder().glob("*.yaml"))


def test_the_shipped_schema_is_that_of_the_settings():
    assert (shipped_folder() / FILE).read_text(encoding="utf-8") == experiment_schema(), "sissi schema --out " + FILE


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_shipped_experiment_names_the_schema_and_fits_it(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"{MODELINE}{FILE}\n")
    jsonschema.validate(yaml.safe_load(text), json.loads(experiment_schema()))


@pytest.mark.parametrize(
    ("change", "key"), [({"trainng": {}}, "trainng"), ({"training": {"epochs": "many"}}, "many"), ({"base": 3}, "3")]
)
def test_the_schema_finds_misspelt_keys_and_wrong_types(change, key):
    tree = yaml.safe_load(Path("experiments/smoke.yaml").read_text(encoding="utf-8")) | change
    with pytest.raises(jsonschema.ValidationError, match=key):
        jsonschema.validate(tree, json.loads(experiment_schema()))


def test_null_takes_out_a_reader_or_row_of_the_base():
    tree = {"base": "smoke", "rows": {"added": None}, "data": {"target_test": {"readers": {"reader_2": None}}}}
    jsonschema.validate(tree, json.loads(experiment_schema()))
    tree["rows"]["added"] = 3
    with pytest.raises(jsonschema.ValidationError, match="3"):
        jsonschema.validate(tree, json.loads(experiment_schema()))
