# SPDX-License-Identifier: Apache-2.0
"""Nodes: a namespace each, joined by a bridge in a namespace of its own, and their weftd.

      <run>-net:  br0 ── n1, n2, …         192.168.77.0/24, fd00:192:168:77::/64
                        │
      <run>-nodeN: eth0 ┘   veth1, veth2, … ── eth0 of the pods (10.244.N.0/24)
"""
import json
import os
import subprocess
import time

from . import cgroups, ipam, processes
from .shell import BedError, in_netns, ip_batch, program, run, set_sysctls

FORWARDING = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
# Addresses work at once: no duplicate address detection, which would cost a second each.
NO_DAD = ["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
          "net.ipv6.conf.default.dad_transmits=0"]


def netns_of(run_id, node):
    return f"{run_id}-{node}"


def number_of(node):
    return int(node.removeprefix("node"))


def create_underlay(run_id):
    netns = netns_of(run_id, "net")
    run(["ip", "netns", "add", netns])
    ip_batch(netns, ["link add br0 type bridge", "link set lo up", "link set br0 up"])


def create(run_id, node, all_nodes):
    """One node with its address on the bridge and routes to the pods of the others."""
    netns, number = netns_of(run_id, node), number_of(node)
    ip4, ip6 = ipam.node_addresses(number)
    run(["ip", "netns", "add", netns])
    set_sysctls(netns, FORWARDING + NO_DAD)
    lines = [
        "link set lo up",
        f"link add eth0 type veth peer name n{number} netns {netns_of(run_id, 'net')}",
        f"addr add {ip4}/24 dev eth0",
        f"addr add {ip6}/64 dev eth0 nodad",
        "link set eth0 up",
    ]
    for other in all_nodes:
        if other == node:
            continue
        via4, via6 = ipam.node_addresses(number_of(other))
        net4, net6 = ipam.pod_networks(number_of(other))
        lines += [f"route add {net4} via {via4}", f"route add {net6} via {via6}"]
    ip_batch(netns, lines)
    ip_batch(netns_of(run_id, "net"), [f"link set n{number} master br0", f"link set n{number} up"])
    cgroups.make(f"{cgroups.of_run(run_id)}/{node}")


class Agent:
    """weftd of one node. What it needs to be found again is in the run directory."""

    def __init__(self, run_id, node, run_dir, args=()):
        self.run_id, self.node, self.args = run_id, node, list(args)
        self.netns = netns_of(run_id, node)
        self.config = f"{run_dir}/config"
        self.dir = f"{run_dir}/{node}"
        self.pins = f"/sys/fs/bpf/weft-{run_id}-{node}"
        self.log = f"{self.dir}/weftd.log"
        self.process = None

    def argv(self):
        return [program("weftd"), "--config", self.config, "--run", self.dir,
                "--state", f"{self.dir}/state", "--node", self.node,
                "--cgroup", f"{cgroups.of_run(self.run_id)}/{self.node}",
                "--pins", self.pins, *self.args]

    def start(self, wait=15):
        """Returns when weftd answers; raises with its last words when it does not."""
        os.makedirs(f"{self.dir}/state", exist_ok=True)
        group = cgroups.make(f"{cgroups.of_agents(self.run_id)}/{self.node}")
        self.process = processes.spawn(in_netns(self.netns, self.argv()), group, self.log,
                                       processes.environment(WEFT_RUN=self.dir))
        with open(f"{self.dir}/weftd.pid", "w", encoding="utf-8") as f:
            f.write(f"{self.process.pid}\n")
        deadline = time.monotonic() + wait
        while self.ask("status") is None:
            if not processes.alive(self.process.pid):
                raise BedError(f"weftd of {self.node} ended:\n{processes.tail(self.log)}")
            if time.monotonic() > deadline:
                raise BedError(f"weftd of {self.node} does not answer after {wait} s:\n"
                                   f"{processes.tail(self.log)}")
            time.sleep(0.02)

    def pid(self):
        """weftd's process id, or None when it does not run."""
        try:
            with open(f"{self.dir}/weftd.pid", encoding="utf-8") as f:
                pid = int(f.read())
        except (OSError, ValueError):
            return None
        return pid if processes.alive(pid) else None

    def proxy_pids(self):
        """weft-proxy of this node; two for a moment while one replaces the other."""
        group = f"{cgroups.of_agents(self.run_id)}/{self.node}"
        return [p for p in cgroups.procs(group) if processes.name(p) == "weft-proxy"]

    def ask(self, *words):
        """`weft WORDS --json` as an object; None when weftd does not answer."""
        done = subprocess.run([program("weft"), *words, "--json", "--run", self.dir],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return None
