# SPDX-License-Identifier: Apache-2.0
"""Manifest files: split into documents, expand workloads, complete what an API server would.

Documents that the testbed does not complete stay the text they are, so that a broken one reaches
weftd unchanged and its messages name the author's words.
"""
import copy
import os
import re

import yaml

from .shell import BedError

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
WORKLOADS = {"Deployment", "ReplicaSet", "StatefulSet"}
_BREAK = re.compile(r"^---(?:[ \t].*)?$\n?", re.MULTILINE)


class Document:
    """One object of a file: its identity, its text, and the object where it could be read."""

    def __init__(self, text, source, number):
        self.text = text
        try:
            self.object = yaml.load(text, Loader)
        except yaml.YAMLError:
            self.object = None
        meta = self.object.get("metadata") if isinstance(self.object, dict) else None
        meta = meta if isinstance(meta, dict) else {}
        self.kind = self.object.get("kind") if isinstance(self.object, dict) else None
        self.namespace = meta.get("namespace") or "default"
        self.name = meta.get("name")
        if self.kind and self.name:
            self.key = f"{self.kind}/{self.namespace}/{self.name}"
        else:
            self.key = f"text/{os.path.basename(source)}/{number}"


def split(text, source):
    parts = [p for p in _BREAK.split(text) if _has_content(p)]
    return [Document(part, source, i) for i, part in enumerate(parts)]


def _has_content(part):
    return any(line.strip() and not line.lstrip().startswith("#") for line in part.splitlines())


def read(paths):
    """[(source file, [Document])] of files and directories (their *.yaml, sorted; no recursion)."""
    out = []
    for path in paths:
        for file in _files(path):
            with open(file, encoding="utf-8") as f:
                out.append((file, split(f.read(), file)))
    return out


def _files(path):
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise BedError(f"{path}: no such file or directory")
        return [path]
    names = sorted(n for n in os.listdir(path) if n.endswith((".yaml", ".yml")))
    if not names:
        raise BedError(f"{path}: holds no *.yaml")
    return [os.path.join(path, n) for n in names]


def dump(obj):
    return yaml.dump(obj, Dumper=Dumper, sort_keys=False, default_flow_style=False)


def pods_of_workload(obj, namespace):
    """The pods that a Deployment's controller would make: NAME-0, NAME-1, …"""
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    name = obj["metadata"]["name"]
    replicas = spec.get("replicas", 1)
    for i in range(replicas):
        pod = copy.deepcopy(template)
        meta = pod.setdefault("metadata", {})
        meta["name"], meta["namespace"] = f"{name}-{i}", namespace
        meta["ownerReferences"] = [{"apiVersion": obj["apiVersion"], "kind": obj["kind"],
                                    "name": name, "controller": True}]
        yield {"apiVersion": "v1", "kind": "Pod", **pod}


def complete_pod(obj, namespace, node, ips, ready=True):
    pod = copy.deepcopy(obj)
    pod["metadata"]["namespace"] = namespace
    pod.setdefault("spec", {})["nodeName"] = node
    pod["status"] = {
        "phase": "Running",
        "podIP": ips[0],
        "podIPs": [{"ip": ip} for ip in ips],
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
    }
    return pod


def wants_cluster_ip(obj):
    spec = obj.get("spec") or {}
    return spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None"


def complete_service(obj, namespace, ips):
    """ips: (IPv4, IPv6), of which the service gets what its families ask for."""
    service = copy.deepcopy(obj)
    service["metadata"]["namespace"] = namespace
    spec = service.setdefault("spec", {})
    if not wants_cluster_ip(obj) or spec.get("clusterIP"):
        return service
    families = list(spec.get("ipFamilies") or ["IPv4"])
    if spec.get("ipFamilyPolicy") in ("PreferDualStack", "RequireDualStack") and len(families) == 1:
        families.append("IPv6" if families[0] == "IPv4" else "IPv4")
    chosen = [ips[0] if family == "IPv4" else ips[1] for family in families]
    spec["clusterIP"], spec["clusterIPs"], spec["ipFamilies"] = chosen[0], chosen, families
    return service


def containers(pod):
    """[(name, argv, env, working directory, TCP ports)]: what runs in a pod."""
    found = (pod.get("spec") or {}).get("containers") or []
    meta = pod["metadata"]
    if not found:
        raise BedError(f"Pod {meta['namespace']}/{meta['name']}: spec.containers is empty")
    out = []
    for c in found:
        env = _environment(pod, c)
        argv = [_expand(str(a), env) for a in (c.get("command") or []) + (c.get("args") or [])]
        if not c.get("command"):
            raise BedError(
                f"Pod {meta['namespace']}/{meta['name']}: container {c.get('name')} has no "
                "`command`. The testbed runs programs of this machine and ignores `image`: "
                "say what to run, as in command: [nginx, -g, daemon off;]")
        ports = [p["containerPort"] for p in c.get("ports") or []
                 if p.get("protocol", "TCP") == "TCP"]
        out.append((c.get("name", "main"), argv, env, c.get("workingDir"), ports))
    return out


def _environment(pod, container):
    env = {}
    for entry in container.get("env") or []:
        if "value" in entry:
            env[entry["name"]] = _expand(str(entry["value"]), env)
            continue
        field = ((entry.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath", "")
        env[entry["name"]] = str(_field(pod, field))
    return env


def _field(pod, path):
    match = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if match:
        return (pod["metadata"].get(match[1]) or {}).get(match[2], "")
    value = pod
    for step in path.split("."):
        value = value.get(step, "") if isinstance(value, dict) else ""
    return value


def _expand(text, env):
    """$(NAME) from the container's environment, as Kubernetes does; unknown names stay."""
    return re.sub(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)", lambda m: env.get(m[1], m[0]), text)
