from pathlib import Path

import pytest

from sissi.config.load import load_experiment, load_weak_labels
from sissi.config.shipped_files import copy_file, find_file, shipped_files
from sissi.errors import ExperimentError
from sissi.search.file import load_search

NAMES = [file.name for file in shipped_files()]


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_shipped_files_have_names_and_titles():
    assert NAMES[:3] == ["ablate-the-ablation", "bccd-cpu", "bccd-drawn-source"] and "search/threshold" in NAMES
    assert all(len(file.title) > 20 for file in shipped_files())
    assert not any("yaml-language-server" in file.title for file in shipped_files())


def test_a_name_means_the_shipped_file_wherever_the_command_runs(empty):
    assert load_experiment(Path("demo")) == load_experiment(Path("demo.yaml"))
    assert load_search(Path("threshold")).variant == "plain-a"
    assert load_weak_labels(Path("blood_smear")).pipeline == "dead"


def test_a_file_of_that_name_goes_before_the_shipped_one(empty):
    copy_file("demo", empty / "demo.yaml")
    (empty / "demo").write_text("base: demo\nname: mine\n")
    assert find_file(Path("demo")) == Path("demo")
    assert find_file(Path("folder/demo")) == Path("folder/demo")


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_says_the_same_as_the_shipped_file(empty, name):
    copy_file(name, empty / "lab" / "copy.yaml")
    load = {"search": load_search, "weak_labels": load_weak_labels}.get(name.split("/")[0], load_experiment)
    copied, shipped = load(empty / "lab/copy.yaml"), load(find_file(Path(name.split("/")[-1]), name.rpartition("/")[0]))
    folders = {"data": {"folder"}, "experiment": True}
    assert copied.model_dump(exclude=folders) == shipped.model_dump(exclude=folders)
    with pytest.raises(ExperimentError, match=r"copy\.yaml: exists already; write to another file with --out"):
        copy_file(name, empty / "lab" / "copy.yaml")


def test_a_name_that_is_not_shipped_is_refused_with_those_that_are(empty):
    with pytest.raises(ExperimentError, match=r"nothing: is not among the shipped files: ablate-the-ablation, "):
        copy_file("nothing", empty / "x.yaml")
    with pytest.raises(ExperimentError, match="nothing: no such experiment file; `sissi experiments` lists"):
        load_experiment(Path("nothing"))
