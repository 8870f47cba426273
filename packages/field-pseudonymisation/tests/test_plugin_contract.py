from field_pseudonymisation.registry import techniques
from field_pseudonymisation.techniques.technique import Technique
from util_services.plugins.conformance import check_plugin
from util_services.plugins.manager import plugin_manager

NAMES = (
    "hash encrypt format_preserving_encrypt tokenise mask redact replace generalise date_shift "
    "noise shuffle nullify drop retain detect_text"
)


def test_the_plugin_keeps_the_contract():
    check_plugin("field-pseudonymisation")


def test_all_techniques_come_through_the_hook():
    found = techniques()

    assert set(found) == set(NAMES.split())
    assert all(isinstance(one, Technique) and one.summary and one.term for one in found.values())


def test_every_option_of_every_technique_is_described():
    for technique in techniques().values():
        for name, info in technique.options.model_fields.items():
            assert info.description, f"{technique.name}.{name}"


def test_detectors_have_a_hook_of_their_own():
    assert "register_detectors" in plugin_manager().hooks
