# SPDX-License-Identifier: Apache-2.0
"""The example as a user meets it: every rule file, the trace headers, the memory it takes."""
import pytest
from conftest import REPO
from helpers import (Running, curl, http, open_connections, reasons, rss_mb, wait_for,
                     within_3_sigma)

RULES = f"{REPO}/examples/bookinfo/rules"
PAGE = "http://productpage:9080/productpage"
REVIEWS = "calls.reviews.body.version"


@pytest.fixture(scope="module")
def bed(make_bed):
    made = make_bed(f"{REPO}/examples/bookinfo")
    made.apply([f"{RULES}/destination-rules.yaml"])
    return made


@pytest.fixture
def rule(bed):
    """rule(name) applies a rule file; it is taken back after the test."""
    applied = []

    def apply(name, in_force):
        applied.append(f"{RULES}/{name}.yaml")
        bed.apply(applied[-1:])
        wait_for(in_force, what=f"{name} in force")

    yield apply
    bed.delete(applied)
    bed.apply([f"{RULES}/destination-rules.yaml"])


def reviews(bed, *how):
    return curl(bed, "shell", PAGE, *how).json["calls"]["reviews"]["body"]


def test_every_pod_is_enrolled_and_l4_alone_carries_it(bed):
    before = reasons(bed)
    seen = http(bed, "shell", "productpage", 9080, "/productpage", "--reconnect", "--pick", REVIEWS,
                n=60, c=1)
    assert seen["status"] == {"200": 60} and not seen["errors"]
    after = reasons(bed)
    assert after["balanced"] - before.get("balanced", 0) >= 180
    assert after.get("to_proxy", 0) == before.get("to_proxy", 0)
    assert set(seen["picked"]) == {"v1", "v2", "v3"}


def test_trace_and_user_headers_reach_the_last_hop(bed, rule):
    rule("reviews-jason", lambda: reviews(bed, "-H", "end-user: jason")["version"] == "v2")
    sent = {"x-request-id": "a1", "x-b3-traceid": "b2", "x-b3-spanid": "c3", "x-b3-sampled": "1",
            "x-b3-parentspanid": "d4", "x-b3-flags": "1", "x-ot-span-context": "e5",
            "end-user": "jason", "cookie": "user=jason", "traceparent": "00-x-y-01"}
    args = [a for k, v in sent.items() for a in ("-H", f"{k}: {v}")]
    ratings = reviews(bed, *args)["calls"]["ratings"]["body"]
    assert ratings["app"] == "ratings"
    assert {k: ratings["headers"].get(k) for k in sent} == sent


def test_75_25(bed, rule):
    rule("reviews-75-25", lambda: reviews(bed)["version"] == "v2")
    seen = http(bed, "productpage", "reviews", 9080, "/reviews/0", n=2000, c=4)
    assert within_3_sigma(seen["picked"]["v1"], 2000, 0.75), seen["picked"]
    assert sum(seen["picked"].values()) == 2000 and "v3" not in seen["picked"]


def test_all_v1(bed, rule):
    rule("all-v1", lambda: "server" in curl(bed, "shell", PAGE).headers)
    seen = http(bed, "shell", "productpage", 9080, "/productpage", "--pick", REVIEWS, n=60)
    assert seen["picked"] == {"v1": 60}


def test_chrome_and_jason(bed, rule):
    rule("reviews-chrome", lambda: reviews(bed, "-H", "end-user: jason", "-A", "Chrome")["version"]
         == "v2")
    assert reviews(bed, "-H", "end-user: jason", "-A", "Firefox")["version"] == "v1"
    assert reviews(bed, "-A", "Chrome")["version"] == "v1"


def ratings_of(bed, path, *how):
    return curl(bed, "shell", f"http://ratings:9080{path}", *how).headers["x-app-version"]


def test_ratings_by_cookie_and_prefix(bed, rule):
    rule("ratings-cookie",
         lambda: ratings_of(bed, "/ratings/v2/0", "-b", "user=jason") == "v2" and
         [ratings_of(bed, "/ratings/0") for _ in range(8)] == ["v1"] * 8)
    assert ratings_of(bed, "/ratings/v2/0", "-b", "a=b;user=jason") == "v2"
    assert ratings_of(bed, "/ratings/v2/0", "-b", "user=jane") == "v1"


def test_ratings_by_source(bed, rule):
    url = "http://ratings:9080/"
    rule("ratings-by-source",
         lambda: "server" in curl(bed, "reviews-v3", url).headers)
    for _ in range(10):
        assert curl(bed, "reviews-v3", url).headers["x-app-version"] == "v2"
        assert curl(bed, "reviews-v2", url).headers["x-app-version"] == "v1"


def test_productpage_by_prefix(bed, rule):
    base = "http://productpage:9080"
    rule("productpage-prefix", lambda: curl(bed, "shell", f"{base}/nowhere").status == 404)
    assert curl(bed, "shell", f"{base}/reviews/1").json["app"] == "reviews"
    assert curl(bed, "shell", f"{base}/ratings/1").json["app"] == "ratings"
    assert curl(bed, "shell", f"{base}/productpage").json["app"] == "productpage"


def test_ratings_pool_is_the_kernels(bed, rule):
    def limit():
        rows = bed.agent().ask("endpoints")["clusters"]
        return [r["max_connections"] for r in rows if "|ratings." in r["cluster"]]

    rule("ratings-pool", lambda: limit() == [50])
    kept = open_connections(bed, "ratings.default")  # reviews v2 and v3 keep theirs alive
    with Running(bed, "shell", "/usr/bin/python3", "-c", HOLD, bed.addresses("default/ratings")[0]
                 ) as run:
        assert run.first == [50 - kept, 20 + kept]
        assert open_connections(bed, "ratings.default") == 50


HOLD = """
import socket, sys
kept, refused = [], 0
for _ in range(70):
    s = socket.socket()
    try:
        s.connect((sys.argv[1], 9080))
        kept.append(s)
    except ConnectionRefusedError:
        refused += 1
print([len(kept), refused], flush=True)
sys.stdin.read()
"""


def test_weftd_and_weft_proxy_fit_in_30_mb(bed, rule):
    rule("reviews-75-25", lambda: reviews(bed)["version"] == "v2")
    http(bed, "shell", "productpage", 9080, "/productpage", n=500, c=16)
    assert rss_mb(bed) <= 30
