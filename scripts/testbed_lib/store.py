# SPDX-License-Identifier: Apache-2.0
"""What a run remembers between commands, and the config directory that weftd reads."""
import contextlib
import fcntl
import json
import os

from .shell import BedError, write_atomic

BASE = "/run/weft-tb"


class Store:
    """Documents in the order they came, pods, addresses given. Saved as one JSON file."""

    def __init__(self, run_id):
        self.run_id = run_id
        self.dir = f"{BASE}/{run_id}"
        self.config_dir = f"{self.dir}/config"
        self.log_dir = f"{self.dir}/logs"
        self.mesh = True
        self.nodes = []
        self.weftd_args = []
        self.documents = {}  # key → {"file", "text"}
        self.pods = {}  # "ns/name" → record of pods.py, with "spec", "owner"
        self.services = {}  # "ns/name" → index of its addresses
        self.next_pod = {}  # node → index
        self.next_service = 10  # .1 to .9 stay free for tests
        self.next_node = 0
        self.files = []  # of the config directory that are ours; tests put others beside them

    def create(self):
        os.makedirs(self.config_dir)
        os.makedirs(self.log_dir)
        self.save()

    def save(self):
        kept = {k: v for k, v in vars(self).items() if k not in ("dir", "config_dir", "log_dir")}
        write_atomic(f"{self.dir}/state.json", json.dumps(kept))

    @classmethod
    def load(cls, run_id):
        store = cls(run_id)
        try:
            with open(f"{store.dir}/state.json", encoding="utf-8") as f:
                vars(store).update(json.load(f))
        except FileNotFoundError:
            raise BedError(f"no testbed '{run_id}' (scripts/testbed list)") from None
        return store

    @contextlib.contextmanager
    def locked(self):
        """One command at a time on a run."""
        with open(f"{self.dir}/lock", "w", encoding="utf-8") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            yield self

    def pod_index(self, node):
        self.next_pod[node] = self.next_pod.get(node, 0) + 1
        return self.next_pod[node]

    def service_index(self, key):
        if key not in self.services:
            self.services[key] = self.next_service
            self.next_service += 1
        return self.services[key]

    def choose_node(self):
        node = self.nodes[self.next_node % len(self.nodes)]
        self.next_node += 1
        return node

    def put_document(self, key, file, text):
        """Replaces the object where it stands, so that document order means age."""
        known = self.documents.get(key)
        self.documents[key] = {"file": known["file"] if known else os.path.basename(file),
                               "text": text}

    def write_config(self):
        """Writes the files that changed and removes those that no object is left of.

        Returns whether anything was different.
        """
        files, changed = {}, False
        for doc in self.documents.values():
            files.setdefault(doc["file"], []).append(doc["text"].strip("\n") + "\n")
        for name, texts in files.items():
            text, path = "---\n".join(texts), f"{self.config_dir}/{name}"
            if _content(path) != text:
                write_atomic(path, text)
                changed = True
        for name in set(self.files) - set(files):
            os.unlink(f"{self.config_dir}/{name}")
            changed = True
        self.files = list(files)
        return changed


def _content(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return None
