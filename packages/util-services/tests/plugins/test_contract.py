"""What third parties rely on: the names of the hooks, and that loading them is light."""

import inspect
import json
import subprocess
import sys

from util_services.plugins import CONTRACT_VERSION, PluginManager, specs
from util_services.plugins.conformance import HEAVY_MODULES, check_plugin

HOOKS = {  # an entry may be added; removing or changing one breaks every plugin outside
    "register_hookspecs": "Iterable[ModuleType]",
    "register_ops": "Iterable[dg.OpDefinition | dg.GraphDefinition]",
    "register_pipelines": "Iterable[Traversable]",
    "register_partitions": "Iterable[Traversable]",
    "register_jobs": "Iterable[dg.JobDefinition]",
    "register_assets": "Iterable[dg.AssetsDefinition | dg.AssetSpec | dg.AssetChecksDefinition]",
    "register_resources": "Mapping[str, Any]",
    "register_sensors": "Iterable[dg.SensorDefinition]",
    "register_schedules": "Iterable[dg.ScheduleDefinition]",
    "register_loggers": "Mapping[str, dg.LoggerDefinition]",
    "register_commands": "Iterable[click.Command]",
    "register_key_providers": "Iterable[Any]",
    "register_storages": "Iterable[Any]",
    "register_notifiers": "Iterable[Notifier]",
    "register_release_checks": "Iterable[ReleaseCheck]",
    "register_derivations": "Iterable[Callable[[str], Iterable[Derived]]]",
    "register_step_descriptions": "Mapping[str, Callable[[StepReport], Description]]",
    "register_report_sections": "Iterable[Callable[[Report], Iterable[Section]]]",
    "register_health_checks": "Iterable[Callable[[HealthContext], str]]",
    "register_recorders": "Iterable[RunRecorder]",
    "register_equipment": "Iterable[Callable[[], str]]",
}


def hooks_in_specs():
    return {
        name: function
        for name, function in vars(specs).items()
        if name.startswith("register_") and inspect.isfunction(function)
    }


def test_the_hooks_of_the_contract_are_these():
    signatures = {name: inspect.signature(spec) for name, spec in hooks_in_specs().items()}

    assert {name: str(s.return_annotation) for name, s in signatures.items()} == HOOKS
    assert not any(signature.parameters for signature in signatures.values())
    assert CONTRACT_VERSION == 1


def test_every_installed_hook_is_known_to_the_manager():
    manager = PluginManager(allowed=["util-services"], blocked=())

    assert set(manager.hooks) == set(HOOKS)


def test_every_hook_is_documented_in_a_sentence():
    for name, spec in hooks_in_specs().items():
        assert spec.__doc__, name
        assert spec.__doc__.startswith("Return "), name


def test_finding_and_importing_all_plugins_imports_neither_dagster_nor_anything_heavy():
    program = (
        "import json, sys, util_services.cli.main; from util_services.plugins import PluginManager;"
        "PluginManager().named('register_commands'); print(json.dumps(list(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert not {"dagster", *HEAVY_MODULES} & set(json.loads(answer.stdout))


def test_util_services_keeps_its_own_rules():
    check_plugin("util-services")
