"""The jobs of this package: each on local files and, with ``_s3`` behind its name, on S3."""

from data_processing import ops

remove_duplicates_job, remove_duplicates_job_s3 = ops.remove_duplicates.jobs()

JOBS = (remove_duplicates_job, remove_duplicates_job_s3)
