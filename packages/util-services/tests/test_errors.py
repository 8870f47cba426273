import pytest

from util_services.cli.run_config import with_settings
from util_services.datasets.csv_dialect import CsvDialect
from util_services.datasets.formats import format_of
from util_services.datasets.schema import UnknownColumnsError
from util_services.errors import ConfigurationError, quoted, quoted_name
from util_services.location.jobs import find_job
from util_services.samples import sample_path

HOSTILE = "na\x1b[31mme\n"


def test_a_name_is_escaped_and_cut_for_a_sentence():
    assert quoted_name("a\x1b\u202e\n\ud800é") == r"'a\x1b\u202e\n\ud800é'"
    assert quoted_name("x" * 81) == f"'{'x' * 80}…'"


def test_names_are_cut_after_so_many_of_them():
    assert quoted(["a", "b\n", "c"], limit=2) == r"'a', 'b\n' and 1 more"


def test_unknown_columns_are_told_without_control_characters():
    error = UnknownColumnsError("subset", ["na\x1b[31mm\n"], [HOSTILE])

    assert str(error) == (
        r"'subset' names columns that the dataset does not have: 'na\x1b[31mm\n'. Did you mean "
        r"'na\x1b[31mme\n'? The dataset has 'na\x1b[31mme\n'."
    )


@pytest.mark.parametrize(
    "refused",
    [
        lambda: format_of(HOSTILE),
        lambda: CsvDialect(encoding=HOSTILE),
        lambda: find_job(HOSTILE),
        lambda: sample_path(HOSTILE),
        lambda: with_settings({}, [HOSTILE]),
        lambda: with_settings({}, [f"read_dataset.{HOSTILE}={{"]),
        lambda: with_settings({"ops": {HOSTILE: 1}}, [f"{HOSTILE}.path=x"]),
    ],
)
def test_a_name_from_a_user_is_printed_without_control_characters(refused):
    with pytest.raises(ConfigurationError) as error:
        refused()

    assert str(error.value).isprintable()
