import tempfile
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from sissi.errors import SissiError
from sissi.runtime.files import new_output, require_writable, whole_file


def test_threads_that_write_one_file_at_once_leave_one_of_its_contents_whole(tmp_path):
    together = Barrier(2)

    def write(content):
        with whole_file(tmp_path / "a") as file:
            together.wait(timeout=60)
            file.write(content)

    contents = [b"one" * 1000, b"other" * 3000]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, contents))
    assert (tmp_path / "a").read_bytes() in contents and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("folder", [True, False])
def test_an_output_that_can_be_written_is_accepted_and_nothing_is_made(tmp_path, folder):
    require_writable(tmp_path / "new" / "deep" / "out", folder=folder)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "folder", "message"),
    [
        ("file", True, "cannot be written, since .*file is not a folder"),
        ("file/out", True, "cannot be written, since .*file is not a folder"),
        ("file/out.csv", False, "cannot be written, since .*file is not a folder"),
        ("lab", False, "cannot be written, since it is a folder; name a file"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_by_name(tmp_path, out, folder, message):
    (tmp_path / "file").touch()
    (tmp_path / "lab").mkdir()
    with pytest.raises(SissiError, match=f"{out}: {message}"):
        require_writable(tmp_path / out, folder=folder)


def test_a_folder_that_the_system_refuses_is_named_with_the_reason(tmp_path, monkeypatch):
    def refuse(**options):
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(SissiError, match=rf"out: cannot be written \({tmp_path}: Permission denied\); choose another"):
        require_writable(tmp_path / "out", folder=True)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_new_output_is_there_whole_or_not_at_all(tmp_path, kind):
    def write(path):
        if kind == "folder":
            path.mkdir()
            path /= "labels.txt"
        path.write_text("labels")

    with pytest.raises(KeyboardInterrupt), new_output(tmp_path / "out.json") as unfinished:
        write(unfinished)
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
    with new_output(tmp_path / "out.json") as unfinished:
        assert unfinished.suffix == ".json"
        write(unfinished)
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_a_new_output_takes_the_place_of_an_empty_folder(tmp_path):
    (tmp_path / "out").mkdir()
    with new_output(tmp_path / "out") as unfinished:
        unfinished.mkdir()
        (unfinished / "a").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
