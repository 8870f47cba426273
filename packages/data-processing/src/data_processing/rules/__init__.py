"""What is done to a column, as its options: models that check themselves.

Steps take them, and what carries the steps out reads them.
"""
