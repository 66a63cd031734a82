import pytest
import torch

from sissi.boxes import make_boxes
from sissi.detector.model import build
from sissi.errors import SissiError
from sissi.training import checkpoint
from sissi.training.checkpoint import Checkpoints
from sissi.training.mixed_batches import as_target
from sissi.training.teacher_student import make_teacher_student


@pytest.fixture
def learner(smoke):
    torch.manual_seed(0)
    made = make_teacher_student(build(smoke.detector, smoke.training.image_size), smoke.training)
    loss = made.student.network.train()([torch.rand(3, 64, 96)], [as_target(make_boxes([[10, 10, 40, 40]]))])
    sum(loss.values()).backward()
    made.optimizer.step()
    return made


def tensors(learner):
    moments = [value for state in learner.optimizer.state_dict()["state"].values() for value in state.values()]
    return [*learner.student.network.state_dict().values(), *moments]


def test_a_learner_comes_back_bit_by_bit_with_its_optimizer(learner, smoke, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(3, learner, {"loss": 0.1}, {"labels": [[0.1, 2.0]]})
    torch.manual_seed(1)
    other = make_teacher_student(build(smoke.detector, smoke.training.image_size), smoke.training)
    assert checkpoint.restore(checkpoints.path(3), other) == {"labels": [[0.1, 2.0]]}
    assert all(torch.equal(one, two) for one, two in zip(tensors(learner), tensors(other), strict=True))
    assert checkpoints.latest(pytest.fail) == (3, {"loss": 0.1})


@pytest.mark.parametrize("damage", ["tensors cut", "tensors changed", "notes cut", "tensors gone"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(learner, tmp_path, damage):
    checkpoints, told = Checkpoints(tmp_path), []
    for epoch in (1, 2):
        checkpoints.write(epoch, learner, {"epoch": epoch}, {})
    path = checkpoints.path(2) if "tensors" in damage else checkpoints.path(2).with_suffix(".json")
    content = path.read_bytes()
    if "gone" in damage:
        path.unlink()
    elif "cut" in damage:
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:2000] + bytes([content[2000] ^ 1]) + content[2001:])
    assert checkpoints.latest(told.append) == (1, {"epoch": 1})
    assert len(told) == 1 and "epoch_002.pt: this checkpoint is damaged" in told[0]


def test_an_epoch_without_notes_did_not_end(learner, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(1, learner, {}, {})
    checkpoints.path(2).write_bytes(b"half")
    assert checkpoints.latest(pytest.fail) == (1, {})


def test_a_full_disk_is_named_and_leaves_the_last_good_state(learner, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(1, learner, {"good": True}, {})
    resource = pytest.importorskip("resource", reason="there are no limits of the size of a file")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (checkpoints.path(1).stat().st_size // 2, limits[1]))
    try:
        with pytest.raises(SissiError, match="no space left on the disk; free some and run the same command again"):
            checkpoints.write(2, learner, {}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoints.latest(pytest.fail) == (1, {"good": True})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_001.json", "epoch_001.pt"]


def test_a_checkpoint_that_carries_code_is_refused(learner, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"learner": Evil(), "tensors": {}}, tmp_path / "epoch_001.pt")
    with pytest.raises(SissiError, match="cannot be read"):
        checkpoint.restore(tmp_path / "epoch_001.pt", learner)
    assert not (tmp_path / "executed").exists()
