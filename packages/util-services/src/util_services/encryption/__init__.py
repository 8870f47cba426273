"""Files that are encrypted at rest, and the keys that live as long as a run."""
