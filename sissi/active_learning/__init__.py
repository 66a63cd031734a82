"""The images whose correction by hand would help most, by how much detectors disagree about them."""
