# SPDX-License-Identifier: Apache-2.0
"""A testbed: nodes, pods and the manifests in force. See scripts/testbed for the commands."""
import os
import shutil
import subprocess
import time

from . import ipam, manifests, names, nodes, pods, processes, teardown
from .shell import BedError
from .store import Store

READY_S = 20
ENROLLED_S = 20


class Bed:
    def __init__(self, store):
        self.store = store
        self.run_id = store.run_id
        self.config_dir = store.config_dir
        self._agents = {}

    # --- life ---------------------------------------------------------------------------------

    @classmethod
    def create(cls, run_id, nodes_wanted=1, mesh=True, weftd_args=()):
        teardown.check_name(run_id)
        if run_id in teardown.runs():
            raise BedError(f"testbed '{run_id}' exists: `apply` to it, or `down` it first")
        store = Store(run_id)
        store.mesh, store.weftd_args = mesh, list(weftd_args)
        store.nodes = [f"node{i + 1}" for i in range(nodes_wanted)]
        store.create()
        nodes.create_underlay(run_id)
        for node in store.nodes:
            nodes.create(run_id, node, store.nodes)
        return cls(store)

    @classmethod
    def load(cls, run_id):
        return cls(Store.load(run_id))

    def down(self):
        teardown.down(self.run_id)

    # --- manifests ----------------------------------------------------------------------------

    def apply(self, paths, wait=True):
        """Takes the manifests over; with wait, returns when every pod runs and is enrolled."""
        self._take(manifests.read(paths), wait)

    def apply_text(self, text, name="inline.yaml", wait=True):
        self._take([(name, manifests.split(text, name))], wait)

    def _take(self, sources, wait):
        with self.store.locked():
            gone = []
            for file, documents in sources:
                for doc in documents:
                    gone += self._take_document(file, doc)
            self._start_pods()
            written = self._write()
            self._remove_pods(gone)
        if wait and self.store.mesh:
            self.start_agents()
            self.wait_in_force(written)
            self.wait_enrolled()

    def _take_document(self, file, doc):
        """Completes and stores one document; returns the keys of pods it replaces by nothing."""
        if not isinstance(doc.object, dict) or not doc.name:
            self.store.put_document(doc.key, file, doc.text)
        elif doc.kind in manifests.WORKLOADS:
            return self._take_workload(file, doc)
        elif doc.kind == "Pod":
            self._take_pod(file, doc.object, doc.namespace, None)
        elif doc.kind == "Service":
            self._take_service(file, doc)
        else:
            self.store.put_document(doc.key, file, doc.text)
        return []

    def _take_workload(self, file, doc):
        kept = set()
        for pod in manifests.pods_of_workload(doc.object, doc.namespace):
            self._take_pod(file, pod, doc.namespace, doc.key)
            kept.add(f"{doc.namespace}/{pod['metadata']['name']}")
        return [key for key, pod in self.store.pods.items()
                if pod["owner"] == doc.key and key not in kept]

    def _take_pod(self, file, obj, namespace, owner):
        name = obj["metadata"]["name"]
        key = f"{namespace}/{name}"
        record = self.store.pods.get(key)
        if record is None:
            node = (obj.get("spec") or {}).get("nodeName") or self.store.choose_node()
            if node not in self.store.nodes:
                raise BedError(f"Pod {key}: spec.nodeName '{node}': this testbed has "
                                   f"{', '.join(self.store.nodes)}")
            record = pods.record(self.run_id, node, self.store.pod_index(node), namespace, name)
            record["owner"], record["spec"], record["connected"] = owner, None, False
        annotations = obj["metadata"].get("annotations") or {}
        ready = annotations.get("testbed.weft.dev/ready") != "false"
        full = manifests.complete_pod(obj, namespace, record["node"], record["ips"], ready)
        manifests.containers(full)  # says what is missing before anything is started
        if record["spec"] != full["spec"]:
            record["changed"] = True
        record["spec"], record["labels"] = full["spec"], full["metadata"].get("labels") or {}
        record["ready"], record["manifest"] = ready, full
        self.store.pods[key] = record
        self.store.put_document(f"Pod/{namespace}/{name}", file, manifests.dump(full))

    def _take_service(self, file, doc):
        index = self.store.service_index(f"{doc.namespace}/{doc.name}")
        full = manifests.complete_service(doc.object, doc.namespace,
                                          ipam.service_addresses(index))
        self.store.put_document(doc.key, file, manifests.dump(full))

    def delete(self, paths):
        with self.store.locked():
            gone = []
            for _, documents in manifests.read(paths):
                for doc in documents:
                    self.store.documents.pop(doc.key, None)
                    gone += self._pods_of(doc)
            for key in gone:
                self.store.documents.pop(f"Pod/{key}", None)
            written = self._write()
            self._remove_pods(gone)
        if self.store.mesh:
            self.wait_in_force(written)

    def _pods_of(self, doc):
        own = f"{doc.namespace}/{doc.name}"
        return [key for key, pod in self.store.pods.items()
                if pod["owner"] == doc.key or (doc.kind == "Pod" and key == own)]

    # --- pods ---------------------------------------------------------------------------------

    def _start_pods(self):
        started = []
        for pod in self.store.pods.values():
            if not pod["connected"]:
                pods.connect(self.run_id, pod)
                pod["connected"] = True
        self.store.save()
        self.write_names()
        for pod in self.store.pods.values():
            if not pod.pop("changed", False):
                continue
            if pod["processes"]:
                pods.stop(pod)
                os.makedirs(pod["cgroup"], exist_ok=True)
            started.append((pod, pods.start(pod, pod["manifest"], self.store.log_dir)))
        self.store.save()
        deadline = time.monotonic() + READY_S
        for pod, programs in started:
            pods.wait_ready(pod, programs, deadline)

    def _remove_pods(self, keys):
        for key in keys:
            self.store.documents.pop(f"Pod/{key}", None)
            pods.remove(self.run_id, self.store.pods.pop(key))
        if keys:
            self._write()

    def _write(self):
        """Returns when the config was written, in ms since 1970; 0: nothing was different."""
        now = time.time() * 1000
        changed = self.store.write_config()
        self.write_names()
        self.store.save()
        return now if changed else 0

    def write_names(self):
        """The hosts file of every pod: services, headless services, ServiceEntry hosts."""
        entries = []
        for key, doc in self.store.documents.items():
            kind = key.split("/")[0]
            if kind not in ("Service", "ServiceEntry"):
                continue
            obj = manifests.yaml.load(doc["text"], manifests.Loader)
            if kind == "ServiceEntry":
                entries += names.of_service_entry(obj)
            else:
                entries += names.of_service(obj, self._service_pods(obj))
        for pod in self.store.pods.values():
            names.write(pod["netns"], names.lines_for(pod["namespace"], entries))

    def _service_pods(self, service):
        """Addresses of the pods behind a headless service, or behind any when there is no mesh."""
        spec = service.get("spec") or {}
        if self.store.mesh and spec.get("clusterIP") != "None":
            return None
        selector = spec.get("selector") or {}
        return [p["ips"][0] for p in self.store.pods.values()
                if p["namespace"] == service["metadata"]["namespace"] and p["ready"] and selector
                and all(p["labels"].get(k) == v for k, v in selector.items())]

    def addresses(self, service):
        """clusterIPs of a service by ns/name."""
        obj = manifests.yaml.load(self.store.documents[f"Service/{service}"]["text"],
                                  manifests.Loader)
        return obj["spec"].get("clusterIPs") or []

    def pod(self, name):
        """By name, ns/name, or the beginning of a name (a Deployment's): then its first pod."""
        found = [p for key, p in self.store.pods.items() if name in (key, p["name"])]
        found = found or [p for key, p in self.store.pods.items()
                          if key.startswith(f"{name}-") or p["name"].startswith(f"{name}-")]
        if not found:
            raise BedError(f"no pod '{name}'; there is {', '.join(self.store.pods) or 'none'}")
        return found[0]

    def exec_argv(self, name, argv):
        return pods.exec_argv(self.pod(name), argv)

    def exec_env(self, name):
        return pods.environment(self.pod(name))

    def exec(self, name, argv, timeout=120, check=True, **more):
        """Runs a command in a pod and returns the CompletedProcess, text captured."""
        done = subprocess.run(self.exec_argv(name, argv), capture_output=True, text=True,
                              timeout=timeout, env=self.exec_env(name), check=False, **more)
        if check and done.returncode != 0:
            raise BedError(f"{name}: {' '.join(argv)}: exit code {done.returncode}: "
                               f"{done.stderr.strip()[-2000:]}")
        return done

    def popen(self, name, argv, **more):
        """Starts a command in a pod, for callers that talk to it."""
        return subprocess.Popen(self.exec_argv(name, argv), env=self.exec_env(name), **more)

    # --- the mesh -----------------------------------------------------------------------------

    def agent(self, node="node1"):
        if node not in self.store.nodes:
            raise BedError(f"no node '{node}'; there is {', '.join(self.store.nodes)}")
        if node not in self._agents:
            self._agents[node] = nodes.Agent(self.run_id, node, self.store.dir,
                                             self.store.weftd_args)
        return self._agents[node]

    def start_agents(self):
        for node in self.store.nodes:
            if self.agent(node).pid() is None:
                self.agent(node).start()

    def not_enrolled(self):
        """["ns/name: reason"] of pods that should be enrolled and are not (yet).

        "not enrolled" is a decision (a label), not a failure.
        """
        missing = []
        for node in self.store.nodes:
            answer = self.agent(node).ask("pods") or {"pods": []}
            rows = {f"{r['namespace']}/{r['name']}": r for r in answer["pods"]}
            for key, pod in self.store.pods.items():
                if pod["node"] != node:
                    continue
                row = rows.get(key)
                if row is None:
                    missing.append(f"{key}: weftd does not know it")
                elif row.get("state") not in ("enrolled", "not enrolled"):
                    missing.append(f"{key}: {row.get('state')}: {row.get('reason')}")
        return missing

    def wait_in_force(self, written_ms, wait=1.0):
        """Until every weftd has pushed after that moment. Not an error when none does: a change
        of which nothing is valid is not pushed."""
        deadline = time.monotonic() + wait
        for node in self.store.nodes if written_ms else []:
            while time.monotonic() < deadline:
                push = (self.agent(node).ask("status") or {}).get("push", {})
                if push.get("at_ms", 0) >= written_ms and not push.get("busy"):
                    break
                time.sleep(0.005)

    def wait_enrolled(self, wait=ENROLLED_S):
        deadline = time.monotonic() + wait
        while missing := self.not_enrolled():
            for node in self.store.nodes:
                if self.agent(node).pid() is None:
                    raise BedError(f"weftd of {node} does not run:\n"
                                       f"{processes.tail(self.agent(node).log)}")
            if time.monotonic() > deadline:
                raise BedError("not enrolled after %d s:\n  %s" %
                                   (wait, "\n  ".join(missing)))
            time.sleep(0.02)

    def save_logs(self, target):
        """Copies every log of the run, for a look after it is gone."""
        shutil.copytree(self.store.log_dir, target, dirs_exist_ok=True)
        for node in self.store.nodes:
            if os.path.exists(self.agent(node).log):
                shutil.copy(self.agent(node).log, f"{target}/{node}.weftd.log")
