"""The jobs of this package: each on local files and, with ``_s3`` behind its name, on S3."""

from field_pseudonymisation import ops
from field_pseudonymisation.text import ops as text_ops

anonymise_pseudonymise_structured_job, anonymise_pseudonymise_structured_job_s3 = (
    ops.anonymise_pseudonymise_structured.jobs()
)
depseudonymise_structured_job, depseudonymise_structured_job_s3 = (
    ops.depseudonymise_structured.jobs()
)
repseudonymise_structured_job, repseudonymise_structured_job_s3 = (
    ops.repseudonymise_structured.jobs()
)
anonymise_pseudonymise_unstructured_job, anonymise_pseudonymise_unstructured_job_s3 = (
    text_ops.anonymise_pseudonymise_unstructured.jobs()
)
detect_personal_data_job, detect_personal_data_job_s3 = text_ops.detect_personal_data.jobs()
depseudonymise_unstructured_job, depseudonymise_unstructured_job_s3 = (
    text_ops.depseudonymise_unstructured.jobs()
)

JOBS = (
    anonymise_pseudonymise_structured_job,
    anonymise_pseudonymise_structured_job_s3,
    repseudonymise_structured_job,
    repseudonymise_structured_job_s3,
    anonymise_pseudonymise_unstructured_job,
    anonymise_pseudonymise_unstructured_job_s3,
    detect_personal_data_job,
    detect_personal_data_job_s3,
)
REIDENTIFYING_JOBS = (
    depseudonymise_structured_job,
    depseudonymise_structured_job_s3,
    depseudonymise_unstructured_job,
    depseudonymise_unstructured_job_s3,
)
