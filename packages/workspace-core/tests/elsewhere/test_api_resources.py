"""Data of services: a hash that is written down, and honest answers about the rest."""

import pytest

from workspace_core import api
from workspace_core.errors import ConfigurationError, NotSupportedError


def test_a_snapshot_keeps_the_hash_that_was_written_down_last(work, state):
    api.add("api-resource", "source-data", (), work, name="weather")
    api.set_api_resource_hash("weather", "etag-1", work)
    api.take_snapshot(work, "first")
    api.set_api_resource_hash("weather", "etag-2", work)

    assert state(work) == ("changed", [("hash", "modified")])
    api.take_snapshot(work, "second")
    api.set_api_resource_hash("weather", "etag-1", work)
    api.take_snapshot(work, "third")

    assert [one.state for one in api.diff("first", "second", work).resources] == ["different"]
    assert [one.state for one in api.diff("first", "third", work).resources] == ["same"]
    assert state(work) == ("unchanged", [])


def test_a_resource_of_which_nothing_was_fetched_is_in_no_snapshot_and_stops_none(work, state):
    api.add("api-resource", "source-data", (), work, name="weather")

    api.take_snapshot(work, "first")

    assert state(work) == ("unchanged", [])


def test_a_restore_says_that_there_is_nothing_to_restore(work, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a").write_text("one")
    api.add("api-resource", "source-data", (), work, name="weather")
    api.add("local-files", "source-data", str(tmp_path / "raw"), work)
    api.set_api_resource_hash("weather", "etag-1", work)
    api.take_snapshot(work, "first")

    assert api.restore("first", work) == 0  # what can be restored is
    with pytest.raises(ConfigurationError, match="'weather' cannot be restored: its data are"):
        api.restore("first", work, only=["weather"])
    with pytest.raises(ConfigurationError, match="'weather' cannot be restored"):
        api.restore("first", work, strict=True)


def test_roles_that_take_files_are_refused(work):
    with pytest.raises(ConfigurationError, match="cannot have the role 'results'"):
        api.add("api-resource", "results", (), work, name="weather")
    with pytest.raises(ConfigurationError, match="give one with --name"):
        api.add("api-resource", "source-data", (), work)


@pytest.mark.parametrize("value", ["", "two\nlines", "x" * 1001])
def test_a_hash_is_a_text_of_one_line(work, value):
    api.add("api-resource", "source-data", (), work, name="weather")

    with pytest.raises(ConfigurationError, match="must be a text of one line"):
        api.set_api_resource_hash("weather", value, work)


def test_only_api_resources_have_a_hash_that_is_written_down(work, tmp_path):
    (tmp_path / "raw").mkdir()
    api.add("local-files", "source-data", str(tmp_path / "raw"), work)

    with pytest.raises(NotSupportedError, match="whose content is looked at"):
        api.set_api_resource_hash("raw", "1", work)
    api.add("api-resource", "source-data", (), work, name="weather")
    with pytest.raises(NotSupportedError, match="has no files"):
        api.get_filesystem_for_resource("weather", work)


def test_what_was_recorded_of_a_resource_is_never_changed_by_a_snapshot(work):
    """WS-23: the hash leaked into the parameters of the resource."""
    api.add("api-resource", "source-data", (), work, name="weather")
    file = f"{work}/.dataworkspace/resources/weather.json"
    with open(file) as opened:
        before = opened.read()
    api.set_api_resource_hash("weather", "etag-1", work)
    api.take_snapshot(work, "first")
    api.take_snapshot(work, "second")

    with open(file) as opened:
        assert opened.read() == before
