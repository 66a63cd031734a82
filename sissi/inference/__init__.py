"""A trained detector on images of any size and number."""
