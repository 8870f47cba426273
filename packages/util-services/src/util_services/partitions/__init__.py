"""Partitioned jobs: a job and a scheme of partitions, named in a YAML file, for data that arrives.

``scheme`` says which partitions there are, ``template`` where each lies, ``file`` what a file says,
``jobs`` makes jobs and a sensor of it.
"""
