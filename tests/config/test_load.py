import re
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sissi.config import FileData
from sissi.config.load import dump_experiment, flatten, load_experiment, load_weak_labels
from sissi.config.variants import VARIANTS
from sissi.errors import ExperimentError
from sissi.method.synthetic_images import blurred

SHIPPED = sorted(Path("experiments").glob("*.yaml"))
SMALL = {
    "name": "x",
    "data": {"kind": "demo"},
    "detector": {"preset": "small"},
    "training": {"epochs": 4},
    "early_learning": {"max_epochs": 2},
}


@pytest.fixture
def file(tmp_path):
    def write(**changes):
        path = tmp_path / "x.yaml"
        path.write_text(yaml.safe_dump({**SMALL, **changes}))
        return path

    return write


def test_there_are_shipped_experiments():
    assert {path.stem for path in SHIPPED} >= {"demo", "smoke", "paper", "bccd"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_is_valid_and_survives_a_round_trip(path, tmp_path):
    experiment = load_experiment(path)
    (tmp_path / "again.yaml").write_text(dump_experiment(experiment))
    assert load_experiment(tmp_path / "again.yaml") == experiment


def test_the_paper_experiment_is_section_4_1_to_the_letter():
    paper = load_experiment(Path("experiments/paper.yaml"))
    training = paper.training
    assert (training.optimizer, training.momentum, training.weight_decay, training.learning_rate) == (
        "sgd", 0.9, 0.0002, 0.001,
    )  # fmt: skip
    assert (training.target_batch, training.source_batch, training.image_size) == (4, 4, (512, 512))
    assert (paper.detector.preset, paper.detector.weights, paper.deceleration.threshold) == ("resnet50", "coco", 0.9)
    assert paper.pseudo_labels.scales == (0.8, 0.9, 1.0, 1.1, 1.2) and len(paper.pseudo_labels.flips) == 4
    assert paper.synthetic_images.weak.kernel == (21, 21)
    assert paper.variants[:6] == tuple(VARIANTS)[:6]


def test_all_faults_are_told_at_once_with_file_key_and_what_is_allowed(file):
    path = file(
        training={"epochs": 4, "epoks": 3, "learning_rate": -1}, synthetic_images={"strong": {"kernel": [12, 32]}}
    )
    with pytest.raises(ExperimentError) as told:
        load_experiment(path)
    text = str(told.value)
    assert str(path) in text
    assert "training.epoks: unknown key" in text and "learning_rate" in text
    assert "training.learning_rate" in text and "greater than 0" in text
    assert "synthetic_images.strong.kernel.0" in text and "not 12" in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"early_learning": {"max_epochs": 4}}, "must be below training.epochs"),
        ({"early_learning": {"max_epochs": 2, "min_epoch": 3}}, "must not exceed"),
        ({"seeds": [1, 1]}, "each value must occur once"),
        ({"deceleration": {"start_epoch": 3}}, r"start_epoch \(3\) must not exceed early_learning.max_epochs \(2\)"),
        ({"self_training": {"ignore_doubtful": 0.4}}, r"ignore_doubtful \(0.4\) must be below pseudo_labels.score"),
        ({"synthetic_images": {"share": 1.5}}, "synthetic_images.share"),
        ({"variants": ["plain-b"]}, "plain-a"),
        ({"detector": {"preset": "small", "weights": "coco"}}, "coco does not exist for preset small"),
        ({"detector": {"preset": "paper", "anchor_sizes": [[8], [16]]}}, "5 pyramid levels"),
        ({"data": {"kind": "cloud"}}, "'files', 'demo'"),
        ({"pseudo_labels": {"scales": []}}, "at least 1"),
        ({"evaluation": {"max_detections": 50}}, "100"),
    ],
)
def test_impossible_values_are_refused(file, changes, told):
    with pytest.raises(ExperimentError, match=told):
        load_experiment(file(**changes))


def test_overrides_win_and_are_typed(file):
    experiment = load_experiment(
        file(), ["training.learning_rate=0.002", "seeds=[3, 4]", "pseudo_labels.on_empty=drop"]
    )
    assert experiment.training.learning_rate == 0.002
    assert experiment.seeds == (3, 4)
    assert experiment.pseudo_labels.on_empty == "drop"


@pytest.mark.parametrize("override", ["training", "=3", "training..x=2", "name.first=x", "training.epochs=["])
def test_a_malformed_override_is_named(file, override):
    with pytest.raises(ExperimentError) as told:
        load_experiment(file(), [override])
    assert override in str(told.value)


def test_an_unknown_override_is_refused_like_a_key(file):
    with pytest.raises(ExperimentError, match=r"training\.rate: unknown key"):
        load_experiment(file(), ["training.rate=3"])


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "name: [", "\t"])
def test_a_file_that_is_no_experiment_is_named(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ExperimentError, match=r"broken\.yaml"):
        load_experiment(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ExperimentError, match=r"nowhere\.yaml: no such experiment file"):
        load_experiment(tmp_path / "nowhere.yaml")


def test_the_data_folder_starts_at_the_experiment_file_and_an_override_at_the_current_folder(tmp_path, monkeypatch):
    images = {"format": "cellpose", "images": "a"}
    data = {
        "kind": "files",
        "folder": "pictures",
        "target_train": images,
        "target_test": {"images": "b", "readers": {"reader_1": {"format": "voc", "labels": "c"}}},
        "source_train": images,
        "source_val": images,
    }
    (tmp_path / "lab").mkdir()
    path = tmp_path / "lab" / "x.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "data": data}))
    monkeypatch.chdir(tmp_path)
    for overrides, expected in (([], "lab/pictures"), (["data.folder=elsewhere"], "elsewhere")):
        loaded = load_experiment(path, overrides).data
        assert isinstance(loaded, FileData)
        assert loaded.folder == tmp_path / expected


def test_flattened_settings_have_dotted_keys(file):
    flat = flatten(load_experiment(file()))
    assert flat["training.epochs"] == 4 and flat["synthetic_images.weak.kernel"] == [21, 21]
    assert not any(isinstance(value, dict) for value in flat.values())


@given(st.integers(-5, 101))
def test_exactly_the_kernels_that_opencv_takes_are_accepted(kernel):
    import cv2
    import numpy as np
    from pydantic import ValidationError

    from sissi.config import Blur

    image = np.zeros((5, 5, 3), np.uint8)
    try:
        cv2.GaussianBlur(image, (kernel, kernel), 1)
        taken = kernel > 0
    except cv2.error:
        taken = False
    if taken:
        assert blurred(image, Blur(kernel=(kernel, kernel))).shape == image.shape
    else:
        with pytest.raises(ValidationError):
            Blur(kernel=(kernel, kernel))


def test_an_override_of_one_key_keeps_the_defaults_beside_it(tmp_path):
    experiment = load_experiment(Path("experiments/smoke.yaml"), ["synthetic_images.strong.sigma=12"])
    strong, before = (
        experiment.synthetic_images.strong,
        load_experiment(Path("experiments/smoke.yaml")).synthetic_images,
    )
    assert (strong.kernel, strong.sigma) == (before.strong.kernel, 12)
    assert experiment.synthetic_images.weak == before.weak


def test_a_file_says_only_what_differs_from_its_base(tmp_path):
    (tmp_path / "middle.yaml").write_text(
        f"base: {Path('experiments/smoke.yaml').resolve()}\ntraining: {{epochs: 7}}\n"
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "last.yaml").write_text(
        "base: ../middle.yaml\nname: last\nsynthetic_images: {weak: {kernel: [9, 9]}}\nevaluation: {every_epoch: []}\n"
    )
    smoke, last = (
        load_experiment(Path("experiments/smoke.yaml")),
        load_experiment(tmp_path / "sub" / "last.yaml", ["seeds=[5]"]),
    )
    assert (last.name, last.training.epochs, last.seeds) == ("last", 7, (5,))
    assert last.training.image_size == smoke.training.image_size and last.data == smoke.data
    assert last.synthetic_images.weak.kernel == (9, 9) and last.synthetic_images.strong == smoke.synthetic_images.strong
    assert last.evaluation.every_epoch == ()
    (tmp_path / "dumped.yaml").write_text(dump_experiment(last))
    assert load_experiment(tmp_path / "dumped.yaml") == last


def test_the_folder_of_a_base_stays_where_it_was(tmp_path):
    (tmp_path / "sub").mkdir()
    shutil.copy("experiments/bccd-small.yaml", tmp_path / "base.yaml")
    (tmp_path / "sub" / "last.yaml").write_text("base: ../base.yaml\n")
    base, last = (load_experiment(path) for path in (tmp_path / "base.yaml", tmp_path / "sub" / "last.yaml"))
    assert last == base


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("base: nowhere.yaml", "nowhere.yaml: no such experiment file"),
        ("base: one.yaml", "one.yaml -> one.yaml: circular base files"),
        ("base: two.yaml", "one.yaml -> two.yaml -> one.yaml: circular base files"),
        ("base: [1]", "base: must be the path of an experiment file"),
        ("base: broken.yaml", "broken.yaml: is not valid YAML"),
    ],
)
def test_a_base_that_cannot_be_used_is_refused_by_name(tmp_path, text, told):
    (tmp_path / "one.yaml").write_text(text)
    (tmp_path / "two.yaml").write_text("base: one.yaml")
    (tmp_path / "broken.yaml").write_text("{")
    with pytest.raises(ExperimentError) as caught:
        load_experiment(tmp_path / "one.yaml")
    assert told in str(caught.value) and str(tmp_path / "one.yaml") in str(caught.value)


def test_the_shipped_experiments_that_vary_another_differ_in_their_rows_or_labels_alone():
    demo, parts = (load_experiment(Path(f"experiments/{name}.yaml")) for name in ("demo", "ablate-the-ablation"))
    assert len(parts.rows) >= 12 and parts.training == demo.training
    published, hough = (load_experiment(Path(f"experiments/bccd-{name}.yaml")) for name in ("small", "hough"))
    preset = load_weak_labels(Path("experiments/weak_labels/blood_smear.yaml"))
    assert hough.data.target_train.weak_labels == preset and hough.training == published.training


def test_a_name_of_the_base_is_taken_out_by_null(tmp_path):
    (tmp_path / "lab.yaml").write_text(
        "base: bccd\ndata: {folder: ., target_test: {readers: {reader_2: null}}}\nrows: {gone: null}\n"
    )
    experiment = load_experiment(tmp_path / "lab.yaml")
    assert list(experiment.data.target_test.readers) == ["reader_1", "reader_3"] and not experiment.rows
    fewer = load_experiment(tmp_path / "lab.yaml", ["data.target_test.readers.reader_3=null"])
    assert list(fewer.data.target_test.readers) == ["reader_1"]
    with pytest.raises(ExperimentError, match=r"readers: .*at least 1 item"):
        load_experiment(tmp_path / "lab.yaml", ["data.target_test.readers={reader_1: null, reader_3: null}"])


def test_demo_data_of_the_base_become_files(tmp_path):
    images = "{format: coco, images: images, labels: labels.json}"
    (tmp_path / "lab.yaml").write_text(
        f"base: demo\ndata:\n  kind: files\n  target_train: {images}\n  source_train: {images}\n"
        f"  source_val: {images}\n"
        "  target_test: {images: images, readers: {one: {format: coco, labels: labels.json}}}\n"
    )
    experiment = load_experiment(tmp_path / "lab.yaml")
    assert experiment.data.kind == "files" and experiment.data.folder == tmp_path
    assert experiment.training == load_experiment(Path("demo")).training


@pytest.mark.parametrize(
    "text", ["lab #1/a: b", "~", "null and void", "plate: 3 # day 2", "'quoted'", "[x]", "1e5", ""]
)
def test_a_text_or_path_is_taken_as_it_is_written(tmp_path, text):
    experiment = load_experiment(Path("experiments/demo.yaml"), [f"name=x{text}", f"tracking.folder={tmp_path}/{text}"])
    assert experiment.name == f"x{text}" and experiment.tracking.folder == tmp_path / text
    files = load_experiment(Path("experiments/bccd.yaml"), [f"data.folder={tmp_path}/{text}",
                            f"data.target_test.readers.reader_1.labels=r/{text}"])  # fmt: skip
    assert files.data.folder == (tmp_path / text).resolve()
    assert files.data.target_test.readers["reader_1"].labels == Path(f"r/{text}")


def test_a_text_in_double_quotes_is_json():
    experiment = load_experiment(Path("experiments/demo.yaml"), [r'name="a \" # b"', 'tracking.folder="x: y"'])
    assert experiment.name == 'a " # b' and experiment.tracking.folder == Path("x: y")


def test_what_is_no_text_is_still_yaml():
    changes = ["detector.weights=none", "training.averaging=null", "evaluation.every_epoch=[source_val]", "seeds=[3]"]
    experiment = load_experiment(Path("experiments/demo.yaml"), changes)
    assert experiment.detector.weights == "none" and experiment.training.averaging is None
    assert experiment.evaluation.every_epoch == ("source_val",) and experiment.seeds == (3,)


@pytest.mark.parametrize(
    ("override", "question"),
    [
        ("training.learning_rat=1", "training.learning_rat: unknown key, did you mean learning_rate?; allowed here:"),
        ("data.target_tran=3", "data.target_tran: unknown key, did you mean target_train?"),
        ("zzz=1", "zzz: unknown key; allowed here: "),
    ],
)
def test_a_misspelt_key_is_answered_with_the_nearest_one(override, question):
    with pytest.raises(ExperimentError, match=re.escape(question)):
        load_experiment(Path("experiments/demo.yaml"), [override])
