"""Active learning: selection of the images for correction by hand, by the disagreement of detectors."""
