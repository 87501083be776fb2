# SPDX-License-Identifier: Apache-2.0
"""scripts/demo: Bookinfo up, load on it, a table of who answers, checks with --once."""
import argparse
import json
import math
import os
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from testbed_lib import figures, programs, teardown  # noqa: E402
from testbed_lib.bed import Bed  # noqa: E402
from testbed_lib.shell import REPO, BedError  # noqa: E402

RUN = "demo"
BOOKINFO = f"{REPO}/examples/bookinfo"
RULES = "examples/bookinfo/rules"
PICK = "calls.reviews.body.version"
STARS = {"v1": "no stars", "v2": "black stars", "v3": "red stars"}
NEXT = f"""Try, in another terminal:
  scripts/testbed apply --name {RUN} {RULES}/reviews-90-10.yaml      # shift the split
  scripts/testbed apply --name {RUN} {RULES}/reviews-jason.yaml      # route by header, then
  scripts/testbed exec --name {RUN} shell -- \\
      curl -s -H 'end-user: jason' productpage:9080/productpage
  scripts/testbed delete --name {RUN} {RULES}/reviews-75-25.yaml     # no rule: back in the kernel
  scripts/testbed node --name {RUN} node1 -- weft services           # also: status, pods, routes
  scripts/testbed list
Ctrl-C ends the demo and removes everything."""


def rule(name):
    return f"{REPO}/{RULES}/{name}.yaml"


def up():
    """A fresh testbed; what a broken-off demo has left goes first."""
    if RUN in teardown.runs():
        teardown.down(RUN)
    programs.build()
    bed = Bed.create(RUN)
    bed.apply([BOOKINFO, rule("destination-rules"), rule("reviews-75-25")])
    return bed


def page(bed, *how):
    """The product page as JSON, from the shell pod."""
    done = bed.exec("shell", ["curl", "-sS", "--max-time", "5", *how,
                              "http://productpage:9080/productpage"])
    return json.loads(done.stdout)


def load(bed, *more):
    return bed.popen("shell", ["httpc.py", "productpage", "9080", "/productpage", "-c", "8",
                               "--pick", PICK, *more],
                     stdout=subprocess.PIPE, text=True)


def table(bed, seen, counted):
    """The figures of one interval as lines of text."""
    total = max(1, sum(seen["picked"].values()))
    lines = ["shell ─▶ productpage ─▶ details            weft on node1, "
             f"{figures.rss_mb(bed):.1f} MB; {figures.enrolled(bed)} pods enrolled",
             "                     └▶ reviews ─▶ ratings", "",
             f"  {'reviews':9} {'answers':>8} {'share':>7}"]
    for version in ("v1", "v2", "v3"):
        n = seen["picked"].get(version, 0)
        bar = "█" * round(40 * n / total)
        lines.append(f"  {version:9} {n:8} {n / total:7.1%}  {bar} {STARS[version] if n else ''}")
    others = {k: n for k, n in seen["picked"].items() if k not in STARS}
    if others or seen["errors"]:
        lines.append(f"  other answers {others}, errors {seen['errors']}")
    lines += ["", f"  {seen['rps']:8.0f} pages/s    p50 {_ms(seen['p50_ms'])}   "
              f"p90 {_ms(seen['p90_ms'])}   p99 {_ms(seen['p99_ms'])}",
              f"  new connections: {counted.get('balanced', 0)} balanced in the kernel, "
              f"{counted.get('to_proxy', 0)} through weft-proxy"]
    return lines


def _ms(value):
    return "-" if value is None else f"{value:.2f} ms"


def live(bed):
    """The table again and again until Ctrl-C; the cursor goes back to its beginning."""
    process = load(bed, "--interval", "0.5")
    height, tty = 0, sys.stdout.isatty()
    print(NEXT + "\n")
    try:
        while process.poll() is None:
            if not select.select([process.stdout], [], [], 5)[0]:
                raise BedError("no answer for 5 s")
            lines = table(bed, json.loads(process.stdout.readline()), figures.reasons(bed))
            if tty and height:
                sys.stdout.write(f"\033[{height}F\033[J")
            print("\n".join(lines), flush=True)
            height = len(lines)
    finally:
        process.kill()
        process.wait()


class Checks:
    """Says each result; any failure makes the exit code 1."""

    def __init__(self):
        self.failed = 0

    def that(self, holds, text):
        print(f"  {'ok    ' if holds else 'FAILED'} {text}")
        self.failed += not holds


def until(condition, wait=10):
    deadline = time.monotonic() + wait
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def once(bed):
    checks = Checks()
    missing = bed.not_enrolled()
    checks.that(not missing, f"{figures.enrolled(bed)} pods enrolled {missing or ''}")
    until(lambda: page(bed)["calls"]["reviews"]["body"]["version"] == "v2")
    before = figures.reasons(bed)
    process = load(bed, "-n", "4000")
    seen = json.loads(process.communicate(timeout=60)[0])
    counted = {k: n - before.get(k, 0) for k, n in figures.reasons(bed).items()}
    v1, v2 = seen["picked"].get("v1", 0), seen["picked"].get("v2", 0)
    total = v1 + v2
    plausible = total >= 4000 and abs(v1 - .75 * total) <= 4 * math.sqrt(total * .75 * .25)
    checks.that(plausible and not seen["errors"], f"75/25: {v1} to v1, {v2} to v2 of {total}")
    checks.that(counted.get("balanced", 0) >= 16,
                f"the kernel balanced {counted.get('balanced', 0)} connections by itself")
    checks.that(counted.get("to_proxy", 0) >= 1,
                f"{counted.get('to_proxy', 0)} connections needed weft-proxy (reviews alone)")
    bed.apply([rule("reviews-jason")])
    jason = until(lambda: _reviews(bed, "-H", "end-user: jason") == "v2")
    others = until(lambda: _reviews(bed) == "v3")
    checks.that(jason and others, "the user jason gets reviews v2, others v3")
    print()
    print("\n".join(table(bed, seen, counted)))
    return checks.failed == 0


def _reviews(bed, *how):
    return page(bed, *how)["calls"]["reviews"]["body"]["version"]


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="run the checks, print, and end")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    good = True
    try:
        bed = up()
        if args.once:
            good = once(bed)
        else:
            live(bed)
    except KeyboardInterrupt:
        print()
    except (BedError, OSError, KeyError, ValueError, subprocess.SubprocessError) as e:
        print(f"demo: {type(e).__name__}: {e}", file=sys.stderr)
        good = False
    finally:
        teardown.down(RUN)
    print("removed: nothing is left of the testbed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
