# SPDX-License-Identifier: Apache-2.0
"""HTTP routing of the tutorials, on their application.

    client ─┐
    customer ─▶ preference (v1, v2) ─▶ recommendation (v1, v2)      all on one node
"""
import pytest
from helpers import access_log, curl, http, metric_sum, metrics, wait_for, within_3_sigma

HOST, PORT = "recommendation", 8080
URL = f"http://{HOST}:{PORT}"

RULE = """
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: recommendation
  namespace: tutorial
spec:
  hosts:
  - recommendation
  http:
"""


def to(subset, indent=2):
    return f"{' ' * indent}- route:\n{' ' * indent}  - destination:\n" \
           f"{' ' * indent}      host: recommendation\n{' ' * indent}      subset: {subset}\n"


@pytest.fixture(scope="module")
def bed(make_bed):
    return make_bed("chain.yaml")


def apply_rule(bed, http_rules, expect, *how, path="/"):
    """Applies the VirtualService and waits until a request gets the expected version or status."""
    bed.apply_text(RULE + http_rules, "rule.yaml")
    wait_for(lambda: answer_of(bed, *how, path=path) == expect, what=f"rule in force: {expect}")


def answer_of(bed, *how, path="/", pod="client"):
    """version of a 200, else the status."""
    answer = curl(bed, pod, URL + path, *how)
    return answer.headers.get("x-app-version") if answer.status == 200 else answer.status


def version_with(bed, *headers, path="/"):
    args = [a for h in headers for a in ("-H", h)]
    return answer_of(bed, *args, path=path)


def split_rule(one, other):
    return f"""  - route:
    - destination:
        host: recommendation
        subset: version-v1
      weight: {one}
    - destination:
        host: recommendation
        subset: version-v2
      weight: {other}
"""


@pytest.mark.parametrize("one,other", [(75, 25), (90, 10)])
def test_weights_hold_over_10000_requests_within_3_sigma(bed, one, other):
    """Tutorial 000-05 and 000-02, 004-04."""
    apply_rule(bed, split_rule(one, other), "v2")
    seen = http(bed, "client", HOST, PORT, "/", n=10000, c=8)
    assert seen["status"] == {"200": 10000} and not seen["errors"]
    assert within_3_sigma(seen["picked"]["v1"], 10000, one / 100), seen["picked"]
    assert seen["picked"]["v1"] + seen["picked"]["v2"] == 10000


def test_weight_100_sends_everything_there(bed):
    """Tutorial 004-02."""
    apply_rule(bed, to("version-v1"), "v1")
    assert http(bed, "client", HOST, PORT, "/", n=200, c=4)["picked"] == {"v1": 200}


def test_a_cookie_regex_and_a_prefix_must_both_hold(bed):
    """Tutorial 000-06, for this host."""
    apply_rule(bed, """  - match:
    - headers:
        cookie:
          regex: "^(.*?;)?(user=jason)(;.*)?"
      uri:
        prefix: "/ratings/v2/"
    route:
    - destination:
        host: recommendation
        subset: version-v2
""" + to("version-v1"), "v2", "-H", "cookie: user=jason", path="/ratings/v2/1")
    cases = [("user=jason", "/ratings/v2/1", "v2"), ("a=b;user=jason;c=d", "/ratings/v2/", "v2"),
             ("user=jasonx", "/ratings/v2/1", "v1"), ("xuser=jason", "/ratings/v2/1", "v1"),
             ("user=jason", "/ratings/v1/1", "v1"), ("user=jason", "/ratings/v2", "v1"),
             ("a=b", "/ratings/v2/1", "v1")]
    for cookie, path, expected in cases:
        assert version_with(bed, f"cookie: {cookie}", path=path) == expected, (cookie, path)
    assert version_with(bed, path="/ratings/v2/1") == "v1"


def test_two_headers_must_both_hold(bed):
    """Tutorial 002-03: end-user exactly jason, and a Chrome browser."""
    apply_rule(bed, """  - match:
    - headers:
        end-user:
          exact: jason
        user-agent:
          regex: ".*Chrome.*"
    route:
    - destination:
        host: recommendation
        subset: version-v2
    timeout: 2s
""" + to("version-v1"), "v2", "-H", "end-user: jason", "-H", "user-agent: a Chrome b")
    assert version_with(bed, "End-User: jason", "User-Agent: Chrome") == "v2"
    assert version_with(bed, "end-user: jason", "user-agent: Safari") == "v1"
    assert version_with(bed, "end-user: Jason", "user-agent: Chrome") == "v1"
    assert version_with(bed, "user-agent: Chrome") == "v1"


def test_a_header_that_travels_with_the_user_routes_behind_the_first_hop(bed):
    """Tutorial 004-03: baggage-user-agent, set at the edge, decides two hops later."""
    apply_rule(bed, """  - match:
    - headers:
        baggage-user-agent:
          regex: .*Safari.*
    route:
    - destination:
        host: recommendation
        subset: version-v2
""" + to("version-v1"), "v2", "-H", "baggage-user-agent: a Safari b")
    for agent, expected in [("Safari/605", "v2"), ("Chrome", "v1")]:
        answer = curl(bed, "client", "http://customer:8080/", "-H", f"baggage-user-agent: {agent}")
        first = answer.json["calls"]["preference"]
        second = first["body"]["calls"]["recommendation"]
        assert (first["status"], second["status"]) == (200, 200)
        assert second["body"]["version"] == expected


def test_source_labels_decide_by_the_client_pod(bed):
    """Tutorial 000-07, corrected."""
    apply_rule(bed, """  - match:
    - sourceLabels:
        app: preference
        version: v2
    route:
    - destination:
        host: recommendation
        subset: version-v2
""" + to("version-v1"), "v1")
    wait_for(lambda: answer_of(bed, pod="preference-v2") == "v2", what="the view of preference v2")
    for _ in range(20):
        assert answer_of(bed, pod="preference-v2") == "v2"
        assert answer_of(bed, pod="preference-v1") == "v1"
        assert answer_of(bed, pod="client") == "v1"


def test_the_host_counts_in_the_clients_own_view_whatever_it_dialled(bed, tmp_path):
    """Dials preference, which all clients see alike, and names a host that they see differently."""
    apply_rule(bed, """  - match:
    - sourceLabels:
        app: preference
        version: v2
    route:
    - destination:
        host: recommendation
        subset: version-v2
""" + to("version-v1"), "v1")
    file = tmp_path / "preference.yaml"
    file.write_text(RULE.replace("recommendation", "preference") + """  - route:
    - destination:
        host: preference
""")
    bed.apply([str(file)])

    def named(pod):
        answer = curl(bed, pod, "http://preference:8080/", "-H", f"Host: {HOST}:{PORT}")
        return f'{answer.headers.get("x-app-version")} {"server" in answer.headers}'

    try:
        wait_for(lambda: named("preference-v2") == "v2 True", what="the view of preference v2")
        for _ in range(5):
            assert named("preference-v2") == "v2 True"
            assert named("client") == "v1 True"
    finally:
        bed.delete([str(file)])


def test_an_undefined_subset_is_503_nc(bed):
    before = refusals(bed, "NC", 503)
    apply_rule(bed, to("version-v7"), 503)
    answer = curl(bed, "client", URL)
    assert (answer.status, answer.body) == (503, "")
    wait_for(lambda: refusals(bed, "NC", 503) >= before + 2, what="istio_requests_total NC")
    logged = last_logged(bed)
    assert (logged["response_flags"], logged["response_code_details"]) == ("NC",
                                                                          "cluster_not_found")


def test_an_empty_subset_is_503_uh(bed):
    before = refusals(bed, "UH", 503)
    apply_rule(bed, to("nobody"), 503)
    answer = curl(bed, "client", URL)
    assert (answer.status, answer.body) == (503, "no healthy upstream")
    wait_for(lambda: refusals(bed, "UH", 503) >= before + 2, what="istio_requests_total UH")
    logged = last_logged(bed)
    assert (logged["response_flags"], logged["response_code_details"]) == ("UH",
                                                                          "no_healthy_upstream")


def test_no_route_is_404_nr(bed):
    """A prefix route and no other: 001-01."""
    before = refusals(bed, "NR", 404)
    apply_rule(bed, """  - match:
    - uri:
        prefix: /reviews
    route:
    - destination:
        host: recommendation
        subset: version-v1
""", "v1", path="/reviews/1")
    answer = curl(bed, "client", URL + "/ratings")
    assert (answer.status, answer.body) == (404, "")
    assert answer_of(bed, path="/reviewsandmore") == "v1", "a prefix has no segment boundary"
    wait_for(lambda: refusals(bed, "NR", 404) == before + 1, what="istio_requests_total NR")
    logged = last_logged(bed, path="/ratings")
    assert (logged["response_flags"], logged["response_code_details"]) == ("NR", "route_not_found")


def refusals(bed, flag, code):
    return metric_sum(metrics(bed), "istio_requests_total", response_flags=flag,
                      response_code=str(code),
                      destination_service="recommendation.tutorial.svc.cluster.local") \
        + metric_sum(metrics(bed), "istio_requests_total", response_flags=flag,
                     response_code=str(code), destination_service="recommendation:8080")


def last_logged(bed, path="/"):
    rows = wait_for(lambda: [r for r in access_log(bed) if r["path"] == path],
                    what=f"access log of {path}")
    return rows[-1]


def test_one_prefix_rule_serves_two_services(bed):
    """Tutorial 001-01: a path prefix chooses the service."""
    apply_rule(bed, """  - match:
    - uri:
        prefix: /preference
    route:
    - destination:
        host: preference
  - match:
    - uri:
        prefix: /
    route:
    - destination:
        host: recommendation
        subset: version-v2
""", "v2")
    assert curl(bed, "client", URL + "/preference/1").json["app"] == "preference"
    assert curl(bed, "client", URL + "/elsewhere").json["app"] == "recommendation"


def test_metrics_name_both_ends_of_a_request(bed):
    apply_rule(bed, to("version-v2"), "v2")
    labels = {"source_workload": "client", "source_app": "client", "response_code": "200",
              "destination_version": "v2", "request_protocol": "http", "response_flags": "-",
              "destination_service_name": "recommendation",
              "destination_service_namespace": "tutorial"}
    before = metric_sum(metrics(bed), "istio_requests_total", **labels)
    http(bed, "client", HOST, PORT, "/", n=50)
    wait_for(lambda: metric_sum(metrics(bed), "istio_requests_total", **labels) == before + 50,
             what="50 requests more")


def test_the_proxy_names_itself_and_its_time(bed):
    apply_rule(bed, to("version-v1"), "v1")
    answer = curl(bed, "client", URL, "-H", "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124")
    assert answer.headers["server"] == "envoy"
    assert int(answer.headers["x-envoy-upstream-service-time"]) >= 0
    assert len(answer.json["headers"]["x-request-id"]) == 36
    assert answer.json["headers"]["x-b3-traceid"] == "463ac35c9f6413ad48485a3953bb6124"


def test_a_rule_that_is_deleted_gives_the_kernel_path_back(bed, tmp_path):
    file = tmp_path / "rule.yaml"
    apply_rule(bed, to("version-v1"), "v1")
    file.write_text(RULE + to("version-v1"))
    bed.delete([str(file)])
    wait_for(lambda: "server" not in curl(bed, "client", URL).headers, what="no proxy any more")
    seen = http(bed, "client", HOST, PORT, "/", "--reconnect", n=200)
    assert set(seen["picked"]) == {"v1", "v2"} and not seen["errors"]
