"""What contradicts itself in the config of a pipeline's op is found without a run, by its line."""

import pytest

from data_processing.ops import clean_data
from dataframe_anonymisation.ops import anonymise_dataframe
from field_pseudonymisation.ops import anonymise_pseudonymise_structured
from util_services.pipelines.file import PipelineError, PipelineFile
from util_services.pipelines.jobs import Pipeline

OPS = {
    one.name: one.op for one in (clean_data, anonymise_dataframe, anonymise_pseudonymise_structured)
}
PSEUDONYMISE = "  - op: anonymise_pseudonymise_structured\n    as: hide\n    config: "
ANONYMISE = "  - op: anonymise_dataframe\n    as: group\n    config: "
MODELS = "models: [{model: k_anonymity, k: 5}], quasi_identifiers: [sex]"


def jobs(tmp_path, ops):
    file = tmp_path / "publish.yaml"
    file.write_text(f"description: d\nops:\n{ops}\n")
    return Pipeline.of(PipelineFile.read(file), OPS, {}).jobs(thorough=True)


@pytest.mark.parametrize(
    ("ops", "sentence"),
    [
        (
            "  - op: clean_data\n    config: {steps: [{step: parse_date, columns: {born: {}}}]}",
            r"line 4: clean_data: .*parse_date",
        ),
        (
            f"{PSEUDONYMISE}{{keyset: clinic, domain: d, rules: {{id: {{technique: hasch}}}}}}",
            r"line 5: hide: .*hasch",
        ),
        (
            f"{ANONYMISE}{{{MODELS.replace('k: 5', 'k: 0')}}}",
            r"line 5: group: .*'k'",
        ),
        (
            f"{ANONYMISE}{{{MODELS}, sensitive_attributes: [sex]}}",
            r"line 5: group: 'sex' is named in 'quasi_identifiers' and in",
        ),
        (f"{ANONYMISE}{{{MODELS}, keep_entity: true}}", r"line 5: group: 'keep_entity' is about"),
    ],
    ids=["step", "technique", "range", "roles", "entity"],
)
def test_what_no_data_could_make_right_is_found_with_its_line(tmp_path, ops, sentence):
    with pytest.raises(PipelineError, match=rf"^publish\.yaml, {sentence}"):
        jobs(tmp_path, ops)


def test_files_that_a_config_names_are_for_a_run_to_read(tmp_path):
    recipe = "  - op: clean_data\n    config: {recipe: recipes/none.yaml, steps: []}\n"
    policy = f"{PSEUDONYMISE}{{policy_file: policies/none.yaml}}\n"
    hierarchy = "hierarchies: {sex: {kind: file, path: none.csv}}"

    made = jobs(tmp_path, f"{recipe}{policy}{ANONYMISE}{{{MODELS}, {hierarchy}}}")

    assert [job.name for job in made] == ["publish_job", "publish_job_s3"]
