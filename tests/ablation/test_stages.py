import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sissi.ablation import cache_keys, epoch_log, reader_scores, stages
from sissi.ablation.branch import BranchTask
from sissi.boxes import EMPTY, concatenate, make_boxes, same
from sissi.config import Blur, EarlyLearning, Experiment, SelfTraining
from sissi.config.load import load_experiment
from sissi.config.variants import VARIANTS, settings_of_variant
from sissi.data.experiment_data import load_data
from sissi.data.problems import Problems
from sissi.method import self_training
from sissi.method.self_training import Cycle
from sissi.results.snapshots import read_snapshot
from sissi.runtime.cache import Cache
from sissi.runtime.engines import local
from sissi.runtime.events import File, Metrics, Notice, Picture
from sissi.runtime.jobs import Job
from sissi.tracking.mlflow_run import read_picture
from sissi.training.teacher_student import TeacherStudent


class Recorded:
    """A recorder that keeps its events: values and pictures by key and step, documents by path."""

    def __init__(self):
        self.values, self.documents, self.pictures = {}, {}, {}

    def record(self, event):
        match event:
            case Metrics(values, step):
                for key, value in values.items():
                    self.values.setdefault(key, {})[step] = value
            case Picture(key, image, step):
                self.pictures.setdefault(key, {})[step] = read_picture(image)
            case File(path, folder):
                self.documents[f"{folder}/{path.name}"] = json.loads(path.read_text())
            case Notice(text):
                raise AssertionError(text)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Experiment:
    folder = tmp_path_factory.mktemp("stages")
    shorter = ["training.epochs=3", "early_learning.max_epochs=2", "training.averaging=0.5"]
    return load_experiment(Path("experiments/smoke.yaml"), [f"tracking.folder={folder}", *shorter])


@pytest.fixture(scope="module")
def data(experiment):
    return load_data(experiment, Problems())


@pytest.fixture(scope="module")
def recorded():
    return Recorded()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def trained(experiment, data, recorded, cache):
    return stages.train_trunk_stage(experiment, 0, data, cache.entry("trunk", {}), recorded)


def task(trained, name, folder, epoch=2, labels=None, blur=None):
    variant = VARIANTS[name]
    return stages.BranchTask(
        entry=Cache(folder).entry("branch", {}),
        seed=0,
        start=epoch,
        checkpoint=trained.checkpoints[epoch - 1] if epoch else None,
        labels=variant.labels,
        corrects=variant.corrects,
        blur=blur,
        first_labels=labels,
    )


def test_the_trunk_leaves_a_checkpoint_and_a_point_on_both_curves_each_epoch(trained, recorded):
    assert [path.name for path in trained.checkpoints] == ["epoch_001.pt", "epoch_002.pt"]
    assert recorded.values["weak_labels/AP50"] == dict(enumerate(trained.ap50, 1))
    assert recorded.values["source_val/loss"] == dict(enumerate(trained.validation_loss, 1))


def test_images_and_weak_labels_from_the_cache_change_no_bit(experiment, data, trained, recorded, tmp_path):
    assert {"resized", "weak_labels"} <= {entry.kind for entry in data.cache.entries()}
    told = Recorded()
    alone = stages.train_trunk_stage(experiment, 0, replace(data, cache=None), Cache(tmp_path).entry("trunk", {}), told)
    assert (alone.ap50, alone.validation_loss) == (trained.ap50, trained.validation_loss)
    assert told.values["train/loss"] == recorded.values["train/loss"]
    saved = [torch.load(one.checkpoints[-1], weights_only=True)["learner"]["teacher"] for one in (trained, alone)]
    assert all(torch.equal(saved[0][key], saved[1][key]) for key in saved[0])
    again = load_data(experiment, Problems())
    assert all(same(one.boxes, two.boxes) for one, two in zip(again.target_train, data.target_train, strict=True))


def test_the_initial_labels_and_their_quality_are_told_once(recorded, trained, data):
    snapshot = recorded.documents["pseudo_labels/epoch_000.json"]
    assert len(snapshot["annotations"]) == sum(len(sample.boxes) for sample in data.target_train)
    assert set(recorded.values["labels/precision"]) == {0} and 0 < recorded.values["labels/recall"][0] < 1
    assert all(set(steps) == {0} for steps in recorded.pictures.values())


def test_all_branches_of_a_start_begin_with_bit_equal_weights(experiment, data, trained, monkeypatch, tmp_path):
    begun = []

    def keep(learner, *arguments):
        begun.append({name: state.copy() for name, state in learner.state().items() if name != "optimizer"})
        begun[-1]["optimizer"] = learner.optimizer.state_dict()["state"][0]["exp_avg"].clone()
        return iter(())

    monkeypatch.setattr(stages, "self_train", keep)
    for number, blur in enumerate((None, Blur(kernel=(21, 21)))):
        stages.train_branch(experiment, data, task(trained, "baseline", tmp_path / str(number), blur=blur), Recorded())
    saved = torch.load(trained.checkpoints[1], weights_only=True)["learner"]
    for state in begun:
        for network in ("student", "teacher"):
            assert state[network].keys() == saved[network].keys()
            assert all(torch.equal(state[network][key], saved[network][key]) for key in saved[network])
        assert torch.equal(state["optimizer"], saved["optimizer"]["state"][0]["exp_avg"])


def events_and_weights(experiment, data, one):
    recorded = Recorded()
    stages.train_branch(experiment, data, one, recorded)
    costs = [key for key in recorded.values if key.startswith("cost/")]
    assert len(costs) == 3 and all(recorded.values.pop(key) for key in costs)
    return recorded, torch.load(one.model, weights_only=True)["state"]


def equal(one, two):
    return (
        one[0].values == two[0].values
        and one[0].documents == two[0].documents
        and all(torch.equal(one[1][key], two[1][key]) for key in one[1])
    )


def test_shared_first_labels_are_those_that_a_branch_would_make_itself(experiment, data, trained, cache, tmp_path):
    entry = cache.entry("labels", {})
    stages.label_checkpoint(experiment, data, trained.checkpoints[1], entry, Recorded())
    alone = events_and_weights(experiment, data, task(trained, "plain-a", tmp_path / "alone"))
    assert equal(
        alone, events_and_weights(experiment, data, task(trained, "plain-a", tmp_path / "shared", labels=entry))
    )


class Killed(BaseException):
    pass


def test_the_oracle_is_the_trunk_that_the_reference_labels_would_have(experiment, data, trained, tmp_path):
    """The same epochs from scratch, of the same seed."""
    one = task(trained, "oracle", tmp_path / "oracle", epoch=0)
    recorded, weights = events_and_weights(experiment, data, one)
    assert sorted(recorded.values["train/loss"]) == [1, 2, 3] and not recorded.documents
    careful = replace(data, target_train=data.referenced(), reference=None)
    whole = experiment.model_copy(update={"early_learning": EarlyLearning(max_epochs=3)})
    told = Recorded()
    by_trunk = stages.train_trunk_stage(whole, 0, careful, Cache(tmp_path / "trunk").entry("trunk", {}), told)
    saved = torch.load(by_trunk.checkpoints[-1], weights_only=True)["learner"]["teacher"]
    assert all(torch.equal(weights[key], saved[key]) for key in weights)
    assert recorded.values["train/loss"] == told.values["train/loss"]


def test_the_oracle_trains_as_long_as_the_others_where_some_images_have_no_reference(
    experiment, data, trained, tmp_path, monkeypatch
):
    partly, seen = replace(data, reference=[None, None, *data.reference[2:]]), []

    def train(learner, batches, *arguments):
        seen.append((len(batches.domains["target"]), batches.iterations))
        return {"loss": 0.0}

    monkeypatch.setattr(self_training, "train_epoch", train)
    for name, epoch in (("oracle", 0), ("weak-only", 2)):
        stages.train_branch(experiment, partly, task(trained, name, tmp_path / name, epoch=epoch), Recorded())
    images, iterations = len(data.target_train), -(-len(data.target_train) // experiment.training.target_batch)
    assert seen == [(images - 2, iterations)] * 3 + [(images, iterations)]
    assert iterations > -(-(images - 2) // experiment.training.target_batch)


def test_how_many_images_have_no_reference_decides_how_long_the_oracle_trains(data):
    partly = replace(data, reference=[None, *data.reference[1:]])
    fewer = replace(data, target_train=data.target_train[1:], reference=data.reference[1:])
    assert cache_keys.data_digests(partly)["referenced"] != cache_keys.data_digests(fewer)["referenced"]


def killed_in(number, monkeypatch, experiment, data, one):
    """Train a branch that is killed when it tells its so manyth epoch; the list of the epochs that are told."""
    real, told = stages.log_cycle, []

    def tell(experiment, data, cycle, record):
        told.append(cycle.epoch)
        if len(told) == number:
            raise Killed
        real(experiment, data, cycle, record)

    monkeypatch.setattr(stages, "log_cycle", tell)
    with pytest.raises(Killed):
        stages.train_branch(experiment, data, one, Recorded())
    return told


@pytest.mark.parametrize("name", ["plain-a", "weak-only"])
def test_a_branch_that_was_interrupted_goes_on_to_the_same_end(experiment, data, trained, tmp_path, monkeypatch, name):
    undisturbed = events_and_weights(experiment, data, task(trained, name, tmp_path / "undisturbed", epoch=1))
    one = task(trained, name, tmp_path / "interrupted", epoch=1)
    told = killed_in(2, monkeypatch, experiment, data, one)
    assert equal(undisturbed, events_and_weights(experiment, data, one))
    assert told == [2, 3, 3]  # epoch 2 is not trained again
    assert equal(undisturbed, events_and_weights(experiment, data, one)) and len(told) == 3


@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_branch_that_starts_anew_ends_the_same_wherever_it_was_interrupted(
    experiment, data, trained, tmp_path, monkeypatch, number
):
    """Two epochs of correction, then all three with new weights; killed in the last of the former, or later."""
    anew = with_restart(experiment)
    undisturbed = events_and_weights(anew, data, task(trained, "plain-a", tmp_path / "undisturbed", epoch=1))
    one = task(trained, "plain-a", tmp_path / "interrupted", epoch=1)
    told = killed_in(number, monkeypatch, anew, data, one)
    assert equal(undisturbed, events_and_weights(anew, data, one))
    epochs = [2, 3, 4, 5, 6]
    assert told == epochs[:number] + epochs[number - 1 :]


def test_what_starts_anew_forgets_the_first_network_and_keeps_its_labels(experiment, data, trained, tmp_path):
    """The second network is the one that would come of the last labels if these had been the initial ones."""
    anew = with_restart(experiment)
    recorded, weights = events_and_weights(anew, data, task(trained, "plain-a", tmp_path / "anew", epoch=1))
    assert set(recorded.values["labels/count"]) == {2, 3} and set(recorded.values["train/loss"]) == {2, 3, 4, 5, 6}
    (tmp_path / "last.json").write_text(json.dumps(recorded.documents["pseudo_labels/epoch_003.json"]))
    last = read_snapshot(tmp_path / "last.json").boxes.values()
    relabelled = replace(
        data, target_train=[replace(one, boxes=boxes) for one, boxes in zip(data.target_train, last, strict=True)]
    )
    _, alone = events_and_weights(experiment, relabelled, task(trained, "weak-only", tmp_path / "alone", epoch=0))
    assert all(torch.equal(weights[name], alone[name]) for name in weights)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_branch_that_starts_on_corrected_images_ends_the_same_wherever_it_was_interrupted(
    experiment, data, tmp_path, monkeypatch, number
):
    """One epoch on the two corrected images, then two that correct the labels of the others."""
    samples = [replace(one, corrected=index < 2) for index, one in enumerate(data.target_train)]
    corrected = replace(data, target_train=samples)
    settings = settings_of_variant(VARIANTS["corrected-first"], experiment)

    def task_in(folder):
        entry = Cache(folder).entry("branch", {})
        return BranchTask(entry, 0, 1, None, "corrected", corrects=True, blur=None, first_labels=None)

    undisturbed = events_and_weights(settings, corrected, task_in(tmp_path / "undisturbed"))
    assert set(undisturbed[0].values["labels/count"]) == {2, 3}
    one = task_in(tmp_path / "interrupted")
    told = killed_in(number, monkeypatch, settings, corrected, one)
    assert equal(undisturbed, events_and_weights(settings, corrected, one))
    assert told == [1, 2, 3][:number] + [1, 2, 3][number - 1 :]
    (tmp_path / "last.json").write_text(json.dumps(undisturbed[0].documents["pseudo_labels/epoch_003.json"]))
    last = list(read_snapshot(tmp_path / "last.json").boxes.values())
    assert all(same(boxes, sample.boxes) for boxes, sample in zip(last[:2], samples[:2], strict=True))


def with_restart(experiment):
    return experiment.model_copy(update={"self_training": SelfTraining(restart=True)})


def test_a_trunk_that_was_interrupted_goes_on_and_a_longer_one_begins_with_a_shorter_one(
    experiment, data, trained, recorded, cache, tmp_path
):
    entry = Cache(tmp_path).entry("trunk", {})
    shorter = load_experiment(
        Path("experiments/smoke.yaml"),
        ["training.epochs=3", "early_learning={max_epochs: 1, min_epoch: 1}", "training.averaging=0.5"],
    )
    first = stages.train_trunk_stage(shorter, 0, data, entry, Recorded())
    before = first.checkpoints[0].stat().st_mtime_ns
    again = Recorded()
    longer = stages.train_trunk_stage(experiment, 0, data, entry, again)
    assert (longer.ap50, longer.validation_loss) == (trained.ap50, trained.validation_loss)
    assert first.checkpoints[0].stat().st_mtime_ns == before
    assert again.values["train/loss"] == recorded.values["train/loss"]
    weights = [torch.load(one.checkpoints[1], weights_only=True)["learner"]["student"] for one in (trained, longer)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_weak_only_keeps_the_initial_labels(experiment, data, trained, tmp_path):
    recorded, _ = events_and_weights(experiment, data, task(trained, "weak-only", tmp_path))
    assert "labels/count" not in recorded.values and set(recorded.values["train/loss"]) == {3}


def test_readers_are_not_looked_at_in_training(experiment, data, trained, tmp_path, recorded):
    other = replace(data, readers={}, target_test=())
    one = events_and_weights(experiment, data, task(trained, "plain-a", tmp_path / "with"))
    assert equal(one, events_and_weights(experiment, other, task(trained, "plain-a", tmp_path / "without")))
    assert not any("reader" in key for key in [*one[0].values, *one[0].documents])


def test_scores_are_told_and_given_and_found_again(experiment, data, trained, tmp_path):
    one = task(trained, "plain-a", tmp_path)
    assert stages.train_branch(experiment, data, one, Recorded()) and not stages.train_branch(
        experiment, data, one, Recorded()
    )
    model = one.model
    first, second = Recorded(), Recorded()
    entry = Cache(tmp_path).entry("scores", {})
    given = reader_scores.score_branch(experiment, data, model, 3, entry, first)
    assert set(given) == {"reader_1", "reader_2", "reader_3"}
    assert first.values["reader_2/AR"] == {3: given["reader_2"]["AR"]}
    model.unlink()
    assert reader_scores.score_branch(experiment, data, model, 3, entry, second) == given
    assert second.values == first.values and second.documents == first.documents


def test_spawned_processes_as_on_windows_do_the_same_work(experiment, data, trained, recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "START_METHOD", "spawn")
    told = Recorded()

    def run(function, *arguments):
        [outcome] = local.run([Job("job", function, arguments)], 1, lambda _, event: told.record(event)).values()
        assert outcome.error is None, outcome.details or outcome.error
        return outcome.value

    trunk = run(stages.train_trunk_stage, experiment, 0, data, Cache(tmp_path).entry("trunk", {}))
    assert (trunk.ap50, trunk.validation_loss) == (trained.ap50, trained.validation_loss)
    assert told.values["train/loss"] == recorded.values["train/loss"]
    branch = task(trunk, "sissi-w", tmp_path, blur=experiment.synthetic_images.weak)
    model, scores = run(stages.train_and_score_branch, experiment, data, branch, Cache(tmp_path).entry("scores", {}))
    assert model == branch.model and model.exists() and set(scores) == set(data.readers)


def test_what_is_watched_during_correction_is_a_setting(data, experiment, trained, tmp_path):
    update = {"evaluation": experiment.evaluation.model_copy(update={"every_epoch": ("weak_labels",)})}
    recorded, _ = events_and_weights(experiment.model_copy(update=update), data, task(trained, "plain-a", tmp_path))
    assert 0 <= recorded.values["weak_labels/AP50"][3] <= 1 and "source_val/AP50" not in recorded.values


def test_only_the_recall_of_the_weak_labels_forgives_cells_beyond_them(data, experiment, monkeypatch):
    """A detector that finds a further cell in every image, surer than all labels, loses AP50 and no AR."""
    size = experiment.training.image_size
    further = make_boxes([[0, 0, 5, 5]], [1.0])
    watched = experiment.model_copy(
        update={"evaluation": experiment.evaluation.model_copy(update={"every_epoch": ("weak_labels",)})}
    )
    values = []
    for extra in (EMPTY, further):
        monkeypatch.setattr(
            epoch_log,
            "predict_dataset",
            lambda detector, frames, workers, extra=extra: [
                concatenate([make_boxes(boxes.xyxy, [0.9] * len(boxes)), extra]) for boxes in frames.boxes
            ],
        )
        recorded = Recorded()
        cycle = Cycle(1, TeacherStudent(None, None, None), list(data.resized("target_train", size).boxes), False, {})
        epoch_log.log_cycle(watched, data, cycle, recorded)
        values.append({name: told[1] for name, told in recorded.values.items()})
    found, more = values
    assert found == {"weak_labels/AP50": 1, "weak_labels/AP": 1, "weak_labels/AR": 1}
    assert more["weak_labels/AR"] == 1 and more["weak_labels/AP50"] < 0.9


def test_labels_are_told_in_pixels_of_the_files(experiment, data):
    smaller = experiment.model_copy(
        update={"training": experiment.training.model_copy(update={"image_size": (48, 64)})}
    )
    frames = data.resized("target_train", smaller.training.image_size)
    back = epoch_log.to_files(frames.boxes, data, smaller)
    assert frames.boxes[0].xyxy.max() <= 64
    assert all(same(one, sample.boxes) for one, sample in zip(back, data.target_train, strict=True))
