"""The pages and manifests of the webhook say what the code does: tables, ports, probes, deadlines, examples."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest
import yaml

pytest.importorskip("fastapi", reason='pip install "govkernel[admission]"')

from fastapi.routing import APIRoute

from govkernel.admission import app, certificates, extract, message, metrics, review, service, tls
from govkernel.admission.extractors import servers
from govkernel.admission.extractors.servers import Place
from govkernel.config import STATE, Settings, load_settings
from govkernel.domain.policy import PackMode
from govkernel.domain.request import MAX_ARTIFACTS
from govkernel.plugins import PluginHost

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "admission.md"
HOW_TO = ROOT / "docs" / "how-to" / "install-webhook.md"
MANIFESTS = ROOT / "docs" / "examples" / "kubernetes"
REVIEWS = sorted((ROOT / "docs" / "examples" / "reviews").glob("*.json"))
DEFAULTS = Settings().admission
WITH_ACCELERATOR = "; beside an accelerator if it looks like a model"


def listed(names: Any) -> str:
    """Names as the page writes them: sorted, in code."""
    return ", ".join(f"`{name}`" for name in sorted(names))


def place_rows(places: Mapping[str, Place], weak: str = "") -> Iterator[str]:
    """One row for each meaning that flags or variables have; ``weak``: where else those of servers count."""
    order = sorted(places, key=lambda name: (repr(places[name]), name))
    for place, names in itertools.groupby(order, key=lambda name: places[name]):
        when = (
            "a model server; elsewhere if it looks like a model" if place.strong else f"a model server{weak}"
        )
        form = "several, `name=value`, JSON" if place.listed else "one"
        form = "one, `:` begins a quantisation" if place.quantised else form
        yield f"| {listed(names)} | {place.kind} | {form} | {when} |"


def server_rows() -> Iterator[str]:
    yield f"| images, by a part of the repository name | {listed(servers.IMAGES)} |"
    yield f"| programs, by base name | {listed(servers.PROGRAMS)} |"
    yield f"| modules after `python -m`, by their beginning | {listed(servers.MODULES)} |"
    yield f"| servers that load what a client asks for | {listed(servers.ON_REQUEST)} |"
    yield f"| images that load models into a volume | {listed(servers.DOWNLOADERS)} |"
    yield f"| commands that a model's name follows | {listed(' '.join(item) for item in servers.POSITIONAL)} |"
    yield f"| programs that serve nothing, even in an image that could | {listed(servers.HARMLESS)} |"
    yield f"| settings files, which a manifest does not show | {listed(servers.CONFIG_FLAGS)} |"
    yield f"| parts of the names of accelerators | {listed(servers.ACCELERATORS)} |"


def kind_rows() -> Iterator[str]:
    yield f"| groups that serve models | {listed(extract.AI_GROUPS)} |"
    yield f"| kinds that serve models | {listed(' '.join(item) for item in extract.AI_KINDS)} |"
    yield f"| sub-resources let through unasked | {listed(service.HARMLESS_SUB_RESOURCES)} |"


def limit_rows() -> Iterator[str]:
    yield f"| seconds for one answer, body included | {app.DEFAULT_DEADLINE:g} |"
    yield f"| seconds of them for the kernel (`kernel.deadline`) | {Settings().kernel.deadline:g} |"
    yield f"| reviews under way | {app.MAX_REVIEWS} |"
    yield f"| bytes of a review | {review.MAX_BYTES:,} |"
    yield f"| depth of its JSON | {review.MAX_DEPTH} |"
    yield f"| groups of a user | {review.MAX_GROUPS}, of which {service.MAX_ATTRIBUTE_GROUPS} are recorded |"
    yield f"| artifacts of an object | {MAX_ARTIFACTS} |"
    yield f"| characters of a message | {message.MAX_MESSAGE:,} |"
    yield f"| warnings | {message.MAX_WARNINGS} of {message.MAX_WARNING} characters |"
    yield f"| characters of an audit annotation | {message.MAX_ANNOTATION:,} |"
    life, early = certificates.SERVER_LIFE.days, certificates.RENEW_BEFORE.days
    yield f"| days of a server certificate | {life}, renewed {early} before |"
    yield f"| seconds between looks at the certificate files | {tls.LOOK_EVERY:g} |"


TABLES: dict[str, list[str]] = {
    "flags": list(place_rows(servers.FLAGS)),
    "short flags": list(place_rows(servers.SHORT_FLAGS)),
    "variables": list(place_rows(servers.VARIABLES, WITH_ACCELERATOR)),
    "servers": list(server_rows()),
    "kinds": list(kind_rows()),
    "limits": list(limit_rows()),
}


def load(name: str) -> list[dict[str, Any]]:
    """The objects of a manifest."""
    return list(yaml.safe_load_all((MANIFESTS / name).read_text(encoding="utf-8")))


def one(name: str, kind: str) -> dict[str, Any]:
    return next(item for item in load(name) if item["kind"] == kind)


def pod() -> dict[str, Any]:
    return one("deployment.yaml", "Deployment")["spec"]["template"]["spec"]


def server() -> dict[str, Any]:
    return pod()["containers"][0]


def webhook() -> dict[str, Any]:
    (found,) = one("webhook.yaml", "ValidatingWebhookConfiguration")["webhooks"]
    return found


def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """The settings that the ConfigMap amounts to."""
    for name in [name for name in os.environ if name.startswith("GOVKERNEL_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "govkernel.toml"
    file.write_text(one("config.yaml", "ConfigMap")["data"]["govkernel.toml"], encoding="utf-8")
    return load_settings(file)


def routes() -> dict[str, set[str]]:
    """Methods of each path that the webhook answers."""
    made = app.create_app(cast("Any", None), PluginHost())
    return {route.path: set(route.methods or ()) for route in made.routes if isinstance(route, APIRoute)}


@pytest.mark.parametrize("title", TABLES)
def test_a_table_of_the_reference_is_what_the_code_knows(title: str) -> None:
    page = set(PAGE.read_text(encoding="utf-8").splitlines())
    assert [row for row in TABLES[title] if row not in page] == []


def test_the_reference_knows_every_reason_for_not_understanding() -> None:
    folders = ("govkernel/admission", "govkernel/domain", "plugins/kserve/govkernel_kserve")
    code = "\n".join(
        path.read_text(encoding="utf-8") for name in folders for path in (ROOT / name).rglob("*.py")
    )
    reasons = set(
        re.findall(r"""(?:unknown\(|problem=|NO_MODEL: Final = |else )"([a-z]+[-/][a-z/-]+)\"""", code)
    )
    assert {"no-model-named", "not-in-manifest", "volume/missing", "in-a-base-configuration"} <= reasons
    page = PAGE.read_text(encoding="utf-8")
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in page] == []


def test_the_reference_names_every_endpoint_metric_and_audit_annotation() -> None:
    page = PAGE.read_text(encoding="utf-8")
    source = Path(str(message.__file__)).read_text(encoding="utf-8")
    annotations = re.findall(r'^        "([a-z-]+)": ', source, flags=re.MULTILINE)
    named = [f"`{method} {path}`" for path, methods in routes().items() for method in methods]
    named += [f"`{name}`" for name in re.findall(r"# TYPE (\w+)", metrics.Metrics().render(PluginHost()))]
    named += [f"`{name}`" for name in (*annotations, "not-judged")]
    assert len(annotations) > 3
    assert [name for name in named if name not in page] == []


def test_codes_on_the_pages_are_documented() -> None:
    errors = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8") + HOW_TO.read_text(encoding="utf-8")
    areas = "admission|audit|certificates|plugin|trust"
    codes = set(re.findall(rf"`((?:{areas})\.[a-z]+(?:-[a-z]+)*)`", text))
    assert len(codes) > 10
    assert [code for code in sorted(codes) if f"`{code}`" not in errors] == []


def test_the_webhook_fails_closed_and_waits_longer_than_we_take() -> None:
    hook = webhook()
    assert hook["failurePolicy"] == "Fail"
    assert hook["timeoutSeconds"] > app.DEFAULT_DEADLINE > Settings().kernel.deadline
    assert hook["admissionReviewVersions"] == [review.API_VERSION.rpartition("/")[2]]
    assert hook["sideEffects"] == "None"


def test_the_webhook_leads_to_the_door() -> None:
    service_at = webhook()["clientConfig"]["service"]
    made = one("deployment.yaml", "Service")
    assert (service_at["namespace"], service_at["name"]) == ("govkernel", made["metadata"]["name"])
    assert service_at["port"] == made["spec"]["ports"][0]["port"]
    assert "POST" in routes()[service_at["path"]]
    assert f"{service_at['name']}.{service_at['namespace']}.svc" in DEFAULTS.names


def test_ports_are_the_default_port() -> None:
    (port,) = server()["ports"]
    assert port["containerPort"] == DEFAULTS.port
    assert one("deployment.yaml", "Service")["spec"]["ports"][0]["targetPort"] == port["name"]
    (ingress,) = one("network-policy.yaml", "NetworkPolicy")["spec"]["ingress"]
    assert ingress["ports"] == [{"protocol": "TCP", "port": DEFAULTS.port}]


@pytest.mark.parametrize("name", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_probes_ask_what_the_door_answers(name: str) -> None:
    probe = server()[name]["httpGet"]
    assert probe["scheme"] == "HTTPS"
    assert "GET" in routes()[probe["path"]]
    assert (name == "readinessProbe") == (probe["path"] == "/readyz")


def test_the_rules_cover_every_group_and_kind_that_is_known_to_serve_models() -> None:
    everything = [rule for rule in webhook()["rules"] if rule["resources"] == ["*"]]
    groups = {group for rule in everything for group in rule["apiGroups"]}
    assert groups == extract.AI_GROUPS | {group for group, _ in extract.AI_KINDS}
    assert all(rule["operations"] == ["CREATE", "UPDATE"] for rule in webhook()["rules"])


def test_no_rule_asks_about_what_is_let_through_unasked() -> None:
    resources = [name for rule in webhook()["rules"] for name in rule["resources"]]
    assert not {name.partition("/")[2] for name in resources} & service.HARMLESS_SUB_RESOURCES
    assert "pods/ephemeralcontainers" in resources


def test_the_cluster_and_we_ourselves_are_not_asked_about() -> None:
    names, switch = webhook()["namespaceSelector"]["matchExpressions"]
    assert {"kube-system", one("namespace.yaml", "Namespace")["metadata"]["name"]} <= set(names["values"])
    assert {names["operator"], switch["operator"]} == {"NotIn"}
    assert f"kubectl label namespace NAME {switch['key']}={switch['values'][0]}" in HOW_TO.read_text("utf-8")


def test_the_pods_are_hardened() -> None:
    spec = pod()
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_two_replicas_survive_a_disruption() -> None:
    replicas = one("deployment.yaml", "Deployment")["spec"]["replicas"]
    assert replicas > one("deployment.yaml", "PodDisruptionBudget")["spec"]["minAvailable"] > 0


def test_the_configuration_is_valid_and_begins_with_warnings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = configured(monkeypatch, tmp_path)
    assert [pack.mode for pack in settings.packs] == [PackMode.WARN]
    assert settings.admission.port == DEFAULTS.port
    assert not ip_address(settings.admission.host).is_loopback


def test_every_file_that_the_configuration_names_is_mounted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = configured(monkeypatch, tmp_path)
    mounts = {mount["mountPath"]: mount["name"] for mount in server()["volumeMounts"]}
    named = (settings.trust.policy, settings.trust.attestations, settings.admission.tls, settings.audit.key)
    assert [path for path in named if not {str(path), *map(str, path.parents)} & mounts.keys() - {"/"}] == []
    assert set(mounts.values()) <= {volume["name"] for volume in pod()["volumes"]}
    at = next(item["value"] for item in server()["env"] if item["name"] == "GOVKERNEL_CONFIG")
    assert at in mounts
    assert str(PurePosixPath(at).parent / STATE) in mounts, "nowhere to spool"
    assert f"ENV GOVKERNEL_CONFIG={at}\n" in (MANIFESTS / "Dockerfile").read_text(encoding="utf-8")


def test_the_how_to_makes_every_secret_and_config_map_that_is_mounted() -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    volumes = pod()["volumes"]
    secrets = {volume["secret"]["secretName"] for volume in volumes if "secret" in volume}
    secrets |= {item["valueFrom"]["secretKeyRef"]["name"] for item in server()["env"] if "valueFrom" in item}
    maps = {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}
    maps.remove(one("config.yaml", "ConfigMap")["metadata"]["name"])
    made = [rf"create secret (?:tls|generic) {name} " for name in secrets]
    made += [rf"create configmap {name} " for name in maps]
    assert [pattern for pattern in made if not re.search(pattern, text)] == []


def test_the_how_to_applies_every_manifest() -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    assert [path.name for path in MANIFESTS.glob("*.yaml") if path.name not in text] == []
    assert (
        text.count("caBundle: CA_BUNDLE")
        == 1
        == (MANIFESTS / "webhook.yaml").read_text().count("caBundle: CA_BUNDLE")
    )


@pytest.mark.parametrize("path", REVIEWS, ids=lambda path: path.stem)
def test_a_review_is_what_an_api_server_sends_about_the_manifest(path: Path) -> None:
    asked = review.parse_review(path.read_bytes())
    manifest = ROOT / "docs" / "examples" / "manifests" / f"{path.stem}.yaml"
    assert asked.object == yaml.safe_load(manifest.read_text(encoding="utf-8"))
    assert service.starts_nothing(asked) == ""
    assert service.object_of(asked)["apiVersion"] == (asked.object or {})["apiVersion"]
    assert asked.uid == review.uid_in(path.read_bytes())


def test_there_are_reviews() -> None:
    assert len(REVIEWS) >= 3


if __name__ == "__main__":
    for title, rows in TABLES.items():
        print(f"\n## {title}\n\n" + "\n".join(rows))
