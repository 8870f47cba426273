"""The check that authors of plugins run, on a plugin that keeps the rules and one that does not."""

import sys

CHECK = (
    "import sys; from util_services.plugins.conformance import check_plugin as c; c(sys.argv[1])"
)


def test_a_plugin_that_keeps_the_rules_passes(run):
    answer = run(["good-plugin"], sys.executable, "-c", CHECK, "good_plugin")

    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_plugin_that_breaks_rules_is_told_all_of_them(run):
    answer = run(["sloppy-plugin"], sys.executable, "-c", CHECK, "sloppy-plugin")

    assert answer.returncode == 1
    for violation in (
        "Loading it imports pandas; import that inside the operation which needs it.",
        "The job 'sloppy_job' has no description; write a docstring.",
        "The default config of 'sloppy_job' is not valid: ",
        "The op 'SloppyOp' is not named in snake_case.",
        "The config field 'limit' of 'SloppyOp' has no description.",
        "'Shout' is no util_services.notifications.channel.Notifier.",
    ):
        assert answer.stderr.count(f"- {violation}") == 1


def test_the_failure_of_a_plugin_that_does_not_load_is_a_violation(run):
    answer = run(["misspelt-hook-plugin"], sys.executable, "-c", CHECK, "misspelt-hook-plugin")

    assert "- misspelt-hook-plugin 1.0 implements the hook 'register_job'" in answer.stderr


def test_a_distribution_without_the_entry_point_is_a_violation(run):
    answer = run([], sys.executable, "-c", CHECK, "click")

    assert "has no entry point in the group 'data_services'" in answer.stderr
