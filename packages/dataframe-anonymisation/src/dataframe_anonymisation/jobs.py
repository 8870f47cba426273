"""The jobs of this package: each on local files and, with ``_s3`` behind its name, on S3."""

from dataframe_anonymisation import ops

anonymise_dataframe_job, anonymise_dataframe_job_s3 = ops.anonymise_dataframe.jobs()
assess_risk_job, assess_risk_job_s3 = ops.assess_risk.jobs()
k_anonymity_job, k_anonymity_job_s3 = ops.k_anonymity.jobs()
l_diversity_job, l_diversity_job_s3 = ops.l_diversity.jobs()
private_counts_job, private_counts_job_s3 = ops.private_counts.jobs()
t_closeness_job, t_closeness_job_s3 = ops.t_closeness.jobs()
verify_anonymity_job, verify_anonymity_job_s3 = ops.verify_anonymity.jobs()

OPERATIONS = (
    ops.anonymise_dataframe,
    ops.assess_risk,
    ops.k_anonymity,
    ops.l_diversity,
    ops.private_counts,
    ops.t_closeness,
    ops.verify_anonymity,
)
JOBS = (
    anonymise_dataframe_job,
    anonymise_dataframe_job_s3,
    assess_risk_job,
    assess_risk_job_s3,
    k_anonymity_job,
    k_anonymity_job_s3,
    l_diversity_job,
    l_diversity_job_s3,
    private_counts_job,
    private_counts_job_s3,
    t_closeness_job,
    t_closeness_job_s3,
    verify_anonymity_job,
    verify_anonymity_job_s3,
)
