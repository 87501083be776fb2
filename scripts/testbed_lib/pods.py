# SPDX-License-Identifier: Apache-2.0
"""Pods: a namespace joined to its node by a veth, and the processes in it."""
import os
import shlex
import time

from . import cgroups, ipam, manifests, nodes, processes
from .shell import REPO, BedError, ip_batch, run, set_sysctls


def record(run_id, node, index, namespace, name):
    """What the testbed remembers of a pod: everything that is needed to find it again."""
    return {
        "namespace": namespace, "name": name, "node": node, "index": index,
        "netns": f"{run_id}-{namespace}-{name}",
        "veth": f"veth{index}",
        "ips": list(ipam.pod_addresses(nodes.number_of(node), index)),
        "cgroup": f"{cgroups.of_run(run_id)}/{node}/{namespace}_{name}",
        "processes": [],
    }


def connect(run_id, pod):
    """Namespace, veth, addresses and routes, both families."""
    host, number = nodes.netns_of(run_id, pod["node"]), nodes.number_of(pod["node"])
    node4, node6 = ipam.node_addresses(number)
    ip4, ip6 = pod["ips"]
    veth, netns = pod["veth"], pod["netns"]
    run(["ip", "netns", "add", netns])
    set_sysctls(netns, nodes.NO_DAD)
    # The node speaks to its pods from its own address, not from the gateway's link-local one.
    ip_batch(host, [
        f"link add {veth} type veth peer name eth0 netns {netns}",
        f"addr add {ipam.GATEWAY4}/32 dev {veth}",
        f"addr add {ipam.GATEWAY6}/64 dev {veth} nodad",
        f"link set {veth} up",
        f"route add {ip4}/32 dev {veth} src {node4}",
        f"route add {ip6}/128 dev {veth} src {node6}",
    ])
    ip_batch(netns, [
        "link set lo up",
        f"addr add {ip4}/32 dev eth0",
        f"addr add {ip6}/128 dev eth0 nodad",
        "link set eth0 up",
        f"route add {ipam.GATEWAY4} dev eth0 scope link src {ip4}",
        f"route add default via {ipam.GATEWAY4} dev eth0 src {ip4}",
        f"route add ::/0 via {ipam.GATEWAY6} dev eth0 src {ip6}",
    ])
    cgroups.make(pod["cgroup"])


def environment(pod, extra=None):
    return processes.environment(POD_NAME=pod["name"], POD_NAMESPACE=pod["namespace"],
                                 POD_IP=pod["ips"][0], NODE_NAME=pod["node"],
                                 HOSTNAME=pod["name"], **(extra or {}))


def exec_argv(pod, argv):
    """argv that runs in the pod: its network, its names, its cgroup."""
    return processes.joined(["ip", "netns", "exec", pod["netns"], *argv], pod["cgroup"])


def start(pod, manifest, log_dir):
    """Starts every container of the completed manifest; returns [(pid, TCP ports)]."""
    started = []
    pod["processes"] = []
    for name, argv, env, cwd, ports in manifests.containers(manifest):
        log = f"{log_dir}/{pod['namespace']}.{pod['name']}.{name}.log"
        with open(log, "w", encoding="utf-8") as f:
            f.write(f"# {shlex.join(argv)}\n")
        process = processes.spawn(["ip", "netns", "exec", pod["netns"], *argv], pod["cgroup"],
                                  log, environment(pod, env), cwd or REPO)
        pod["processes"].append({"name": name, "pid": process.pid, "log": log,
                                 "start": processes.start_time(process.pid)})
        started.append((process.pid, ports))
    return started


def wait_ready(pod, started, deadline):
    """Until every declared port listens. A process that ends on the way is an error."""
    for (pid, ports), process in zip(started, pod["processes"]):
        while True:
            if not processes.alive(pid):
                raise BedError(f"Pod {pod['namespace']}/{pod['name']}: {process['name']} "
                                   f"ended:\n{processes.tail(process['log'])}")
            missing = [p for p in ports if not processes.listens(pid, p)]
            if not missing:
                break
            if time.monotonic() > deadline:
                raise BedError(f"Pod {pod['namespace']}/{pod['name']}: nothing listens on "
                                   f"port {missing[0]}:\n{processes.tail(process['log'])}")
            time.sleep(0.005)


def state(pod):
    """running, or which process ended."""
    for process in pod["processes"]:
        if processes.start_time(process["pid"]) != process["start"] or \
                not processes.alive(process["pid"]):
            return f"{process['name']} ended"
    return "running"


def stop(pod):
    cgroups.kill(pod["cgroup"])
    cgroups.remove(pod["cgroup"])


def remove(run_id, pod):
    """Everything of the pod, in an order that also works when half of it is already gone."""
    stop(pod)
    host = nodes.netns_of(run_id, pod["node"])
    run(["ip", "-n", host, "link", "del", pod["veth"]], check=False)
    run(["ip", "netns", "del", pod["netns"]], check=False)
    etc = f"/etc/netns/{pod['netns']}"
    if os.path.isdir(etc):
        for file in os.listdir(etc):
            os.unlink(f"{etc}/{file}")
        os.rmdir(etc)
