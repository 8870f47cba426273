"""Trees: folders as objects of the store, their differences, and their return to disk."""
