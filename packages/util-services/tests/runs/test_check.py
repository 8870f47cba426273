import dagster as dg
import pytest

from util_services.errors import ConfigurationError
from util_services.ops import read_dataset, write_dataset
from util_services.runs.check import check_config


@dg.job
def copy_job():
    write_dataset(read_dataset())


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"path": None}, "ops.read_dataset.config.path: must be a text."),
        (
            {"path": ["in.csv"]},
            "ops.read_dataset.config.path: must be one value, such as a text, or {env: VARIABLE}.",
        ),
        ({"csv": ";"}, "ops.read_dataset.config.csv: must be a mapping of keys to values."),
        ({"csv": None}, "ops.read_dataset.config.csv: must be a mapping of keys to values."),
    ],
)
def test_a_value_of_a_wrong_form_is_told_the_form(config, sentence):
    run_config = {"ops": {"read_dataset": {"config": config}}}

    with pytest.raises(ConfigurationError) as refused:
        check_config(copy_job, run_config)

    assert str(refused.value) == sentence
