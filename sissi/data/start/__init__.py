"""The beginning: from a folder of images to an experiment file that runs, for `sissi start`."""

from sissi.data.start.options import StartOptions
from sissi.data.start.run import start

__all__ = ["StartOptions", "start"]
