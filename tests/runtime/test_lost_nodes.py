"""What the engine makes of Ray's errors: a process that dies, on a node that lives or not. Ray is pretended."""

import importlib.util
from types import SimpleNamespace

import pytest

from sissi.runtime.engines.ray_cluster import prepare
from sissi.runtime.events import Notice, Progress
from sissi.runtime.jobs import Job, Outcome

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed: pip install 'sissi[ray]'", allow_module_level=True)
else:
    prepare("auto")  # Ray reads its environment when it is imported, and other tests of this process start it

from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, WorkerCrashedError

from sissi.errors import SissiError
from sissi.runtime.engines import ray as engine

SILENT = "no answer"
NODES = [f"{number:056x}" for number in range(6)]
"""Ids as Ray's nodes have them."""


class Stream:
    """What comes back of a task, message by message."""

    def __init__(self, *messages):
        self.messages = list(messages)

    def __next__(self):
        return self.messages.pop(0)


def on(number, *messages):
    """Stream of a task on a node of this number."""
    return Stream([(NODES[number], f"host-{number}")], *messages)


class Cluster:
    """Nodes of a core each, and what comes back of each task in turn; a node goes after its answer, if it has none."""

    def __init__(self, streams, answers=()):
        self.streams, self.answers = list(streams), list(answers)
        self.asked, self.nodes = [], set(NODES)

    def work(self, *arguments):
        return self.streams.pop(0)

    def ask(self, scheduling_strategy):
        self.asked.append(scheduling_strategy.node_id)
        return SimpleNamespace(remote=lambda: Stream(self.answers.pop(0)))

    def wait(self, sources, timeout):
        ready = [one for one in sources if one.messages[:1] != [SILENT]]
        if not ready:
            self.nodes -= set(self.asked)
        return ready, []

    def get(self, what):
        message = what.messages.pop(0) if isinstance(what, Stream) else what
        if isinstance(message, Exception):
            raise message
        return message

    def living(self):
        return [{"NodeID": node, "Resources": {"CPU": 1.0}, "NodeManagerHostname": node} for node in self.nodes]


@pytest.fixture
def ended(monkeypatch):
    """Function that runs a job on a cluster: its outcome, and what was said meanwhile."""

    def run(cluster):
        fake = SimpleNamespace(wait=cluster.wait, get=cluster.get, cancel=lambda *arguments, **options: None)
        monkeypatch.setattr(engine, "ray", fake)
        monkeypatch.setattr(engine, "_living", cluster.living)
        monkeypatch.setattr(engine, "_work", SimpleNamespace(options=lambda **_: SimpleNamespace(remote=cluster.work)))
        monkeypatch.setattr(engine, "_answer", SimpleNamespace(options=cluster.ask))
        said = []
        outcomes = engine.RayEngine(None, "cpu", 1).run(
            [Job("job", print, ())],
            1,
            lambda name, event: said.append(event.text) if isinstance(event, Notice) else None,
        )
        return outcomes["job"], said

    return run


LOST = ["job: its node (host-1) is lost; it goes on elsewhere"]


def test_a_process_that_dies_on_a_node_that_answers_ends_its_job(ended):
    cluster = Cluster([on(1, WorkerCrashedError())], [None])
    outcome, said = ended(cluster)
    assert outcome.error == "its process on host-1 was killed; out of memory? lower the batch sizes"
    assert cluster.asked == NODES[1:2] and said == []


def test_another_error_on_a_node_that_answers_ends_its_job_with_its_reason(ended):
    outcome, said = ended(Cluster([on(1, RayError("a\nno such module\n"))], [None]))
    assert outcome.error == "its process on host-1 failed: no such module" and said == []


@pytest.mark.parametrize("error", [WorkerCrashedError(), RayError("messages are lost")])
@pytest.mark.parametrize("answer", [NodeDiedError("gone"), RayError("cannot be scheduled"), SILENT])
def test_a_process_that_dies_with_its_node_is_a_node_that_is_lost(ended, error, answer):
    cluster = Cluster([on(1, error), on(2, [Outcome(4)])], [answer])
    assert ended(cluster) == (Outcome(4), LOST) and cluster.asked == NODES[1:2]


def test_a_node_that_ray_knows_to_be_dead_is_lost_and_not_asked(ended):
    cluster = Cluster([on(1, NodeDiedError("gone")), on(2, [Outcome(4)])])
    assert ended(cluster) == (Outcome(4), LOST) and cluster.asked == []


def test_a_process_that_ray_killed_for_memory_ends_its_job_at_once(ended):
    cluster = Cluster([on(1, OutOfMemoryError("95 % used"))])
    assert "out of memory?" in ended(cluster)[0].error and cluster.asked == []


@pytest.mark.parametrize(("progress", "outcome"), [(True, Outcome(4)), (False, None)])
def test_a_job_whose_nodes_are_lost_again_and_again_ends_unless_it_gets_on(ended, progress, outcome):
    dead = NodeDiedError("gone")
    streams = [on(number, [Progress(number if progress else 1, 9, "training", 0.5)], dead) for number in range(1, 6)]
    ended_as, said = ended(Cluster([*streams, on(5, [Outcome(4)])]))
    if outcome:
        assert ended_as == outcome and len(said) == 5
    else:
        assert ended_as.error == "its node was lost 4 times without progress, last host-4"


@pytest.mark.parametrize(
    ("gpus", "words"),
    [
        (0.0, r"a job of 1 cores and 0 GPUs \(small has 0 and 0\); add a node"),
        (0.5, r"a job of 1 cores and 1 GPUs \(small has 0 and 0.5\); lower runtime.gpus_per_job, or add a node"),
    ],
)
def test_jobs_that_fit_no_node_are_refused_before_any_work_begins(monkeypatch, gpus, words):
    node = {"NodeID": NODES[0], "Resources": {"CPU": 0.0, "GPU": gpus}, "NodeManagerHostname": "small"}
    monkeypatch.setattr(engine, "_living", lambda: [node])
    with pytest.raises(SissiError, match=words):
        engine.RayEngine(None, "auto", 1).machine()
