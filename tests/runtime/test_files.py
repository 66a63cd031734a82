from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sissi.runtime.files import whole_file


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
