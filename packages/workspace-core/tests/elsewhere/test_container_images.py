"""Code as container images: tags that move, digests that stay, on a real registry."""

import os
import subprocess

import pytest

from workspace_core import api
from workspace_core.errors import ConfigurationError
from workspace_core.resources.errors import OutOfReachError
from workspace_core.workspace import find_and_load_workspace


def image_of(work):
    (resource,) = find_and_load_workspace(work, batch=True).get_resources()
    return resource


def test_a_snapshot_keeps_the_digest_that_the_tag_leads_to(work, registry):
    digest = registry.put("clinic/kept", "1.4", {"build": "1"})
    api.add("container-image", "code", f"{registry.host}/clinic/kept:1.4", work)
    assert [one.name for one in api.get_resource_info(work)] == ["kept"]

    api.take_snapshot(work, "first")

    snapshot = find_and_load_workspace(work, batch=True).get_snapshot_by_tag_or_hash("first")
    assert snapshot.more["resources"] == {
        "kept": {"image": f"{registry.host}/clinic/kept@{digest}"}
    }


def test_a_tag_that_moves_is_a_change_and_a_restore_goes_back_to_the_digest(work, registry, state):
    old = registry.put("clinic/moving", "stable", {"build": "1"})
    api.add("container-image", "code", f"{registry.host}/clinic/moving:stable", work)
    api.take_snapshot(work, "first")
    new = registry.put("clinic/moving", "stable", {"build": "2"})

    assert state(work) == ("changed", [("digest", "modified")])
    assert [one.state for one in api.diff("first", None, work).resources] == ["different"]
    api.take_snapshot(work, "second")
    assert api.restore("first", work) == 1

    assert image_of(work).digest() == old
    (found,) = api.status(work)
    assert found.state == "unchanged"
    assert found.reason.startswith(f"The tag 'stable' leads to {new} now")
    api.config(work, "reads", "live", "moving")
    assert image_of(work).digest() == new


def test_the_command_says_which_image_it_is_and_that_nothing_is_downloaded(work, registry):
    digest = registry.put("clinic/told", "1", {})
    dws = ["dws", "--batch"]
    told = subprocess.run(
        [*dws, "add", "container-image", f"{registry.host}/clinic/told:1"],
        cwd=work, capture_output=True, text=True,
    )  # fmt: skip
    assert told.stdout == "Resource told (code, container-image) added.\n", told.stderr
    subprocess.run([*dws, "snapshot", "first"], cwd=work, check=True, capture_output=True)

    restored = subprocess.run([*dws, "restore", "first"], cwd=work, capture_output=True, text=True)

    place = f"{registry.host}/clinic/told@{digest}"
    assert f"told: 1 change\n  The image is {place}; nothing is downloaded.\n" in restored.stdout


def test_an_image_that_is_named_by_its_digest_needs_no_registry(work, state):
    digest = f"sha256:{'a' * 64}"
    api.add("container-image", "code", f"nowhere.invalid/model@{digest}", work)
    api.take_snapshot(work, "first")

    assert state(work) == ("unchanged", [])
    assert image_of(work).digest() == digest


@pytest.mark.parametrize(
    "reference",
    [
        "python",
        "docker.io/library/python",
        "HOST:5000/Upper:1",
        "h.example/a:",
        "h.example/a@sha256:1",
        "https://h.example/a:1",
        "user:secret@h.example/a:1",
        f"h.example/a@sha512:{'a' * 64}",
    ],
)
def test_what_names_no_image_is_refused(work, reference):
    with pytest.raises(ConfigurationError, match="HOST/NAME:TAG"):
        api.add("container-image", "code", reference, work, name="model")
    assert api.get_resource_info(work) == []


def test_an_image_that_the_registry_does_not_have_is_refused(work, registry):
    with pytest.raises(OutOfReachError, match="The registry has no image"):
        api.add("container-image", "code", f"{registry.host}/clinic/none:1", work)
    with pytest.raises(ConfigurationError, match="A container image is code"):
        api.add("container-image", "results", f"{registry.host}/clinic/none:1", work)


def test_a_registry_out_of_reach_is_one_sentence(work, registry):
    registry.put("clinic/gone", "1", {})
    api.add("container-image", "code", f"{registry.host}/clinic/gone:1", work)
    api.take_snapshot(work, "first")
    api.config(work, "reference", "127.0.0.1:9/clinic/gone:1", "gone")

    (found,) = api.status(work)
    assert found.state == "unreadable"
    assert found.reason.endswith(
        "does not answer (ConnectionRefusedError); check its name and the network."
    )
    assert api.restore("first", work) == 1  # which needs no registry


def test_credentials_are_used_and_recorded_nowhere(work, closed_registry, monkeypatch):
    closed_registry.put("clinic/secret", "1", {})
    monkeypatch.setenv("DATA_SERVICES_REGISTRY_USER", closed_registry.user)
    monkeypatch.setenv("DATA_SERVICES_REGISTRY_PASSWORD", closed_registry.password)
    api.add("container-image", "code", f"{closed_registry.host}/clinic/secret:1", work)
    api.take_snapshot(work, "first")

    for above, _, files in os.walk(work):
        for name in files:
            with open(os.path.join(above, name), "rb") as file:
                assert closed_registry.password.encode() not in file.read()


def test_a_registry_that_somebody_else_has_named_gets_no_credentials_unasked(
    work, closed_registry, monkeypatch
):
    closed_registry.put("clinic/foreign", "1", {})
    monkeypatch.setenv("DATA_SERVICES_REGISTRY_USER", closed_registry.user)
    monkeypatch.setenv("DATA_SERVICES_REGISTRY_PASSWORD", closed_registry.password)
    api.add("container-image", "code", f"{closed_registry.host}/clinic/foreign:1", work)
    os.unlink(f"{work}/.dataworkspace/local/resources/foreign/params.json")  # as in a clone

    with pytest.raises(OutOfReachError, match="It gets no credentials of this machine; let it"):
        api.take_snapshot(work)
    api.config(work, "credentials", "true", "foreign")
    api.take_snapshot(work)
