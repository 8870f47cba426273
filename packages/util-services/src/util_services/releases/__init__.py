"""Releases: what must hold of a dataset before it leaves, who says so, and how others check it."""
