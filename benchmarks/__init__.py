"""What sissi costs, measured side by side with what it must not exceed."""

import sissi as sissi  # before NumPy, as in the program: it keeps OpenBLAS to one thread
