"""The jobs of this package: each on local files and, with ``_s3`` behind its name, on S3."""

from data_processing import ops

convert_format_job, convert_format_job_s3 = ops.convert_format.jobs()
remove_duplicates_job, remove_duplicates_job_s3 = ops.remove_duplicates.jobs()

JOBS = (
    convert_format_job,
    convert_format_job_s3,
    remove_duplicates_job,
    remove_duplicates_job_s3,
)
