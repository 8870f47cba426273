import re

from click.testing import CliRunner

from util_services.cli.check import check


def test_what_plugins_bring_is_counted_in_words_that_fit():
    answer = CliRunner().invoke(check)

    assert answer.exit_code == 0
    counted = re.findall(r"(\d+) ([a-z ]+)", answer.output)
    assert ("1", "logger") in counted
    assert not [things for count, things in counted if count == "1" and things.endswith("s")]
