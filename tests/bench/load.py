# SPDX-License-Identifier: Apache-2.0
"""The workloads, each a bounded run of wrk in the client pod."""
import os
import subprocess
from dataclasses import dataclass

from . import cpu, figures
from .variants import MESH_PROGRAMS

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrk.lua")


@dataclass(frozen=True)
class Workload:
    name: str
    clients: int
    path: str = "/small"
    headers: tuple = ()

    @property
    def key(self):
        return self.name, self.clients

    def label(self):
        return f"{self.name} {self.clients}"


WORKLOADS = (
    Workload("keepalive", 1),
    Workload("keepalive", 32),
    Workload("keepalive", 128),
    Workload("connect", 32, headers=("Connection: close",)),
    Workload("bulk", 8, path="/big"),
)


def argv(workload, url, seconds):
    headers = [part for h in workload.headers for part in ("-H", h)]
    return ["wrk", "-t1", f"-c{workload.clients}", f"-d{seconds}s", "--timeout", "5s",
            "-s", SCRIPT, *headers, url]


def start(variant, workload, seconds):
    """wrk in the client pod, as a Popen."""
    return variant.bed.popen("client", argv(workload, variant.url(workload.path), seconds),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def timed(variant, workload, seconds):
    """One run; returns the sample of figures.py."""
    handled = variant.handled()
    process = start(variant, workload, seconds)
    text, used = cpu.Meter(variant.pids).run(process, seconds + 15)
    if process.returncode != 0:
        raise RuntimeError(f"{variant.name}, {workload.label()}: wrk ended with "
                           f"{process.returncode}: {text.strip()[-500:]}")
    used["mesh"] = sum(s for name, s in used["procs"].items() if name in MESH_PROGRAMS)
    wrk = figures.parse_wrk(text)
    check_handled(variant, workload, wrk["requests"], handled)
    return figures.sample(wrk, used)


def check_handled(variant, workload, requests, before):
    """Every layer 7 program on the way must have seen at least what wrk got answered."""
    for name, count in variant.handled().items():
        if count - before[name] < requests:
            raise RuntimeError(f"{variant.name}, {workload.label()}: wrk had {requests} answers, "
                               f"{name} handled only {count - before[name]} requests")
