"""Kits: for programs with pandas, scikit-learn or Jupyter that record what they do.

Each kit is a module of its own and an extra of the package; nothing here imports them.
"""
