"""sissi: an ablation harness for semi-supervised correction of imperfect cell labels.

The names in `__all__` are for notebooks and scripts, see docs/api.md; each is imported when it is first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sissi.config.load import load_experiment
    from sissi.data.label_table import read_labels
    from sissi.inference.detector import Detector
    from sissi.report.ablation import Ablation, read_ablation, run_ablation

# NumPy reads this variable when it is imported. The matrix products here are small. After each of them, OpenBLAS's
# threads would wait busily on cores that train, and every branch of an ablation would have such threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
__all__ = ["Ablation", "Detector", "load_experiment", "read_ablation", "read_labels", "run_ablation"]

_MODULES = {
    "Ablation": "sissi.report.ablation",
    "Detector": "sissi.inference.detector",
    "load_experiment": "sissi.config.load",
    "read_ablation": "sissi.report.ablation",
    "read_labels": "sissi.data.label_table",
    "run_ablation": "sissi.report.ablation",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'sissi' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
