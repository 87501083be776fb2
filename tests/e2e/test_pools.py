# SPDX-License-Identifier: Apache-2.0
"""HTTP pool limits and outlier detection, as DestinationRules ask for them.

    client ──▶ recommendation:8080 [weft-proxy] ──▶ recommendation-v1, -v2
"""
import re
import threading
import time

import pytest
from helpers import access_log, curl, http, metric_sum, metrics, wait_for

URL = "http://recommendation:8080"
RULE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: recommendation, namespace: tutorial}
spec:
  host: recommendation
  trafficPolicy: %s
  subsets:
  - {name: version-v1, labels: {version: v1}}
  - {name: version-v2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: recommendation, namespace: tutorial}
spec:
  hosts: [recommendation]
  http:
  - route:
    - destination: {host: recommendation, subset: version-%s}
"""


@pytest.fixture(scope="module")
def bed(make_bed):
    return make_bed("chain.yaml")


def policy(bed, text, version="v2"):
    bed.apply_text(RULE % (text, version), "pool.yaml")
    wait_for(lambda: curl(bed, "client", URL).headers.get("x-app-version") == version,
             what="the rule in force")


def at_once(bed, count, path):
    """Statuses of requests that are all under way together."""
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(curl(bed, "client", URL + path)))
               for _ in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sorted(a.status for a in answers)


def test_more_requests_than_http2_max_requests_are_503_uo(bed):
    policy(bed, "{connectionPool: {http: {http2MaxRequests: 2}}}")
    assert at_once(bed, 5, "/?delay=700") == [200, 200, 503, 503, 503]
    assert at_once(bed, 2, "/?delay=50") == [200, 200], "the places are free again"


def test_requests_beyond_the_connections_wait_for_one(bed):
    policy(bed, "{connectionPool: {tcp: {maxConnections: 1}, "
                "http: {http1MaxPendingRequests: 10}}}", "v1")  # no test before has used v1
    begin = time.monotonic()
    assert at_once(bed, 4, "/?delay=200") == [200] * 4
    assert time.monotonic() - begin >= 0.8, "one after the other"


def test_an_upstream_connection_ends_after_max_requests_per_connection(bed):
    policy(bed, "{connectionPool: {http: {maxRequestsPerConnection: 5}}}")

    def opened():
        return metric_sum(metrics(bed), "envoy_cluster_upstream_cx_total")

    before = opened()
    assert http(bed, "client", "recommendation", 8080, "/", n=100, c=1)["status"] == {"200": 100}
    assert 20 <= opened() - before <= 22


def test_an_endpoint_that_fails_is_ejected_and_comes_back(bed):
    """Tutorial 004-10: one 5xx, all of the hosts may go: 503 UH until the ejection is over."""
    policy(bed, "{outlierDetection: {consecutive5xxErrors: 1, interval: 0.5s, "
                "baseEjectionTime: 2s, maxEjectionPercent: 100}}")
    assert curl(bed, "client", URL + "/?status=500").status == 500
    begin = time.monotonic()
    answer = curl(bed, "client", URL)
    assert (answer.status, answer.body) == (503, "no healthy upstream")
    rows = wait_for(lambda: [r for r in access_log(bed) if r["response_flags"] == "UH"], what="UH")
    assert rows[-1]["response_code"] == 503
    wait_for(lambda: curl(bed, "client", URL).status == 200, what="back in service")
    assert 1.5 <= time.monotonic() - begin <= 4


def test_an_endpoint_that_cannot_be_reached_is_503_uf(bed):
    bed.apply_text("""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: nowhere, namespace: tutorial}
spec:
  hosts: [nowhere.example]
  addresses: [240.240.9.9]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{name: http, number: 80, protocol: HTTP}]
  endpoints:
  - {address: 10.244.1.2, ports: {http: 9}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: nowhere, namespace: tutorial}
spec:
  hosts: [nowhere.example]
  http:
  - route:
    - destination: {host: nowhere.example}
""", "nowhere.yaml")
    answer = wait_for(lambda: (a := curl(bed, "client", "http://nowhere.example/")).status == 503
                      and a, what="503")
    assert re.match("upstream connect error or disconnect/reset before headers. reset reason: "
                    ".*connection failure", answer.body), answer.body
    rows = wait_for(lambda: [r for r in access_log(bed) if r["authority"] == "nowhere.example"],
                    what="the access log")
    assert rows[-1]["response_flags"] == "UF"


def test_a_subset_may_balance_differently_from_its_host(bed):
    """Tutorial 001-02: RANDOM, and ROUND_ROBIN for one subset."""
    bed.apply_text("""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: recommendation, namespace: tutorial}
spec:
  host: recommendation
  trafficPolicy: {loadBalancer: {simple: RANDOM}}
  subsets:
  - name: all
    trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: recommendation, namespace: tutorial}
spec:
  hosts: [recommendation]
  http:
  - match:
    - uri: {prefix: /even}
    route:
    - destination: {host: recommendation, subset: all}
  - route:
    - destination: {host: recommendation}
""", "pool.yaml")

    def dealt(path):
        return http(bed, "client", "recommendation", 8080, path, n=400, c=1)["picked"]

    wait_for(lambda: set(dealt("/even")) == {"v1", "v2"}, what="the rule in force")
    even = dealt("/even")
    assert abs(even["v1"] - even["v2"]) <= 2, even
    random = [dealt("/any") for _ in range(3)]
    assert any(abs(r["v1"] - r["v2"]) > 2 for r in random), random
    assert all(abs(r["v1"] - 200) <= 40 for r in random), random
