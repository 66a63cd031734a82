import json
import os
import subprocess
import sys

import pytest

ASK = """
import json, {first}, numpy, cv2, scipy.linalg, threadpoolctl
print(json.dumps([pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]))
"""


def blas_threads(first="sissi", **variables):
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", ASK.format(first=first)]
    asked = subprocess.run(command, env=inherited | variables, capture_output=True, text=True)
    return json.loads(asked.stdout)


@pytest.mark.parametrize("first", ["sissi", "benchmarks.subjects"])
def test_blas_keeps_to_one_thread_for_those_of_its_own_wait_busily_on_cores_that_train(first):
    pools = blas_threads(first)
    assert pools and set(pools) == {1}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="OpenBLAS has no more threads than there are cores")
def test_the_users_own_number_of_blas_threads_stands():
    assert 2 in blas_threads(OPENBLAS_NUM_THREADS="2")
