"""The jobs of this package: each on local files and, with ``_s3`` behind its name, on S3."""

import dagster as dg

from data_processing import ops

aggregate_data_job, aggregate_data_job_s3 = ops.aggregate_data.jobs()
cast_types_job, cast_types_job_s3 = ops.cast_types.jobs()
clean_data_job, clean_data_job_s3 = ops.clean_data.jobs()
convert_format_job, convert_format_job_s3 = ops.convert_format.jobs()
fill_missing_values_job, fill_missing_values_job_s3 = ops.fill_missing_values.jobs()
handle_outliers_job, handle_outliers_job_s3 = ops.handle_outliers.jobs()
join_datasets_job, join_datasets_job_s3 = ops.join_datasets.jobs()
link_duplicates_job, link_duplicates_job_s3 = ops.link_duplicates.jobs()
normalise_text_job, normalise_text_job_s3 = ops.normalise_text.jobs()
parse_dates_job, parse_dates_job_s3 = ops.parse_dates.jobs()
profile_data_job, profile_data_job_s3 = ops.profile_data.jobs()
remove_duplicates_job, remove_duplicates_job_s3 = ops.remove_duplicates.jobs()
validate_data_job, validate_data_job_s3 = ops.validate_data.jobs()

JOBS = tuple(one for one in list(globals().values()) if isinstance(one, dg.JobDefinition))
