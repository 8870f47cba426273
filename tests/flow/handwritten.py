"""A location written by hand, in the form of the platform's guide."""

import dagster as dg

from data_processing.jobs import remove_duplicates_job, remove_duplicates_job_s3
from util_services.custom_json_logger import simpl_json_logger
from util_services.resources import s3_resource
from util_services.sensors import notify_canceled, notify_failure, notify_success

defs = dg.Definitions(
    jobs=[remove_duplicates_job, remove_duplicates_job_s3],
    sensors=[notify_success, notify_failure, notify_canceled],
    resources={"s3": s3_resource.configured({"resource_name": "selfS3"})},
    loggers={"simpl": simpl_json_logger},
)
