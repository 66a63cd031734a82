"""Anchor-free one-stage detector: backbone, pyramid, head, assignment of labels, network."""
