"""What a monitoring system is told of the runs of an instance: counts and times."""
