"""Pipelines: ops of any packages in a row, named in a YAML file, that become a job and its twin."""
