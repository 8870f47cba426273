"""The commands of ``dws`` as functions: one verb a module, each of which returns a record."""
