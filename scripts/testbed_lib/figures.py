# SPDX-License-Identifier: Apache-2.0
"""weft's own figures of a testbed's node."""
import re
import subprocess

from .shell import program


def metrics(bed, node="node1"):
    """The Prometheus text of a node."""
    done = subprocess.run([program("weft"), "metrics", "--run", bed.agent(node).dir],
                          capture_output=True, text=True, check=True)
    return done.stdout


def reasons(bed, node="node1"):
    """{kernel reason: count} of a node."""
    return (bed.agent(node).ask("status") or {"kernel": {"reasons": {}}})["kernel"]["reasons"]


def enrolled(bed, node="node1"):
    answer = bed.agent(node).ask("pods") or {"pods": []}
    return sum(1 for row in answer["pods"] if row["state"] == "enrolled")


def rss_mb(bed, node="node1"):
    """Resident memory of weftd and weft-proxy together."""
    agent, total = bed.agent(node), 0
    for pid in [agent.pid(), *agent.proxy_pids()]:
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                total += int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
        except (OSError, TypeError):
            pass  # ended meanwhile
    return total / 1024
