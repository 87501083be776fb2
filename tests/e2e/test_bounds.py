# SPDX-License-Identifier: Apache-2.0
"""At the edges of the mesh: what is not its business passes, what has no business is refused."""
import subprocess

import pytest
from helpers import Running, client, curl, metric_sum, metrics, reasons, wait_for
from testbed_lib import processes
from testbed_lib.shell import in_netns, run, set_sysctls

NODE_IP = "192.168.77.1"


@pytest.fixture(scope="module")
def bed(make_bed):
    made = make_bed("l4.yaml", "http.yaml")
    wait_for(lambda: curl(made, "web/client", "http://web/raw").headers.get("server") == "envoy",
             what="the proxy in the path")
    return made


@pytest.fixture
def on_the_node(bed):
    """A server of the node itself, outside the mesh."""
    argv = in_netns(bed.agent().netns, [f"{processes.build_dir()}/tests/e2e/programs/netd", "node",
                                        "who:7100", "echo:7101"])
    with subprocess.Popen(argv) as server:
        wait_for(lambda: processes.listens(server.pid, 7101), what="netd on the node")
        yield
        server.kill()


def test_what_is_not_mesh_traffic_passes_unchanged(bed, on_the_node):
    before = reasons(bed)["pass"]
    assert client(bed, "l4/client", "who", NODE_IP, 7100, "-n", 10)["names"] == {"node": 10}
    seen = client(bed, "l4/client", "transfer", NODE_IP, 7101, "--bytes", 10 << 20)
    assert seen["received_crc"] == seen["sent_crc"]
    assert reasons(bed)["pass"] >= before + 11


def test_the_node_reaches_its_pods_as_kubelet_must(bed):
    ip = bed.pod("echo-v1")["ips"][0]
    argv = [f"{processes.REPO}/tests/e2e/programs/netc.py", "who", ip, "7000", "-n", "20"]
    assert '"echo-v1-0": 20' in run(in_netns(bed.agent().netns, argv)).stdout


def test_the_proxys_own_port_gives_a_pod_nothing(bed):
    for ip in ("169.254.77.1", NODE_IP):
        done = bed.exec("web/client", ["curl", "-sS", "--max-time", "5", f"http://{ip}:15001/raw"],
                        check=False)
        assert done.returncode != 0 and done.stdout == ""


def test_the_metrics_are_the_nodes_alone(bed):
    done = run(in_netns(bed.agent().netns,
                        ["curl", "-sS", "http://127.0.0.1:15020/stats/prometheus"]))
    assert "istio_requests_total{" in done.stdout and "weft_kernel_events_total{" in done.stdout
    for ip in ("169.254.77.1", NODE_IP):
        done = bed.exec("web/client", ["curl", "-sS", "--max-time", "3",
                                       f"http://{ip}:15020/stats/prometheus"], check=False)
        assert done.returncode == 7, "refused"


def test_l4_connections_and_their_bytes_are_in_the_metrics(bed):
    labels = {"destination_service": "echo.l4.svc.cluster.local", "source_workload": "client",
              "source_workload_namespace": "l4", "request_protocol": "tcp"}

    def figures():
        text = metrics(bed)
        return [metric_sum(text, f"istio_tcp_{name}_total", **labels) for name in
                ("connections_opened", "connections_closed", "sent_bytes", "received_bytes")]

    before = figures()
    ip = bed.addresses("l4/echo")[0]
    for _ in range(4):
        client(bed, "l4/client", "transfer", ip, 7001, "--bytes", 1 << 20)

    def enough():
        opened, closed, sent, received = (b - a for a, b in zip(before, figures()))
        return opened == closed == 4 and 4 << 20 <= sent < 5 << 20 and 4 << 20 <= received < 5 << 20

    wait_for(enough, what=f"4 connections, 4 MiB each way; {before}, {figures()}")


@pytest.mark.parametrize("service", ["bye", "stream"], ids=["kernel", "proxy"])
def test_client_ports_that_come_again_at_once_are_new_connections(bed, service):
    """The server closes first, so that the client's 100 ports are free at once, 3,000 times."""
    netns = bed.pod("web/client")["netns"]
    set_sysctls(netns, ["net.ipv4.ip_local_port_range=40000 40099"])
    try:
        seen = client(bed, "web/client", "who", service, 7003, "-n", 3000, "--till-end")
    finally:
        set_sysctls(netns, ["net.ipv4.ip_local_port_range=32768 60999"])
    assert seen == {"names": {"server": 3000}, "errors": {}}


def test_both_families_reach_an_http_service(bed):
    for ip in bed.addresses("web/web"):
        host = f"[{ip}]" if ":" in ip else ip
        answer = curl(bed, "web/client", f"http://{host}/raw", "-g", "-H", "host: web")
        assert answer.status == 200 and answer.headers["server"] == "envoy", ip


def test_a_pod_reaches_itself_through_the_proxy(bed):
    answer = curl(bed, "web/server", "http://web/raw")
    assert answer.status == 200 and answer.headers["server"] == "envoy"


def test_2000_connections_at_once_through_the_proxy(bed):
    done = bed.exec("web/client", ["wrk", "-t1", "-c2000", "-d3s", "--timeout", "10s",
                                   "http://web/sized/100"])
    assert "Socket errors" not in done.stdout and "Non-2xx" not in done.stdout, done.stdout


def test_tcp_keepalive_is_set_on_the_clients_socket(bed):
    bed.apply_text("""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: random, namespace: l4}
spec:
  host: random
  trafficPolicy:
    connectionPool: {tcp: {tcpKeepalive: {time: 90s, interval: 7s, probes: 3}}}
""", "keepalive.yaml")
    ip = bed.addresses("l4/random")[0]

    def timer():
        with Running(bed, "l4/client", "netc.py", "hold", ip, 7000, "-n", 1, "--processes", 1):
            return bed.exec("l4/client", ["ss", "-Htno", "dst", ip]).stdout

    wait_for(lambda: "timer:(keepalive,1min2" in timer(), what=f"a keepalive timer: {timer()}")
