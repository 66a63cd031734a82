"""Ray with two nodes of this machine that are killed, frozen, and unfit: ablation and prediction end as ever."""

import errno
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from sissi.config import Detector
from sissi.detector.model import build, save
from sissi.runtime.engines.ray_cluster import OWN
from tests.conftest import HEIGHT, WIDTH, draw_cells
from tests.integration.smoke import FEW, SMOKE, assert_ends_as, begin, children_of, finish, read_until

from .conftest import sissi, sissi_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'sissi[ray]'"
    ),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
ENVIRONMENT = OWN | {  # other tests of this process start Ray with the same token, which Ray reads once
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
    # a frozen node is noticed after some 10 s instead of a minute
    "RAY_health_check_period_ms": "2000",
    "RAY_health_check_timeout_ms": "4000",
    "RAY_health_check_failure_threshold": "2",
}
SIZE = ("--node-ip-address=127.0.0.1", "--num-cpus=2", "--num-gpus=1", "--object-store-memory=100000000")
CTRL_C = 5.0
"""Seconds within which Ctrl-C ends a command."""


class Node:
    """A node, in a process of its own with processes below it."""

    def __init__(self, *arguments, inside=()):
        command = [*inside, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        for _ in range(3):  # on a busy machine, a raylet gives up after 30 s
            self.process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
            told = ""
            for line in self.process.stdout:
                told += line
                if "Ray runtime started" in line:
                    return
            self.end()
        raise AssertionError(told)

    def send(self, number):
        """Send a signal to everything on the node, as if it reached the machine."""
        for pid in [*children_of(self.process.pid), self.process.pid]:
            os.kill(pid, number)

    def workers(self):
        """Processes of its jobs."""
        return [
            pid for pid in children_of(self.process.pid) if b"ray::_work" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def end(self):
        if self.process.poll() is None:
            self.send(signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="module")
def address():
    """Address of a cluster with one node of two pretended cores and a pretended GPU."""
    folder = tempfile.mkdtemp(prefix="ray-")
    with socket.socket() as free, pytest.MonkeyPatch.context() as patch:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        for key, value in ENVIRONMENT.items():
            patch.setenv(key, value)
        head = Node("--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false", *SIZE)
        yield f"127.0.0.1:{port}"
        head.end()
    shutil.rmtree(folder)


@pytest.fixture
def node(address):
    """A second node, of the same size."""
    second = Node(f"--address={address}", *SIZE)
    yield second
    second.end()


def on_ray(address):
    return ("--address", address, "--set", "runtime.gpus_per_job=0.5")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_node_that_is_lost_costs_nothing_but_time(tmp_path, smoke_folder, address, node, number):
    process = begin(tmp_path, *on_ray(address))
    read_until(process, "epoch 5/6")
    assert node.workers()
    node.send(number)
    told = "".join(read_until(process, "is lost; it goes on elsewhere"))
    node.end()  # what is frozen keeps its locks until its machine is switched off
    rest, _ = process.communicate()
    assert process.returncode == 0, told + rest
    assert_ends_as(tmp_path, smoke_folder)


def test_a_driver_that_is_killed_or_interrupted_goes_on(tmp_path, smoke_folder, address):
    process = begin(tmp_path, *on_ray(address))
    read_until(process, "epoch 2/6")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process = begin(tmp_path, *on_ray(address))
    read_until(process, "epoch 5/6")
    started = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate()
    assert time.monotonic() - started < CTRL_C
    assert process.returncode == 130 and "the same command continues from here" in told and "Traceback" not in told
    assert "trunk: epoch" not in finish(tmp_path)  # here, without Ray: the engine is no part of the work
    assert_ends_as(tmp_path, smoke_folder)


def test_a_process_that_is_killed_on_a_living_node_costs_its_variant_alone(tmp_path, smoke_folder, address, node):
    process = begin(tmp_path, *on_ray(address))
    read_until(process, "epoch 5/6")
    os.kill(node.workers()[0], signal.SIGKILL)
    told, _ = process.communicate()
    assert process.returncode == 1 and "Traceback" not in told
    assert f"failed: its process on {socket.gethostname()} was killed; out of memory?" in " ".join(told.split())
    finish(tmp_path, *on_ray(address))
    assert_ends_as(tmp_path, smoke_folder)


def test_a_node_without_the_shared_folder_is_named(tmp_path, address):
    hidden = f'mount -t tmpfs none {tmp_path} && exec "$@"'
    apart = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", hidden, "sh")
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    blind = Node(f"--address={address}", *SIZE, inside=apart)
    try:
        done = sissi_process("ablation", SMOKE, *FEW, *on_ray(address), cwd=tmp_path)
    finally:
        blind.end()
    told = " ".join(done.stderr.split())
    assert done.returncode == 1 and "Traceback" not in told
    assert f"{socket.gethostname()}: does not see the shared folder {tmp_path}/mlruns" in told


def test_a_request_that_fits_no_node_is_said(tmp_path, address):
    done = sissi_process("ablation", SMOKE, *FEW, *on_ray(address), "--set", "runtime.gpus_per_job=2", cwd=tmp_path)
    told = " ".join(done.stderr.split())
    assert done.returncode == 1 and "Traceback" not in told
    assert "no node has room for a job of 1 cores and 2 GPUs" in told and "runtime.gpus_per_job" in told


IMAGES = 32
"""With a batch of one image, four chunks."""
HELD = (15, 31)
"""The last image of the second chunk and of the fourth, so that two jobs each wait at one of them."""


@pytest.fixture
def lab(tmp_path):
    """A folder with a detector and images, of which two are pipes, so that reading them waits."""
    torch.manual_seed(0)
    save(build(Detector(preset="small", detections_per_image=20), (HEIGHT, WIDTH)), tmp_path / "detector.pt")
    for k in range(IMAGES):
        draw_cells(tmp_path / f"{k:02}.png", k)
    for k in HELD:
        (tmp_path / f"{k:02}.png").rename(tmp_path / f"{k:02}.content")
        os.mkfifo(tmp_path / f"{k:02}.png")
    return tmp_path


PREDICT = ("predict", "detector.pt", *(f"{k:02}.png" for k in range(IMAGES)), "--batch", "1", "--score", "0")


def begin_to_predict(lab, address):
    """The command under way, and the pipes open to its jobs, each of which has come to its own."""
    command = [str(Path(sys.executable).with_name("sissi")), *PREDICT, "--out", "out", "--address", address]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=lab, text=True, start_new_session=True, **pipes)
    return process, [open_when_read(lab / f"{k:02}.png", process) for k in HELD]


def open_when_read(pipe, process):
    while process.poll() is None:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:  # nobody reads yet
            assert error.errno == errno.ENXIO
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    raise AssertionError(process.stdout.read())


def let_go(lab, opened):
    """Images in the place of the pipes, and what the pipes were waited for."""
    for k, pipe in zip(HELD, opened, strict=True):
        content = (lab / f"{k:02}.content").read_bytes()
        (lab / f"{k:02}.content").rename(lab / f"{k:02}.png")
        with suppress(BrokenPipeError):
            os.write(pipe, content)
        os.close(pipe)


def assert_predicted(lab):
    done = sissi(*PREDICT, "--out", "alone", cwd=lab)
    assert done.returncode == 0, done.stderr
    assert (lab / "out/predictions.json").read_bytes() == (lab / "alone/predictions.json").read_bytes()


def test_a_prediction_does_the_images_of_a_lost_node_again(lab, address, node):
    process, opened = begin_to_predict(lab, address)
    node.send(signal.SIGKILL)
    let_go(lab, opened)
    told, _ = process.communicate()
    assert process.returncode == 0 and "is lost; it goes on elsewhere" in " ".join(told.split()), told
    assert_predicted(lab)


def test_a_prediction_whose_process_is_killed_on_a_living_node_says_so_and_goes_on(lab, address, node):
    process, opened = begin_to_predict(lab, address)
    os.kill(node.workers()[0], signal.SIGKILL)
    told, _ = process.communicate()
    said = " ".join(told.split())
    assert process.returncode == 1 and "Traceback" not in said
    assert f"its process on {socket.gethostname()} was killed; out of memory? lower the batch sizes; the same" in said
    let_go(lab, opened)
    done = sissi_process(*PREDICT, "--out", "out", "--address", address, cwd=lab)
    assert done.returncode == 0, done.stderr
    assert_predicted(lab)
