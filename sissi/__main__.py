"""`python -m sissi`: the same as `sissi`."""

from sissi.cli import main

main()
