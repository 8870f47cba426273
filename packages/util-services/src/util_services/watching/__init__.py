"""Watching a place of a storage for new and changed objects. Imports no Dagster.

``selection`` says which objects count, ``changes`` what is new about them, ``memory`` keeps it.
"""
