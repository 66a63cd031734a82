"""The demo: images that the program draws itself, with exact truth, so that everything runs without a download."""

from sissi.data.demo.write import demo_files, write_demo

__all__ = ["demo_files", "write_demo"]
