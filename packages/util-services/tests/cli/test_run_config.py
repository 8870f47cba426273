from pathlib import Path

import pytest

from util_services.cli.run_config import MAX_CONFIG_BYTES, read_run_config, with_settings
from util_services.errors import ConfigurationError


def refusal(file):
    with pytest.raises(ConfigurationError) as refused:
        read_run_config(file)
    return str(refused.value)


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a run config."""

    def write(content):
        file = tmp_path / "run.yaml"
        file.write_text(content)
        return file

    return write


def test_a_setting_given_twice_is_refused():
    with pytest.raises(ConfigurationError) as refused:
        with_settings({}, ["read_dataset.path=a.csv", "read_dataset.path=b.csv"])

    assert str(refused.value) == (
        "'--set' gives 'read_dataset.path' more than once; give it one value."
    )


def test_a_pattern_is_a_text():
    config = with_settings({}, ["read_dataset.path=*.csv"])

    assert config == {"ops": {"read_dataset": {"config": {"path": "*.csv"}}}}


def test_a_setting_replaces_the_value_of_the_file():
    config = with_settings(
        {"ops": {"op": {"config": {"a": 1, "b": 2}}}}, ["op.a=3", "op.c.d=[x]", "op.c.e=y"]
    )

    assert config == {"ops": {"op": {"config": {"a": 3, "b": 2, "c": {"d": ["x"], "e": "y"}}}}}


@pytest.mark.parametrize(
    "content", ["ops:\n  a: {}\n  b: {}\n  a: {}\n", '{"ops":\n{"a":1,\n\n"a":2}}']
)
def test_a_key_that_stands_twice_is_refused(written, content):
    file = written(content)

    assert refusal(file) == (
        f"The run config '{file}' has the key 'a' a second time in line 4; keep one of them."
    )


def test_equal_keys_of_several_mappings_are_no_repetition(written):
    file = written("ops: {a: {x: 1}, b: &b {x: 1}, c: {<<: *b, x: 2}}")

    assert read_run_config(file) == {"ops": {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 2}}}


def test_a_file_too_large_for_a_run_config_is_refused_unread(written):
    expected = "has more than 4 MB; name a file with the configuration of a run."

    assert refusal(written("#" * (MAX_CONFIG_BYTES + 1))).endswith(expected)
    assert refusal(Path("/dev/zero")).endswith(expected)


def test_a_file_nested_too_deeply_is_refused(written):
    file = written("[" * 20_000)

    assert refusal(file) == (f"The run config '{file}' is nested too deeply; write fewer levels.")
