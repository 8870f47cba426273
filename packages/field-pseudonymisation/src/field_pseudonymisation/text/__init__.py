"""Free texts: what is found in them is replaced, each value by its rule."""
