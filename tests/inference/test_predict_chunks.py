"""Prediction in jobs of an engine: what they share, and what becomes of it when a node is lost; no real engine."""

import pickle
from types import SimpleNamespace

import pytest
import torch

from sissi.boxes import same
from sissi.config import Detector
from sissi.data.images.read import FIRST
from sissi.detector.model import build, save
from sissi.errors import DataError, SissiError
from sissi.inference import predict_chunks
from sissi.inference.predict_chunks import Task, chunks_of, load_detector, predict_chunk, predict_in_jobs
from sissi.inference.predict_images import InputScale
from sissi.runtime.events import Notice, Part, Progress
from sissi.runtime.jobs import Outcome
from tests.conftest import draw_cells

SEEN = (64, 96)


class Lost(Exception):
    """The node of a job goes."""


class Engine:
    """Does jobs in this process, and submits them again when their node is lost, which happens after some chunks."""

    def __init__(self, room=2, losses=()):
        self.places, self.losses = room, list(losses)
        self.names, self.shares, self.progress = [], [], []

    def side_by_side(self, setting):
        return setting

    def room(self, setting):
        return self.places

    def run(self, jobs, side_by_side, on_event, ended):
        for job in jobs:
            self.names.append(job.name)
            outcome = None
            while outcome is None:
                outcome = self._submit(pickle.loads(pickle.dumps(job)), on_event)  # noqa: S301
            ended(job.name, outcome)

    def _submit(self, job, on_event):
        self.shares.append(list(job.arguments[1]))
        left = self.losses.pop(0) if self.losses else None
        received = []

        def record(event):
            received.append(event)
            on_event(job.name, event)
            if isinstance(event, Progress):
                self.progress.append(event.epoch)
            if sum(isinstance(one, Part) for one in received) == left:
                raise Lost

        try:
            return Outcome(job.do(SimpleNamespace(record=record)))
        except Lost:
            on_event(job.name, Notice("its node is lost"))
            return None
        except SissiError as error:
            return Outcome(error=str(error))


@pytest.fixture
def task(tmp_path):
    torch.manual_seed(0)
    save(build(Detector(preset="small", detections_per_image=20), SEEN), tmp_path / "detector.pt")
    return Task(tmp_path / "detector.pt", None, InputScale(SEEN), 2, FIRST)


@pytest.fixture
def chunks(tmp_path, monkeypatch):
    """Seven images in chunks of one batch; one cannot be read."""
    monkeypatch.setattr(predict_chunks, "BATCHES", 1)
    paths = {f"{k}.png": tmp_path / f"{k}.png" for k in range(7)}
    for k, path in enumerate(paths.values()):
        draw_cells(path, k)
    paths["3.png"].write_bytes(b"no image")
    found = chunks_of(paths, 2)
    assert [list(chunk) for chunk in found] == [["0.png", "1.png"], ["2.png", "3.png"], ["4.png", "5.png"], ["6.png"]]
    return found


def in_jobs(engine, task, chunks):
    """Outcome of each image, and what was said."""
    found, said = [], []
    predict_in_jobs(engine, 2, task, chunks, found.append, said.append)
    assert len({one.name for one in found}) == len(found) == sum(map(len, chunks))
    return {one.name: one for one in found}, said


def assert_as_plain(found, task, chunks):
    detector = load_detector(task.file)
    for one in (one for chunk in chunks for one in predict_chunk(detector, task, chunk)):
        other = found[one.name]
        assert one.sha256 == other.sha256
        if isinstance(one.outcome, DataError):
            assert str(other.outcome) == str(one.outcome) and one.name == "3.png"
        else:
            assert len(one.outcome.boxes) > 0 and same(one.outcome.boxes, other.outcome.boxes)


@pytest.mark.parametrize("room", [1, 2, 3])
def test_jobs_find_what_one_process_finds_bit_by_bit_however_many_there_are(task, chunks, room):
    engine = Engine(room)
    found, said = in_jobs(engine, task, chunks)
    assert_as_plain(found, task, chunks)
    assert said == [] and sorted(number for share in engine.shares for number in share) == [0, 1, 2, 3]


def test_chunks_of_a_lost_node_are_done_again_and_no_others(task, chunks):
    engine = Engine(1, losses=[1, 2])
    found, said = in_jobs(engine, task, chunks)
    assert engine.shares == [[0, 1, 2, 3], [1, 2, 3], [3]]
    assert said == ["its node is lost"] * 2
    assert engine.progress == [2, 4]  # progress grows from one submission to the next
    assert_as_plain(found, task, chunks)


def test_a_node_that_is_lost_when_all_is_done_costs_nothing(task, chunks):
    engine = Engine(1, losses=[4])
    found, _ = in_jobs(engine, task, chunks)
    assert engine.shares == [[0, 1, 2, 3], []]
    assert_as_plain(found, task, chunks)


def test_shares_get_smaller_so_that_all_end_together_and_few_chunks_are_shared_by_all(task, monkeypatch):
    monkeypatch.setattr(predict_chunks, "predict_share", lambda task, share, recorder: None)
    engine = Engine(2)
    engine.run = lambda jobs, *rest: engine.shares.extend(len(job.arguments[1]) for job in jobs)
    predict_in_jobs(engine, 2, task, [{}] * 100, print, print)
    assert engine.shares == [25, 19, 14, 11, 8, 8, 8, 7]
    engine.shares.clear()
    predict_in_jobs(engine, 2, task, [{}] * 5, print, print)
    assert engine.shares == [3, 2]
    engine.places = 0  # every node is lost at this moment
    engine.shares.clear()
    predict_in_jobs(engine, 2, task, [{}] * 5, print, print)
    assert engine.shares == [5]


def test_a_job_that_fails_ends_the_command_with_its_reason(task, chunks):
    task.file.unlink()
    with pytest.raises(
        SissiError, match=r"chunks 1 to 2 of 4: .*: does not see .*detector\.pt; have it under the same"
    ):
        in_jobs(Engine(), task, chunks)
