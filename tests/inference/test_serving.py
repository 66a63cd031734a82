"""`sissi serve` over real HTTP: the boxes of `sissi predict`, and no file or address but those that may be read."""

import json
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
import torch

from sissi.config import Detector, PseudoLabels
from sissi.data.images.read import read_image
from sissi.detector.model import build, detect, save
from sissi.errors import SissiError
from sissi.inference.predict_chunks import load_detector
from sissi.inference.serving.backend import Backend
from sissi.inference.serving.server import make_server
from sissi.inference.serving.task_images import TaskImages
from sissi.inference.trained_model import TrainedModel
from tests.conftest import draw_cells

LOCAL = "/data/local-files/?d="
SIZE = (64, 96)
INTERFACE = """<View><Image name="picture" value="$photo"/><RectangleLabels name="kind" toName="picture">
<Label value="Zelle"/></RectangleLabels></View>"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder of images beside a secret one, and a detector."""
    folder = tmp_path_factory.mktemp("lab")
    torch.manual_seed(0)
    save(build(Detector(preset="small", detections_per_image=20), SIZE), folder / "detector.pt")
    for name in ("images/plate 1/a.png", "images/b.png", "secret.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        draw_cells(folder / name, len(name))
    (folder / "images/out.png").symlink_to(folder / "secret.png")
    (folder / "images/broken.png").write_bytes(b"no image")
    return folder


class LabelStudio(BaseHTTPRequestHandler):
    """What Label Studio does with uploaded files: it gives them to who has the token, and sends others to sign in."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        known = self.headers["Authorization"] in ("Token legacy", "Bearer short-lived")
        self.send_response(200 if known else 302)
        self.send_header("Location", "/user/login/")
        self.end_headers()
        self.wfile.write(self.server.picture if known else b"")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert (self.path, body) == ("/api/token/refresh", {"refresh": "a.b.c"})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"access": "short-lived"}')

    def log_message(self, *_):
        pass


def running(server):
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def label_studio(lab):
    with ThreadingHTTPServer(("127.0.0.1", 0), LabelStudio) as server:
        server.asked, server.picture = [], (lab / "images/b.png").read_bytes()
        server.address = running(server)
        yield server
        server.shutdown()


@pytest.fixture
def serve(lab, label_studio):
    """Begin to serve with a token; gives a function that asks."""
    servers = []

    def begin(token=None):
        trained = TrainedModel(lab / "detector.pt", None, PseudoLabels())
        source = TaskImages(lab / "images", label_studio.address, token)
        servers.append(make_server(Backend(trained, load_detector(trained.file), source, score=0), "127.0.0.1", 0))
        address = running(servers[-1])

        def ask(path, tree=None, body=None):
            content = body if tree is None else json.dumps(tree).encode()
            try:
                with urlopen(Request(address + path, data=content), timeout=60) as answer:  # noqa: S310
                    return answer.status, json.load(answer)
            except HTTPError as error:
                return error.code, json.load(error)

        return ask

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def tasks(*addresses, key="image"):
    return [{"id": place, "data": {key: address}} for place, address in enumerate(addresses)]


def corners(result):
    """Corners of a region in px, as Label Studio draws it."""
    value, width, height = result["value"], result["original_width"], result["original_height"]
    left, top = value["x"] * width / 100, value["y"] * height / 100
    return [left, top, left + value["width"] * width / 100, top + value["height"] * height / 100]


def test_a_project_is_set_up_and_its_tasks_get_the_boxes_of_the_detector_in_the_words_of_its_interface(lab, serve):
    ask = serve()
    code, up = ask("/health")
    assert (code, up["status"]) == (200, "UP") and ask("/")[1] == up
    assert ask("/setup", {"project": "7.16", "schema": INTERFACE}) == (200, {"model_version": up["model_version"]})
    addresses = [LOCAL + quote(f"images/{name}") for name in ("plate 1/a.png", "b.png")]
    code, answer = ask("/predict", {"project": "7.16", "tasks": tasks(*addresses, key="photo")})
    assert code == 200 and len(answer["results"]) == 2
    detector = load_detector(lab / "detector.pt")
    for name, found in zip(("plate 1/a.png", "b.png"), answer["results"], strict=True):
        boxes = detect(detector, read_image(lab / "images" / name))
        assert len(boxes) and found["score"] == min(one["score"] for one in found["result"])
        assert found["model_version"] == up["model_version"]
        for one, box, score in zip(found["result"], boxes.xyxy.tolist(), boxes.scores.tolist(), strict=True):
            assert (one["from_name"], one["to_name"], one["type"]) == ("kind", "picture", "rectanglelabels")
            assert one["value"]["rectanglelabels"] == ["Zelle"] and corners(one) == pytest.approx(box)
            assert one["score"] == score


@pytest.mark.parametrize(
    "address, reason",
    [
        (LOCAL + "images/../secret.png", "no image in the folder"),
        (LOCAL + "images/%2e%2e/secret.png", "no image in the folder"),
        (LOCAL + "images/out.png", "no image in the folder"),
        (LOCAL + "images//etc/passwd", "no image in the folder"),
        (LOCAL + "/etc/hostname", "not below a folder images"),
        (LOCAL + "images/a%00.png", "cannot be the name"),
        (LOCAL + "images/missing.png", "no such file"),
        (LOCAL + "images/broken.png", "is not a PNG"),
        ("http://127.0.0.1:1/data/upload/1/a.png", "only images of Label Studio"),
        ("file:///etc/passwd", "only images of Label Studio"),
        ("//127.0.0.1:1/data/upload/1/a.png", "only images of Label Studio"),
        ("/data/upload/../../api/users.png", "no uploaded image"),
        ("/data/upload/%2e%2e/api/users.png", "no uploaded image"),
        ("/api/users", "neither a local file"),
        ("/data/upload/1/a.png", "needs the access token"),
        (7, "no address"),
    ],
)
def test_an_address_that_may_not_or_cannot_be_read_is_refused_in_one_sentence(serve, label_studio, address, reason):
    code, answer = serve()("/predict", {"tasks": tasks(address)})
    assert code == 400 and reason in answer["error"] and "\n" not in answer["error"]
    assert list(answer) == ["error"] and label_studio.asked == []


@pytest.mark.parametrize("token, sent", [("legacy", "Token legacy"), ("a.b.c", "Bearer short-lived")])
def test_an_uploaded_image_comes_from_label_studio_with_the_token_alone(serve, label_studio, token, sent):
    local = LOCAL + "images/b.png"
    for address in ("/data/upload/1/a b.png", f"{label_studio.address}/data/upload/1/a%20b.png"):
        code, answer = serve(token)("/predict", {"tasks": tasks(address, local)})
        assert code == 200, answer
        assert answer["results"][0] == answer["results"][1]
    assert label_studio.asked == [("/data/upload/1/a%20b.png", sent)] * 2


def test_the_token_of_setup_serves_and_a_wrong_one_is_named(serve, label_studio):
    ask = serve()
    uploaded = {"tasks": tasks("/data/upload/1/a.png")}
    assert ask("/setup", {"project": "1", "schema": "", "access_token": "wrong"})[0] == 200
    code, answer = ask("/predict", uploaded)
    assert code == 400 and "answers 302" in answer["error"] and "wrong" not in answer["error"]
    ask = serve()
    ask("/setup", {"project": "1", "schema": "", "access_token": "legacy"})
    assert ask("/predict", uploaded)[0] == 200


@pytest.mark.parametrize(
    "interface, reason",
    [
        ("<View", "cannot be read as XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>', "cannot be read as XML"),
        ("<View><Image name='i' value='$i'/></View>", "no RectangleLabels"),
        (INTERFACE.replace("<Label ", "<Label value='dead'/><Label "), "no label cell; it has dead, Zelle"),
    ],
)
def test_an_interface_without_a_place_for_the_classes_is_refused_at_setup(serve, interface, reason):
    code, answer = serve()("/setup", {"project": "1", "schema": interface})
    assert code == 400 and reason in answer["error"]


def test_the_protocol_and_what_is_none_of_it(serve):
    ask = serve()
    assert ask("/webhook", {"action": "ANNOTATION_CREATED"})[0] == 200
    assert ask("/predict", {"tasks": []})[1]["results"] == []
    for path, body in (("/predict", b"{"), ("/predict", b"[]"), ("/predict", b"{}"), ("/setup", b"\xff")):
        code, answer = ask(path, body=body)
        assert code == 400 and answer["error"]
    assert ask("/train", {})[0] == 404 and ask("/predict")[0] == 404


def test_callers_side_by_side_get_the_same_boxes(serve):
    ask, answers = serve(), []
    wanted = {"tasks": tasks(LOCAL + "images/b.png")}
    callers = [threading.Thread(target=lambda: answers.append(ask("/predict", wanted))) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(answers) == 4 and all(one == answers[0] for one in answers) and answers[0][0] == 200


def test_the_command_serves_until_it_is_stopped_and_refuses_what_it_cannot_use(lab, sissi, monkeypatch):
    command = [sys.executable, "-m", "sissi", "serve", str(lab / "detector.pt"), "--images", str(lab / "images")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--port", "0"], **pipes) as process:
        address = process.stdout.readline().split(" at ")[1].split(";")[0]
        try:
            assert address.startswith("http://127.0.0.1:")
            with urlopen(f"{address}/health", timeout=60) as answer:  # noqa: S310
                assert json.load(answer)["status"] == "UP"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130 and "Traceback" not in process.stderr.read()
    for option, value in (("--images", "nowhere"), ("--label-studio", "ftp://here"), ("--tile", "7")):
        code, _, err = sissi("serve", str(lab / "detector.pt"), option, value)
        assert code == 1 and f"{option} {value}: " in err
    with pytest.raises(SissiError, match="cannot listen there"):
        trained = TrainedModel(lab / "detector.pt", None, PseudoLabels())
        make_server(Backend(trained, load_detector(trained.file), TaskImages(None, "http://h", None)), "192.0.2.1", 9)
