"""The jobs of this package: each on local files and, with ``_s3`` behind its name, on S3."""

from data_processing import ops

clean_data_job, clean_data_job_s3 = ops.clean_data.jobs()
convert_format_job, convert_format_job_s3 = ops.convert_format.jobs()
normalise_text_job, normalise_text_job_s3 = ops.normalise_text.jobs()
remove_duplicates_job, remove_duplicates_job_s3 = ops.remove_duplicates.jobs()

JOBS = (
    clean_data_job,
    clean_data_job_s3,
    convert_format_job,
    convert_format_job_s3,
    normalise_text_job,
    normalise_text_job_s3,
    remove_duplicates_job,
    remove_duplicates_job_s3,
)
