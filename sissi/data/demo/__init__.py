"""The demo: images that the program draws itself, with exact truth, so that everything runs without a download."""

from sissi.data.demo.source_domain import source_images, typical_size
from sissi.data.demo.write import demo_files, drawing_code, write_demo

__all__ = ["demo_files", "drawing_code", "source_images", "typical_size", "write_demo"]
