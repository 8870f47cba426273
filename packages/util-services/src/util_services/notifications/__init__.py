"""Notifications about runs: what is told, and the channels that carry it. Imports no Dagster.

A channel is any object with a ``name`` and ``deliver(notification)``; see ``channel.py``.
"""
