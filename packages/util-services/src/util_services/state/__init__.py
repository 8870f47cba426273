"""What sensors must not forget, kept in a database that several processes share.

Imports no Dagster; SQLAlchemy is imported by whoever opens a database.
"""
