import errno
import importlib.util
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from multiprocessing import forkserver

import pytest

from sissi.errors import SissiError
from sissi.runtime.engines import local, open_engine
from sissi.runtime.engines.local import warm_up
from sissi.runtime.events import Metrics, Progress
from sissi.runtime.jobs import Job


def double(number, recorder):
    recorder.record(Progress(1, 1, "doubling", 1.0))
    recorder.record(Metrics({"number": number}, 1))
    return 2 * number


def fail(recorder):
    raise RuntimeError("broken on purpose")


def refuse(recorder):
    raise SissiError("x.jpg: cannot be read")


def exhaust(what, recorder):
    import torch

    raise torch.OutOfMemoryError("CUDA") if what == "gpu" else OSError(errno.ENOSPC, "No space left", "x.png")


def die(number, recorder):
    os.kill(os.getpid(), number)


def threads(recorder):
    import cv2
    import torch

    return torch.get_num_threads(), cv2.getNumThreads()


def determinism(recorder):
    import torch

    cublas = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    return torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark, cublas


def use_what_has_no_deterministic_form(recorder):
    import torch

    torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))


def parent(recorder):
    return os.getppid()


def ignore(name, event):
    pass


@pytest.fixture(scope="module")
def ray_engine(tmp_path_factory):
    """Ray, started here once for all tests."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'sissi[ray]'")
    with open_engine("ray", tmp_path_factory.mktemp("ray"), "cpu", "auto", 1) as engine:
        yield engine


RAY = pytest.param("ray", marks=pytest.mark.slow)


@pytest.fixture(params=["spawn", "forkserver", RAY])
def run(request, monkeypatch):
    """Every engine, and every start method on each system that has it: Windows spawns all jobs."""
    if request.param == "ray":
        return request.getfixturevalue("ray_engine").run
    if request.param not in multiprocessing.get_all_start_methods():
        pytest.skip("the system does not have it")
    monkeypatch.setattr(local, "START_METHOD", request.param)
    return local.run


@pytest.fixture(params=["local", RAY])
def run_once(request):
    """Every engine, the local one with the start method of this system."""
    return request.getfixturevalue("ray_engine").run if request.param == "ray" else local.run


def test_values_and_records_come_back_under_the_name_of_their_job(run):
    received = []
    jobs = [Job(f"job {k}", double, (k,)) for k in range(3)]
    outcomes = run(jobs, 2, lambda name, event: received.append((name, event)))
    assert {name: outcome.value for name, outcome in outcomes.items()} == {f"job {k}": 2 * k for k in range(3)}
    metrics = {name: event for name, event in received if isinstance(event, Metrics)}
    assert metrics == {f"job {k}": Metrics({"number": k}, 1) for k in range(3)}
    assert len(received) == 6


def test_a_job_that_fails_costs_the_others_nothing(run):
    outcomes = run([Job("fail", fail, ()), Job("refuse", refuse, ()), Job("good", double, (4,))], 2, ignore)
    assert outcomes["good"].value == 8 and outcomes["good"].error is None
    assert outcomes["fail"].error == "RuntimeError: broken on purpose" and "Traceback" in outcomes["fail"].details
    assert outcomes["refuse"].error == "x.jpg: cannot be read" and outcomes["refuse"].details is None


@pytest.mark.skipif(sys.platform == "win32", reason="processes are not ended by signals there")
def test_a_job_that_is_killed_costs_the_others_nothing(run):
    ends = {"die": signal.SIGKILL, "be ended": signal.SIGTERM}
    outcomes = run([*(Job(name, die, (ends[name],)) for name in ends), Job("good", double, (4,))], 2, ignore)
    assert outcomes["good"].value == 8 and outcomes["good"].error is None
    assert "memory" in outcomes["die"].error
    if run is local.run:
        assert "SIGKILL" in outcomes["die"].error and outcomes["be ended"].error == "its process was ended by SIGTERM"
    else:
        assert all(f"its process on {socket.gethostname()} was" in outcomes[name].error for name in ends)


def test_what_is_full_is_named_with_what_to_do():
    outcomes = local.run([Job("gpu", exhaust, ("gpu",)), Job("disk", exhaust, ("disk",))], 2, ignore)
    assert "lower training.target_batch" in outcomes["gpu"].error
    assert "no space left on the disk" in outcomes["disk"].error and "x.png" in outcomes["disk"].error
    assert outcomes["gpu"].details is None and outcomes["disk"].details is None


def test_a_job_uses_the_threads_that_it_was_given(run_once):
    assert run_once([Job("one", threads, (), 1)], 1, ignore)["one"].value == (1, 1)


def open_at_once(recorder):
    recorder.record(Metrics({"begun": 1.0}, 1))
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def test_a_job_of_two_threads_takes_two_places_and_runs_alone_where_there_are_fewer():
    begun, ended = [], []

    def on_event(name, event):
        begun.append((name, len(ended)))

    jobs = [Job("one", open_at_once, (), 1), Job("two", open_at_once, (), 2), Job("three", open_at_once, (), 1)]
    local.run(jobs, 2, on_event, lambda name, _: ended.append(name))
    assert begun == [("one", 0), ("two", 1), ("three", 2)] and ended == ["one", "two", "three"]
    assert local.run([Job("wide", open_at_once, (), 3)], 1, ignore)["wide"].error is None


def test_jobs_side_by_side_see_a_gpu_each(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7")
    seen = []
    for place in range(3):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7")
        local._choose_gpu(place)
        seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert seen == ["4", "GPU-7", "4"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    local._choose_gpu(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_a_job_takes_the_place_of_one_that_has_ended(monkeypatch):
    places, start = [], local._start

    def noted(context, job, place, deterministic):
        places.append(place)
        return start(context, job, place, deterministic)

    monkeypatch.setattr(local, "_start", noted)
    local.run([Job(f"job {k}", double, (k,)) for k in range(4)], 2, ignore)
    assert places[:2] == [0, 1] and set(places) == {0, 1}


def test_every_job_is_deterministic_where_that_is_demanded_and_none_elsewhere(run_once):
    jobs = [Job(f"job {k}", determinism, ()) for k in range(3)]
    demanded = run_once(jobs, 2, ignore, deterministic=True)
    assert [outcome.value for outcome in demanded.values()] == [(True, False, ":4096:8")] * 3
    assert run_once(jobs[:1], 1, ignore)["job 0"].value == determinism(None) == (False, False, None)


def test_an_operation_without_a_deterministic_form_is_named_without_a_traceback():
    outcome = local.run([Job("job", use_what_has_no_deterministic_form, ())], 1, ignore, deterministic=True)["job"]
    assert outcome.error.startswith("put_ has no deterministic form on this device: leave out --deterministic")
    assert outcome.details is None
    assert local.run([Job("job", use_what_has_no_deterministic_form, ())], 1, ignore)["job"].error is None


def test_a_listener_that_fails_ends_the_running_jobs(run_once):
    def on_event(name, event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_once([Job("a", double, (1,)), Job("b", double, (2,))], 2, on_event)


def talk(recorder):
    while True:
        recorder.record(Metrics({"loss": 1.0}, 1))


def test_a_listener_can_end_a_job_and_the_next_one_is_asked_for_when_there_is_room(run_once):
    asked, ended = [], []

    def jobs():
        for number in range(3):
            asked.append(list(ended))
            yield Job(f"job {number}", talk if number == 1 else double, () if number == 1 else (number,))

    outcomes = run_once(jobs(), 1, lambda name, event: name == "job 1", lambda name, outcome: ended.append(name))
    assert asked == [[], ["job 0"], ["job 0", "job 1"]]
    assert outcomes["job 1"].stopped and outcomes["job 1"].error is None
    assert (outcomes["job 0"].value, outcomes["job 2"].value) == (0, 4)


@pytest.mark.skipif(sys.platform == "win32", reason="processes are spawned there, not forked")
def test_jobs_come_from_the_process_that_was_warmed_up():
    warm_up()
    server = forkserver._forkserver._forkserver_pid
    assert server is not None
    assert local.run([Job("x", parent, ())], 1, ignore)["x"].value == server
    warm_up()
    assert forkserver._forkserver._forkserver_pid == server


@pytest.mark.skipif(sys.platform == "win32", reason="processes are spawned there, not forked")
def test_an_interrupt_while_jobs_are_warming_up_is_left_to_the_caller():
    """Ctrl-C reaches the whole group: whoever imports must neither die of it nor show a traceback."""
    script = """
import os, signal
from multiprocessing import forkserver
from sissi.runtime.engines.local import run, warm_up
from sissi.runtime.jobs import Job
from tests.runtime.test_jobs import ignore, parent
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have it ignored
warm_up()
server = forkserver._forkserver._forkserver_pid
os.kill(server, signal.SIGINT)
assert run([Job("x", parent, ())], 1, ignore)["x"].value == server
os.kill(os.getpid(), signal.SIGINT)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGINT and ended.stderr.count("Traceback") == 1, ended.stderr
    assert ended.stderr.endswith("KeyboardInterrupt\n")


def test_a_function_can_be_named_so_that_only_its_job_imports_it():
    outcome = local.run([Job("one", f"{__name__}:double", (4,))], 1, ignore)["one"]
    assert outcome.value == 8
