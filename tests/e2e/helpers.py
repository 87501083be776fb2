# SPDX-License-Identifier: Apache-2.0
"""What the tests have in common: waiting, clients in pods, and reading weft's own figures."""
import json
import math
import re
import subprocess
import time

from testbed_lib.figures import metrics, reasons, rss_mb  # noqa: F401


def wait_for(condition, timeout=10.0, what=None):
    """Polls until the condition holds and returns its value; the last value tells what was."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout} s: {what or condition}: {value}"
        time.sleep(0.01)


def within_3_sigma(seen, total, share):
    """Whether a binomial count is plausible."""
    return abs(seen - total * share) <= 3 * math.sqrt(total * share * (1 - share))


def client(bed, pod, mode, *args, timeout=120):
    """netc.py in a pod; its answer as an object."""
    done = bed.exec(pod, ["netc.py", mode, *map(str, args)], timeout=timeout)
    return json.loads(done.stdout.splitlines()[-1])


class Running:
    """netc.py or httpc.py in the background. It says a line when it is under way."""

    def __init__(self, bed, pod, *argv, first_line=True):
        self.process = bed.popen(pod, list(map(str, argv)), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        self.first = json.loads(self.process.stdout.readline()) if first_line else None

    def end(self):
        """Ends it and returns its last answer."""
        out, _ = self.process.communicate("", timeout=60)
        return json.loads(out.splitlines()[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def http(bed, pod, host, port, path, *more, n=1, c=1):
    """httpc.py: n requests over c connections; {"status": {...}, "picked": {...}, …}."""
    done = bed.exec(pod, ["httpc.py", host, str(port), path, "-n", str(n), "-c", str(c), *more])
    return json.loads(done.stdout.splitlines()[-1])


class Answer:
    """One HTTP answer as curl saw it."""

    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    @property
    def json(self):
        return json.loads(self.body)


def curl(bed, pod, url, *more):
    done = bed.exec(pod, ["curl", "-sS", "-i", "--max-time", "10", *more, url])
    return Answer(done.stdout.encode("utf-8").decode("utf-8").replace("\n", "\r\n")
                  if "\r\n" not in done.stdout else done.stdout)


def metric_sum(text, name, **labels):
    """Sum over the series of a metric that carry these labels."""
    total = 0.0
    for line in text.splitlines():
        match = re.match(r'^(\w+)(?:\{(.*)\})? (\S+)$', line)
        if not match or match[1] != name:
            continue
        have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
        if all(have.get(k) == v for k, v in labels.items()):
            total += float(match[3])
    return total


def open_connections(bed, service, node="node1"):
    """Open connections of the clusters whose name holds the service."""
    rows = bed.agent(node).ask("endpoints")["clusters"]
    return sum(row["open"] for row in rows if f"|{service}." in row["cluster"])


def connections(bed, node="node1"):
    """Rows of the connection table."""
    return bed.agent(node).ask("connections")["connections"]


def access_log(bed, node="node1"):
    """The JSON lines of the access log."""
    rows = []
    with open(bed.agent(node).log, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith("{") and '"response_code"' in line:
                rows.append(json.loads(line))
    return rows
