import pickle

import pytest

from util_services.errors import PluginLoadError
from util_services.plugins import PluginManager, is_strict

SPECS = """
import types
from collections.abc import Iterable
specs = types.ModuleType("specs")
def {name}({arguments}) -> {returns}: ...
specs.{name} = hookspec({name})
del {name}
@hookimpl
def register_hookspecs():
    return [specs]
"""


def hook(name, body):
    return f"@hookimpl\ndef {name}():\n    {body}\n"


def reasons(manager):
    return [failure.reason for failure in manager.failures]


def test_plugins_count_in_the_order_util_services_code_location_then_by_name(load):
    manager = load(zebra="", data_services="", aardvark="")

    distributions = [plugin.distribution for plugin in manager.plugins]
    assert distributions == ["util-services", "data-services", "aardvark", "zebra"]


def test_a_hook_is_called_once_however_often_its_results_are_asked_for(load):
    body = "calls.append(1); return [len(calls)]"
    manager = load(counting="calls = []\n" + hook("register_storages", body))

    manager.results("register_storages")
    (result,) = manager.results("register_storages")

    assert result.value == (1,)
    assert result.plugin.distribution == "counting"


def test_a_hook_may_yield_its_objects(load):
    manager = load(yielding=hook("register_storages", "yield print"))

    assert list(manager.named("register_storages")) == ["print"]


def test_one_package_can_implement_the_hook_that_another_adds(load):
    manager = load(
        # 'a' comes first, and its hook is known nevertheless
        a=hook("register_spices", "return [len]"),
        b=SPECS.format(name="register_spices", arguments="", returns="Iterable[object]"),
    )

    assert manager.failures == ()
    assert manager.named("register_spices")["len"].plugin.distribution == "a"


def test_a_hook_of_a_package_that_is_absent_may_be_marked_optional(load):
    manager = load(guest="@hookimpl(optionalhook=True)\ndef register_spices():\n    return []\n")

    assert manager.failures == ()


def test_the_annotation_of_a_spec_says_that_a_hook_returns_a_dictionary(load):
    manager = load(
        a=SPECS.format(name="register_maps", arguments="", returns="dict").replace(
            "-> dict", "-> 'Mapping[str, int]'"
        ),
        b=hook("register_maps", "return {'one': 1}"),
        c=hook("register_maps", "return [1]"),
    )

    assert manager.named("register_maps")["one"].value == 1
    assert reasons(manager) == [
        "The hook 'register_maps' of c 1.0 returned tuple; return a dictionary from name to object."
    ]


@pytest.mark.parametrize(
    ("source", "kind", "reason"),
    [
        (
            "raise SystemExit(3)",
            "import",
            "raised SystemExit: 3; fix the error or uninstall bad.",
        ),
        (
            "DATA_SERVICES_CONTRACT = 2",
            "contract",
            "bad 1.0 is written for version 2 of the plugin contract, and util-services has "
            "version 1; install releases of the two that agree.",
        ),
        (
            "@hookimpl\ndef serve_tea(): ...\n",
            "hook_name",
            "bad 1.0 implements the hook 'serve_tea', which no installed package defines; mark it "
            "optionalhook=True or remove it.",
        ),
        (
            "@hookimpl\ndef register_foo(): ...\n",
            "hook_name",
            "bad 1.0 implements the hook 'register_foo', which no installed package defines; mark "
            "it optionalhook=True or remove it.",
        ),
        (
            "@hookimpl\ndef register_sensor(): ...\n",
            "hook_name",
            "bad 1.0 implements the hook 'register_sensor', which no installed package defines; "
            "rename it to 'register_sensors'.",
        ),
        (
            "def register_jobs(): ...\n",
            "hook_name",
            "'register_jobs' of bad 1.0 would never be called; mark it with @hookimpl.",
        ),
        (
            "@hookimpl\ndef register_jobs(config): ...\n",
            "hook_shape",
            "The hook 'register_jobs' of bad 1.0 takes arguments, and no hook of the contract "
            "does; remove them.",
        ),
        (
            "@hookimpl(wrapper=True)\ndef register_jobs():\n    return (yield)\n",
            "hook_shape",
            "The hook 'register_jobs' of bad 1.0 is a wrapper, and each plugin is called alone; "
            "return objects instead.",
        ),
        (
            SPECS.format(name="register_spices", arguments="kitchen", returns="object"),
            "hook_shape",
            "The hook 'register_spices' of bad takes arguments, and no hook of the contract does; "
            "remove them.",
        ),
        (
            "import json\n" + hook("register_hookspecs", "return [json]"),
            "hook_shape",
            "'json' of bad holds no hookspec; mark its functions with @hookspec.",
        ),
        (
            SPECS.format(name="register_jobs", arguments="", returns="object"),
            "name_taken",
            "The hook 'register_jobs' of bad is already defined by util-services; rename it in "
            "bad.",
        ),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_left_out_on_loading(load, source, kind, reason):
    manager = load(bad=source, good="")

    (failure,) = manager.failures
    assert failure.kind == kind
    assert failure.reason.endswith(reason)
    assert [plugin.distribution for plugin in manager.plugins] == ["util-services", "good"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("pass", "returned NoneType; return a list of objects."),
        ("return 'jobs'", "returned str; return a list of objects."),
        ("return {'a': 1}", "returned dict; return a list of objects."),
        ("return [object()]", "returned a object without a name; give it an attribute 'name'."),
    ],
)
def test_a_hook_that_returns_something_else_leaves_its_plugin_out(load, body, reason):
    manager = load(bad=hook("register_storages", body))

    assert manager.named("register_storages") == {}
    assert reasons(manager) == [f"The hook 'register_storages' of bad 1.0 {reason}"]


def test_an_error_while_a_hook_yields_leaves_its_plugin_out(load):
    manager = load(bad=hook("register_storages", "yield 1 / 0"))

    assert manager.results("register_storages") == ()
    assert manager.failures[0].kind == "hook_error"


def test_a_failure_takes_back_what_the_plugin_registered_before(load):
    manager = load(
        bad=hook("register_storages", "return [len]") + hook("register_notifiers", "raise KeyError")
    )
    before = list(manager.named("register_storages"))

    manager.call_every_hook()

    assert (before, list(manager.named("register_storages"))) == (["len"], [])


def test_the_second_to_bring_a_name_is_left_out_and_both_are_named(load):
    manager = load(
        one=hook("register_storages", "return [len]"), two=hook("register_storages", "return [len]")
    )

    assert manager.named("register_storages")["len"].plugin.distribution == "one"
    assert reasons(manager) == [
        "The storage 'len' of two 1.0 is already taken by one 1.0; rename it in two, or leave one "
        "of the two out with DATA_SERVICES_PLUGINS_BLOCK."
    ]


def test_a_name_that_one_plugin_brings_twice_leaves_it_out(load):
    manager = load(bad=hook("register_storages", "return [len, len]"))

    assert manager.named("register_storages") == {}
    assert reasons(manager) == ["bad 1.0 brings the storage 'len' twice; rename one of them."]


def test_a_command_cannot_take_the_name_of_a_built_in_one(load):
    source = "import click\n@click.command\ndef check(): ...\n"
    manager = load(bad=source + hook("register_commands", "return [check]"))

    assert manager.named("register_commands")["check"].plugin.distribution == "util-services"
    assert manager.failures[0].kind == "name_taken"


def test_a_failure_is_logged_once_with_its_traceback(load, caplog):
    manager = load(bad=hook("register_storages", "raise KeyError('shelf')"))

    manager.named("register_storages")
    manager.call_every_hook()

    (record,) = caplog.records
    assert record.getMessage().startswith("bad 1.0 is left out: The hook 'register_storages'")
    assert isinstance(record.exc_info[1], KeyError)


def test_strict_mode_raises_one_error_that_lists_all_failures_and_survives_pickling(load):
    manager = load(bad="raise OSError", worse="1 / 0")

    with pytest.raises(PluginLoadError) as caught:
        manager.raise_failures()

    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert str(copy) == str(caught.value)
    assert copy.failures == manager.failures
    assert str(copy).count("\n- ") == 2


@pytest.mark.parametrize(
    ("choice", "setting", "validation", "expected"),
    [
        (None, None, None, False),
        (None, "true", None, True),
        (None, None, "1", True),
        (None, "false", "1", False),
        (False, "true", "1", False),
        (True, None, None, True),
    ],
)
def test_strictness_is_the_argument_then_the_setting_then_dagsters_validation(
    monkeypatch, choice, setting, validation, expected
):
    for name, value in {
        "DATA_SERVICES_STRICT": setting,
        "DAGSTER_IS_DEFS_VALIDATION_CLI": validation,
    }.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)

    assert is_strict(choice) is expected


def test_the_lists_in_the_environment_compare_names_as_pep_503_does(install, monkeypatch):
    install("spice-rack", "")
    install("tea-pot", "")
    monkeypatch.setenv("DATA_SERVICES_PLUGINS", "Spice.Rack, tea-pot")
    monkeypatch.setenv("DATA_SERVICES_PLUGINS_BLOCK", "TEA_POT,util-services")

    manager = PluginManager()

    assert [p.distribution for p in manager.plugins] == ["util-services", "spice-rack"]
    assert "tea-pot" in [p.distribution for p in manager.blocked]


def test_the_report_tells_what_each_hook_brought(load):
    manager = load(a=hook("register_storages", "return [len, max]"))

    manager.call_every_hook()

    entry = manager.report().to_dict()["plugins"][-1]
    assert entry == {
        "distribution": "a",
        "version": "1.0",
        "entry_point": "a",
        "commit": None,
        "hooks": {"register_storages": 2},
        "jobs": 0,
    }
