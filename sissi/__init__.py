"""sissi: an ablation harness for semi-supervised correction of imperfect cell labels."""

import os

# NumPy reads this variable when it is imported. The matrix products here are small. After each of them, OpenBLAS's
# threads would wait busily on cores that train, and every branch of an ablation would have such threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
