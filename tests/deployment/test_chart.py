"""The chart and the manifest, rendered by Helm and held against the schemas of Kubernetes."""

import copy
import json

import dagster as dg
import pytest
import yaml

from util_services.deployment.manifest import value_at, with_value

COMMIT = "0123456789abcdef0123456789abcdef01234567"
KEY = "deployments.data-services.image.tag"
SECRETS = [{"secretRef": {"name": f"data-services-{name}"}} for name in ("s3", "keysets")]


@pytest.fixture(scope="module")
def folder(workspace):
    return workspace / "code-locations/data-services/deploy"


@pytest.fixture(scope="module")
def manifest(folder):
    """The manifest once the deployment has set a tag."""
    return yaml.safe_load(with_value((folder / "values.yaml").read_text(), KEY, COMMIT))


@pytest.fixture(scope="module")
def rendered(folder, manifest):
    return render(folder, manifest)


def render(folder, values):
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")
    texts = helm.Chart.load(folder / "chart").render(values, name="platform")
    documents = [found for text in texts.values() for found in yaml.safe_load_all(text) if found]
    return {document["kind"]: document for document in documents}


def assert_valid(document):
    kubernetes = pytest.importorskip("kubernetes_validate", reason="it is not installed")
    kubernetes.validate(document, kubernetes.latest_version(), strict=True)


def container_of(rendered):
    [container] = rendered["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


def test_what_is_rendered_keeps_the_schemas_of_kubernetes_strictly(rendered):
    assert set(rendered) == {"Deployment", "NetworkPolicy", "Service", "ServiceAccount"}
    for document in rendered.values():
        assert_valid(document)


def test_helm_finds_nothing_to_warn_of(folder, manifest):
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")

    report = helm.lint(folder / "chart", manifest, strict=True)

    assert report["errors"] == []
    assert {m["error"] for m in report["messages"]} <= {"icon is recommended"}


def test_the_code_server_runs_the_tag_that_the_deployment_has_set(folder, rendered):
    container = container_of(rendered)

    assert value_at((folder / "values.yaml").read_text(), KEY) == ""
    assert container["image"] == f"gitea.example.org/data-services/data-services:{COMMIT}"
    assert " ".join(container["args"]) == (
        "dagster code-server start -h 0.0.0.0 -p 4000 -m data_services.repository"
    )
    assert rendered["Service"]["spec"]["ports"][0]["port"] == 4000


def test_secrets_are_named_and_never_written(rendered):
    container = container_of(rendered)
    password = next(v for v in container["env"] if v["name"] == "DAGSTER_PG_PASSWORD")

    assert password["valueFrom"]["secretKeyRef"] == {
        "name": "dagster-postgresql-secret",
        "key": "postgresql-password",
    }
    assert container["envFrom"] == SECRETS
    assert "Secret" not in rendered


def test_the_pod_has_no_rights_that_it_does_not_need(rendered):
    pod = rendered["Deployment"]["spec"]["template"]["spec"]
    container = container_of(rendered)

    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]
    assert rendered["NetworkPolicy"]["spec"]["ingress"][0]["from"] == [{"podSelector": {}}]


def test_probes_ask_the_health_service_of_dagsters_code_server(rendered):
    container = container_of(rendered)

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"] == {"port": 4000, "service": "DagsterApi"}


@pytest.mark.filterwarnings("default")
def test_the_pods_of_runs_get_settings_secrets_and_limits_from_the_code_server(rendered):
    """Dagster's own code makes the job of a run from what the code server hands out."""
    pytest.importorskip("dagster_k8s", reason="dagster-k8s is not installed")
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job
    from kubernetes.client import ApiClient

    container = container_of(rendered)
    handed_out = next(v for v in container["env"] if v["name"] == "DAGSTER_CONTAINER_CONTEXT")
    context = K8sContainerContext.create_from_config(json.loads(handed_out["value"]))

    job = ApiClient().sanitize_for_serialization(
        construct_dagster_k8s_job(
            DagsterK8sJobConfig(
                job_image=container["image"], dagster_home="/opt/dagster/dagster_home"
            ),
            args=["dagster", "api", "execute_run"],
            job_name="dagster-run-1",
            pod_name="dagster-run-1",
            component="run_worker",
            user_defined_k8s_config=context.run_k8s_config,
        )
    )

    assert_valid(job)
    pod = job["spec"]["template"]["spec"]
    [run] = pod["containers"]
    assert run["image"] == container["image"]
    assert run["envFrom"] == SECRETS
    assert run["securityContext"] == container["securityContext"]
    assert run["resources"] == container["resources"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted <= {mount["mountPath"] for mount in run["volumeMounts"]}
    settings = {v["name"]: v.get("value") for v in run["env"]}
    assert settings["DATA_SERVICES_ROOT"] == "/data"
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["enableServiceLinks"] is False


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda one: one["image"].update(tag=""), "minLength"),
        (lambda one: one["image"].update(tag="latest"), "/image/tag"),
        (lambda one: one["image"].pop("tag"), "missing propert"),
        (lambda one: one.update(resource={}), "additional properties 'resource'"),
        (lambda one: one.update(port="4000"), "want integer"),
        (lambda one: one.update(name="data_services"), "does not match pattern"),
        (lambda one: one["envSecrets"].append({"value": "hunter2"}), "missing propert"),
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused(folder, manifest, change, fault):
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")
    wrong = copy.deepcopy(manifest)
    change(wrong["deployments"][0])

    with pytest.raises(helm.HelmError, match=fault):
        render(folder, wrong)


@pytest.fixture(scope="module")
def instance_config(folder, manifest):
    """The Dagster instance that the chart makes on request."""
    rendered = render(folder, manifest | {"instance": {"create": True}})
    assert_valid(rendered["ConfigMap"])
    return yaml.safe_load(rendered["ConfigMap"]["data"]["dagster.yaml"])


def test_the_instance_of_the_chart_says_what_that_of_other_machines_says(folder, instance_config):
    elsewhere = yaml.safe_load((folder / "dagster.yaml").read_text())
    instance = copy.deepcopy(instance_config)

    assert instance.pop("run_launcher")["class"] == "K8sRunLauncher"
    assert instance == elsewhere


@pytest.mark.filterwarnings("default")
def test_dagster_accepts_the_instance_and_launches_runs_as_pods(
    instance_config, monkeypatch, tmp_path
):
    """Dagster's own code reads the queue, the limits, the retries and the launcher from it."""
    pytest.importorskip("dagster_k8s", reason="dagster-k8s is not installed")
    from dagster._config import process_config
    from dagster._core.instance.config import dagster_instance_config
    from dagster_k8s.launcher import K8sRunLauncher

    monkeypatch.setenv("DAGSTER_K8S_NAMESPACE", "runs")
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(instance_config))
    read, _ = dagster_instance_config(str(tmp_path))
    launcher = process_config(
        dg.Shape(K8sRunLauncher.config_type()), instance_config["run_launcher"]["config"]
    )

    assert launcher.success, launcher.errors
    assert read["run_retries"]["max_retries"] == 1
    limits = read["concurrency"]["runs"]["tag_concurrency_limits"]
    assert [(one["key"], one["limit"]) for one in limits] == [
        ("dagster/backfill", 4),
        ("data_services/object", 1),
    ]


@pytest.mark.filterwarnings("default")
def test_the_pods_of_steps_get_what_the_pods_of_runs_get(rendered):
    """The executor that gives steps pods merges what the code server hands out, too."""
    pytest.importorskip("dagster_k8s", reason="dagster-k8s is not installed")
    from dagster_k8s.container_context import K8sContainerContext

    from util_services.runs.executors import in_process_or_multiprocess_executor

    container = container_of(rendered)
    handed_out = next(v for v in container["env"] if v["name"] == "DAGSTER_CONTAINER_CONTEXT")
    run = K8sContainerContext.create_from_config(json.loads(handed_out["value"]))
    step = run.merge(K8sContainerContext())

    assert step.run_k8s_config == run.run_k8s_config
    fields = in_process_or_multiprocess_executor.config_schema.config_type.fields
    assert set(fields) == {"in_process", "multiprocess", "k8s"}


def test_two_code_locations_stand_side_by_side(folder, manifest):
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed")
    two = copy.deepcopy(manifest)
    two["deployments"].append(copy.deepcopy(two["deployments"][0]) | {"name": "second"})
    two["imagePullSecrets"] = [{"name": "gitea"}]

    texts = helm.Chart.load(folder / "chart").render(two, name="platform")

    for text in texts.values():
        for document in filter(None, yaml.safe_load_all(text)):
            assert_valid(document)
    services = yaml.safe_load_all(texts["data-services/templates/service.yaml"])
    assert [s["metadata"]["name"] for s in services if s] == ["data-services", "second"]
