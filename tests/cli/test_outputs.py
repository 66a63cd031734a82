"""Outputs that cannot be written are refused before the work begins; what a stopped command says."""

import importlib
import signal
import sys

import pytest

application = importlib.import_module("sissi.cli.app")
COMMANDS = [
    ["ablation", "demo", "--out", "{bad}"],
    ["run", "demo", "--variant", "baseline", "--out", "{bad}"],
    ["evaluate", "demo", "--model", "x.pt", "--out", "{bad}"],
    ["search", "threshold", "--out", "{bad}"],
    ["report", "--out", "{bad}"],
    ["compare", "a", "b", "--out", "{bad}"],
    ["labels", "--out", "{bad}"],
    ["start", "images", "--out", "{bad}"],
    ["predict", "x.pt", "images", "--out", "{bad}"],
    ["audit", "labels", "images", "--out", "{bad}"],
    ["suggest", "latest", "--out", "{bad}"],
    ["suggest", "images", "--out", "{bad}"],
    ["tune", "images", "--truth", "truth.json", "--out", "{bad}"],
    ["tune", "images", "--truth", "truth.json", "--out", "settings.yaml", "--plots", "{bad}"],
    ["weak-labels", "images", "--out", "{bad}"],
    ["weak-labels", "images", "--overlays", "{bad}"],
    ["data", "demo", "{bad}"],
    ["data", "check", "demo", "--problems", "{bad}"],
    ["data", "convert", "labels", "--from", "coco", "--to", "yolo", "--images", "images", "--out", "{bad}"],
    ["data", "merge", "labels", "better", "--images", "images", "--out", "{bad}"],
    ["experiments", "--copy", "demo", "--out", "{bad}"],
    ["schema", "--out", "{bad}"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_an_output_that_cannot_be_written_is_refused_before_the_work(sissi, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "file").touch()
    code, out, err = sissi(*(word.format(bad="file/out.json") for word in command))
    assert code == 1 and out == "" and err.count("\n") == 1
    assert "file/out.json: cannot be written, since" in err and "file is not a folder; choose another place" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "images"]


READING = [
    ["report"],
    ["labels", "--out", "labels.json"],
    ["compare", "a", "b"],
    ["suggest", "latest", "--out", "next"],
    ["predict", "latest", "images", "--out", "found"],
    ["upload"],
    ["cache"],
]


@pytest.mark.parametrize("command", READING, ids=lambda words: words[0])
def test_a_command_that_reads_makes_no_store_in_the_wrong_folder(sissi, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").touch()
    code, _, err = sissi(*command)
    assert code == 1 and "--tracking" in err and err.count("\n") == 1
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    ("command", "continues"),
    [("ablation", True), ("predict", True), ("tune", True), ("weak-labels", False), ("data", False)],
)
def test_a_stopped_command_promises_to_continue_only_where_it_does(monkeypatch, capsys, command, continues):
    def stop():
        raise SystemExit(application.STOPPED)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(application, "app", stop)
    monkeypatch.setattr(sys, "argv", ["sissi", command, "x"])
    with pytest.raises(SystemExit):
        application.main()
    signal.signal(signal.SIGTERM, before)
    assert ("continues from here" in capsys.readouterr().err) == continues


def test_a_fault_of_the_system_is_one_sentence(monkeypatch, capsys):
    def refuse():
        raise PermissionError(13, "Permission denied", "labels.json")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(application, "app", refuse)
    with pytest.raises(SystemExit):
        application.main()
    signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == "sissi: labels.json: Permission denied\n"
