# SPDX-License-Identifier: Apache-2.0
"""The ways from client to server that are compared. All have one topology, a testbed of their own:

    pod client (wrk) ── veth ── node (forwards) ── veth ── pod server (nginx, one worker)

    direct         nothing between: the client dials the pod
    kube-proxy     no mesh, but a Service: iptables DNAT and connection tracking on the node
    sidecar-pair   iptables REDIRECT in both pods, a HAProxy in each
    one-hop        one HAProxy on the node, dialled by the client
    weft-l4        a Service: the kernel balances
    weft-l7        a Service with a VirtualService http route: one pass through weft-proxy
"""
import os
import pwd
import re
import subprocess

from testbed_lib import cgroups, nodes, processes, teardown
from testbed_lib.bed import Bed
from testbed_lib.shell import in_netns, run, set_sysctls

from . import haproxy

APP_PORT, NODE_PORT = 8080, 8088
OUTBOUND_PORT, INBOUND_PORT = 15001, 15006
SERVICE_IP = "10.96.0.99"
SMALL = b"x" * 99 + b"\n"
BIG_BYTES = 1 << 20
MESH_PROGRAMS = ("haproxy", "weftd", "weft-proxy")
# Short connections by the hundred thousand: the same head room for all variants.
SYSCTLS = ["net.ipv4.ip_local_port_range=1024 65000", "net.ipv4.tcp_tw_reuse=1"]
# Nor must they fill the table of tracked ones.
CONNTRACK = ["net.netfilter.nf_conntrack_tcp_timeout_time_wait=5"]

NGINX = """daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    default_type text/plain;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen {port} backlog=4096;
        location = /small {{ return 200 "{small}\\n"; }}
        location = /big {{ root {folder}; }}
        location = /peer {{ return 200 $remote_addr; }}
    }}
}}
"""

PODS = """
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: bench, labels: {{app: client}}}}
spec:
  nodeName: node1
  containers: [{{name: idle, command: [sleep, infinity]}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: server, namespace: bench, labels: {{app: server}}}}
spec:
  nodeName: node1
  containers:
  - name: nginx
    command: [nginx, -c, {folder}/nginx.conf]
    ports: [{{containerPort: {port}}}]
"""

SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {{name: server, namespace: bench}}
spec:
  selector: {{app: server}}
  ports: [{{name: http, port: 80, targetPort: {port}}}]
"""

ROUTE = """
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: server, namespace: bench}
spec:
  hosts: [server]
  http:
  - match: [{uri: {prefix: /}}]
    route: [{destination: {host: server}}]
"""


class WrongPath(Exception):
    """The traffic did not go the way the variant claims: its figures would be a lie."""


def expect(condition, variant, why):
    if not condition:
        raise WrongPath(f"{variant}: {why}")


def nat_hits(netns, chain, target):
    """Connections that met the rules of a chain with this target; 0 when there are none."""
    rules = run(in_netns(netns, ["iptables", "-w", "-t", "nat", "-nvxL", chain])).stdout
    return sum(map(int, re.findall(rf"^ *(\d+) +\d+ +{target} ", rules, re.MULTILINE)))


class Variant:
    """direct, and what the others share."""

    name = "direct"
    mesh = False

    def __init__(self, run_id, folder, threads):
        self.run_id, self.folder, self.threads = run_id, f"{folder}/{self.name}", threads
        self.bed = None

    # --- set-up -------------------------------------------------------------------------------

    def up(self):
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        with open(f"{self.folder}/nginx.conf", "w", encoding="utf-8") as f:
            f.write(NGINX.format(folder=self.folder, port=APP_PORT, small=SMALL.decode().strip()))
        with open(f"{self.folder}/big", "wb") as f:
            f.write(bytes(range(256)) * (BIG_BYTES // 256))
        self.bed = Bed.create(self.run_id, mesh=self.mesh, weftd_args=self.weftd_args())
        for pod in ("client", "server"):
            self.bed.apply_text(self.pod_manifest(pod), f"{pod}.yaml", wait=False)
            set_sysctls(self.netns(pod), SYSCTLS)
        set_sysctls(self.node_netns(), SYSCTLS)
        self.start_mesh()

    def pod_manifest(self, pod):
        text = PODS.format(folder=self.folder, port=APP_PORT)
        return text.split("---")[0 if pod == "client" else 1]

    def weftd_args(self):
        return []

    def start_mesh(self):
        """Whatever lies between client and server."""

    def down(self):
        """Also after half a set-up."""
        teardown.down(self.run_id)

    # --- where things are ---------------------------------------------------------------------

    def netns(self, pod):
        return self.bed.pod(pod)["netns"]

    def node_netns(self):
        return nodes.netns_of(self.run_id, "node1")

    def ip(self, pod):
        return self.bed.pod(pod)["ips"][0]

    def node_ip(self):
        return "192.168.77.1"

    def target(self):
        return f"{self.ip('server')}:{APP_PORT}"

    def url(self, path):
        return f"http://{self.target()}{path}"

    def pids(self):
        return (cgroups.procs(cgroups.of_run(self.run_id)) +
                cgroups.procs(cgroups.of_agents(self.run_id)))

    # --- proof of the path --------------------------------------------------------------------

    def get(self, *paths):
        """One curl in the client pod, one connection; the bodies."""
        argv = ["curl", "-sS", "--fail", "--max-time", "10"]
        done = subprocess.run(self.bed.exec_argv("client", argv + [self.url(p) for p in paths]),
                              env=self.bed.exec_env("client"), capture_output=True, timeout=20,
                              check=False)
        expect(done.returncode == 0, self.name,
               f"{self.url(paths[0])}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def check(self):
        """Raises WrongPath unless the right bytes come back on the way that the name promises."""
        expect(self.get("/big") == bytes(range(256)) * (BIG_BYTES // 256), self.name,
               "the 1 MB body came back changed")
        peer = self.get("/peer").decode()
        expect(peer == self.peer(), self.name,
               f"the server sees a connection from {peer}, not from {self.peer()}")
        before = self.counters()
        got = self.get(*["/small"] * 20)
        expect(got == SMALL * 20, self.name, f"20 small answers came back as {got[:200]!r}")
        after = self.counters()
        self.check_path({name: after[name] - before[name] for name in after})

    def peer(self):
        """Whom the server must see as its client."""
        return self.ip("client")

    def counters(self):
        text = run(in_netns(self.node_netns(), ["cat", "/proc/net/snmp"])).stdout
        rows = [line.split() for line in text.splitlines() if line.startswith("Ip:")]
        return {"forwarded": int(dict(zip(rows[0], rows[1]))["ForwDatagrams"])}

    def check_path(self, delta):
        expect(delta["forwarded"] >= 40, self.name,
               f"the node forwarded {delta['forwarded']} packets for 20 requests")
        for pod in ("client", "server"):
            rules = run(in_netns(self.netns(pod), ["iptables-save"])).stdout
            expect("REDIRECT" not in rules, self.name, f"iptables redirects in pod {pod}")

    def handled(self):
        """Requests seen by the layer 7 programs so far, by name; none where there is none."""
        return {}


class KubeProxy(Variant):
    name = "kube-proxy"

    def start_mesh(self):
        run(in_netns(self.node_netns(), [
            "iptables", "-w", "-t", "nat", "-A", "PREROUTING", "-d", SERVICE_IP, "-p", "tcp",
            "--dport", "80", "-j", "DNAT", "--to-destination", super().target()]))
        set_sysctls(self.node_netns(), CONNTRACK)

    def target(self):
        return f"{SERVICE_IP}:80"

    def check_path(self, delta):
        super().check_path(delta)
        expect(nat_hits(self.node_netns(), "PREROUTING", "DNAT") >= 1, self.name,
               "iptables translated no connection")


class SidecarPair(Variant):
    name = "sidecar-pair"

    def start_mesh(self):
        self.sidecars = {
            "client": haproxy.Haproxy(self.folder, "client", OUTBOUND_PORT, self.target(),
                                      self.threads),
            "server": haproxy.Haproxy(self.folder, "server", INBOUND_PORT,
                                      f"127.0.0.1:{APP_PORT}", self.threads),
        }
        for pod, proxy in self.sidecars.items():
            self.redirect(pod)
            proxy.start(lambda argv, log, pod=pod: processes.spawn(
                ["ip", "netns", "exec", self.netns(pod), *argv], self.bed.pod(pod)["cgroup"], log,
                self.bed.exec_env(pod)))

    def redirect(self, pod):
        """As sidecar meshes do: what comes in and what goes out, but not the proxy's own."""
        port, uid = str(APP_PORT), str(pwd.getpwnam(haproxy.USER).pw_uid)
        tables = in_netns(self.netns(pod), ["iptables", "-w", "-t", "nat", "-A"])
        run([*tables, "PREROUTING", "-p", "tcp", "--dport", port, "-j", "REDIRECT",
             "--to-ports", str(INBOUND_PORT)])
        run([*tables, "OUTPUT", "-p", "tcp", "--dport", port, "-m", "owner", "!", "--uid-owner",
             uid, "-j", "REDIRECT", "--to-ports", str(OUTBOUND_PORT)])
        set_sysctls(self.netns(pod), CONNTRACK)

    def peer(self):
        return "127.0.0.1"

    def counters(self):
        found = super().counters() | self.handled()
        for pod, chain in (("client", "OUTPUT"), ("server", "PREROUTING")):
            found[f"{pod} redirected"] = nat_hits(self.netns(pod), chain, "REDIRECT")
        return found

    def check_path(self, delta):
        expect(delta["client sidecar"] == 20 and delta["server sidecar"] == 20, self.name,
               f"20 requests, but the sidecars counted {delta}")
        expect(delta["client redirected"] >= 1, self.name,
               f"iptables redirected no connection in the client's pod: {delta}")
        rules = self.counters()
        expect(rules["server redirected"] >= 1, self.name,
               f"iptables redirected no connection in the server's pod: {rules}")

    def handled(self):
        return {f"{pod} sidecar": p.requests() for pod, p in self.sidecars.items()}


class OneHop(Variant):
    name = "one-hop"

    def start_mesh(self):
        self.hop = haproxy.Haproxy(self.folder, "hop", NODE_PORT, super().target(), self.threads)
        group = cgroups.make(f"{cgroups.of_run(self.run_id)}/node1/hop")
        self.hop.start(lambda argv, log: processes.spawn(
            in_netns(self.node_netns(), argv), group, log, processes.environment()))

    def target(self):
        return f"{self.node_ip()}:{NODE_PORT}"

    def peer(self):
        return self.node_ip()

    def counters(self):
        return super().counters() | self.handled()

    def check_path(self, delta):
        expect(delta["hop"] == 20 and delta["forwarded"] == 0, self.name,
               f"20 requests, but the counters moved by {delta}")

    def handled(self):
        return {"hop": self.hop.requests()}


class WeftL4(Variant):
    name = "weft-l4"
    mesh = True
    manifests = SERVICE

    def weftd_args(self):
        return ["--workers", str(self.threads), "--access-log", "off"]

    def start_mesh(self):
        self.bed.apply_text(self.manifests.format(port=APP_PORT), "mesh.yaml")

    def target(self):
        doc = self.bed.store.documents["Service/bench/server"]["text"]
        return re.search(r"clusterIP: '?([\d.]+)", doc)[1] + ":80"

    def metrics(self):
        agent = self.bed.agent()
        return run(in_netns(agent.netns, ["curl", "-sS", "--fail", "--max-time", "5",
                                          "http://127.0.0.1:15020/stats/prometheus"])).stdout

    def counters(self):
        return super().counters() | weft_counters(self.metrics())

    def check_path(self, delta):
        expect(delta["balanced"] >= 1 and delta["to_proxy"] == 0, self.name,
               f"one connection to {self.target()}, but the kernel's counters moved by {delta}")
        expect(delta["redirected"] >= 1 and delta["forwarded"] < 10, self.name,
               f"packets of 20 requests went through the host stack: {delta}")


class WeftL7(WeftL4):
    name = "weft-l7"
    manifests = SERVICE + ROUTE.replace("{", "{{").replace("}", "}}")

    def peer(self):
        return self.node_ip()

    def check_path(self, delta):
        expect(delta["to_proxy"] >= 1 and delta["balanced"] == 0, self.name,
               f"one connection to {self.target()}, but the kernel's counters moved by {delta}")
        expect(delta["requests"] == 20, self.name,
               f"20 requests, but weft-proxy counted {delta['requests']}")

    def handled(self):
        return {"weft-proxy": weft_counters(self.metrics())["requests"]}


def weft_counters(text):
    """The counters of the Prometheus page that prove a path, summed over their labels."""
    sums = {"balanced": 0, "to_proxy": 0, "redirected": 0, "requests": 0}
    for line in text.splitlines():
        found = re.match(r"(\w+)(?:\{(.*)\})? ([\d.e+]+)$", line)
        if not found:
            continue
        name, labels, value = found[1], found[2] or "", int(float(found[3]))
        reason = re.search(r'reason="(\w+)"', labels)
        if name == "istio_requests_total":
            sums["requests"] += value
        elif reason and reason[1] in sums:
            sums[reason[1]] += value
    return sums


ALL = {v.name: v for v in (Variant, KubeProxy, SidecarPair, OneHop, WeftL4, WeftL7)}
