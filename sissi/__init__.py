"""sissi: the ablation harness for semi-supervised correction of imperfect cell labels."""

import os

# NumPy reads it when it is imported. Our products are small, and after each OpenBLAS's own threads would wait busily on
# cores that train; in an ablation every branch would have some.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
