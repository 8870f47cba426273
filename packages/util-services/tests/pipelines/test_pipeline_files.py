"""What a pipeline file may say, and the sentence for each that says something else."""

import pytest

from util_services.pipelines.file import PipelineError, PipelineFile, Stage


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a pipeline file and gives its path."""

    def write(text, name="publish_patients.yaml"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def test_a_file_is_a_name_a_description_and_ops_in_their_order(written):
    text = """
description: >
  Clean patients.
ops:
  - remove_duplicates
  - op: clean_data
    as: tidy
    config: {recipe: tidy.yaml, since: 2024-01-31}
"""

    pipeline = PipelineFile.read(written(text))

    assert (pipeline.name, pipeline.description) == ("publish_patients", "Clean patients.")
    assert pipeline.stages == (
        Stage("remove_duplicates", "remove_duplicates"),
        Stage("clean_data", "tidy", {"recipe": "tidy.yaml", "since": "2024-01-31"}),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "p.yaml, line 1: a pipeline is a mapping of 'description' and 'ops'."),
        ("- a", "p.yaml, line 1: a pipeline is a mapping of 'description' and 'ops'."),
        ("ops: [a]", "p.yaml, line 1: say in 'description' what the pipeline is for."),
        (
            "ops: [a]\ndescription: ' '",
            "p.yaml, line 2: say in 'description' what the pipeline is for.",
        ),
        (
            "description: d\nops: a",
            "p.yaml, line 2: 'ops' must be a list of ops, such as '- op: NAME'.",
        ),
        (
            "description: d\nops: []",
            "p.yaml, line 2: 'ops' must be a list of ops, such as '- op: NAME'.",
        ),
        (
            "description: d\nops: [a]\nop: b",
            "p.yaml, line 3: unknown key 'op'; did you mean 'ops'?",
        ),
        (
            "description: d\nops:\n  - op: a\n    name: b",
            "p.yaml, line 4: unknown key 'name'; known are op, as, config.",
        ),
        (
            "description: d\nops:\n  - a\n  - [b]",
            "p.yaml, line 4: each entry of 'ops' must be of the form '- op: NAME'.",
        ),
        ("description: d\nops:\n  - as: a", "p.yaml, line 3: name the op with 'op: NAME'."),
        (
            "description: d\nops:\n  - op: a\n    as: A b",
            "p.yaml, line 4: 'as' must be a name of lower-case letters, digits and underscores.",
        ),
        (
            "description: d\nops:\n  - op: a\n    config: 3",
            "p.yaml, line 4: 'config' must be a mapping of keys.",
        ),
        (
            "description: d\nops:\n  - op: a\n    config: {1: 3}",
            "p.yaml, line 4: 'config' must be a mapping of keys.",
        ),
        (
            "description: d\nops:\n  - a\n  - op: b\n  - a",
            "p.yaml, line 5: 'a' stands there twice; give one of them another name with 'as'.",
        ),
        (
            "description: d\nops:\n  - op: a\n    op: b",
            "The pipeline 'p.yaml' has the key 'op' a second time in line 4; keep one of them.",
        ),
        ("description: [", "The pipeline 'p.yaml' is no YAML in line 1; correct it."),
        (
            b"\xff",
            "p.yaml: it cannot be read (UnicodeDecodeError); it must be a file in UTF-8.",
        ),
        (b"#" * (1 << 20) + b"##", "p.yaml: it has more than 1 MB; name a pipeline."),
    ],
    ids=range(18),
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(written, text, sentence):
    with pytest.raises(PipelineError) as caught:
        PipelineFile.read(written(text, "p.yaml"))

    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", ["Publish.yaml", "publish-patients.yaml", "publish.json", ".yaml"])
def test_a_file_that_cannot_name_a_job_is_refused(written, name):
    with pytest.raises(PipelineError, match="a pipeline has the name of its file"):
        PipelineFile.read(written("description: d\nops: [a]", name))


def test_a_file_that_is_gone_is_one_sentence(tmp_path):
    with pytest.raises(PipelineError, match=r"^p\.yaml: it cannot be read \(FileNotFoundError\)"):
        PipelineFile.read(tmp_path / "p.yaml")
