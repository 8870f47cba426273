"""Whether jobs would run here: named checks, of which packages may add more."""
