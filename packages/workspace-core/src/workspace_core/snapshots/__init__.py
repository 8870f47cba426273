"""Snapshots: immutable records, and tags that point to them."""
