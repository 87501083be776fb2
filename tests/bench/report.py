# SPDX-License-Identifier: Apache-2.0
"""What the bench says: machine line, aligned table, Markdown, verdicts on the goals."""
import os
import platform
import re
import subprocess

from testbed_lib.shell import REPO

COLUMNS = ("workload", "clients", "variant", "requests/s", "ratio", "p50 µs", "p90 µs", "p99 µs",
           "CPU µs/req", "CPU ratio", "mesh CPU µs/req", "RSS MB", "errors")


def _output(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return ""
    return done.stdout + done.stderr


def machine():
    """What the figures depend on, as data and as one line."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"^model name\s*: (.*)$", f.read(), re.MULTILINE)
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="utf-8") as f:
        congestion = f.read().strip()

    def version(argv, pattern):
        found = re.search(pattern, _output(argv))
        return found[1] if found else "?"

    facts = {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "congestion_control": congestion,
        "nginx": version(["nginx", "-v"], r"nginx/([\d.]+)"),
        "haproxy": version(["haproxy", "-v"], r"version ([\d.]+)"),
        "wrk": version(["wrk", "-v"], r"wrk (?:debian/)?([\d.]+)"),
        "commit": _output(["git", "-C", REPO, "rev-parse", "--short=12", "HEAD"]).strip(),
        "modified": bool(_output(["git", "-C", REPO, "status", "--porcelain", "-uno"]).strip()),
    }
    facts["line"] = (f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, "
                     f"{congestion}; nginx {facts['nginx']}, HAProxy {facts['haproxy']}, "
                     f"wrk {facts['wrk']}; weft {facts['commit']}"
                     + (" with changes" if facts["modified"] else ""))
    return facts


def cells(row):
    proxies = {n: kb for n, kb in row["rss_kb"].items()}
    rss = f"{sum(proxies.values()) / 1024:.1f}" if proxies else "-"
    ratio, used = ("-" if row[f] is None else f"{row[f]:.2f}" for f in ("ratio", "cpu_ratio"))
    return (row["workload"], str(row["clients"]), row["variant"], f"{row['rps']:,.0f}", ratio,
            f"{row['p50_us']:,.0f}", f"{row['p90_us']:,.0f}", f"{row['p99_us']:,.0f}",
            f"{row['cpu_s_per_1000'] * 1000:.1f}", used, f"{row['mesh_cpu_s_per_1000'] * 1000:.1f}",
            rss, str(row["errors"]))


def table(rows):
    """Aligned text; words to the left, numbers to the right, a blank line between workloads."""
    lines = [COLUMNS] + [cells(r) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    out, last = [], None
    for line in lines:
        if last not in (None, COLUMNS[:2]) and line[:2] != last:
            out.append("")
        last = line[:2]
        out.append("  ".join(c.ljust(w) if i in (0, 2) else c.rjust(w)
                             for i, (c, w) in enumerate(zip(line, widths))).rstrip())
    return "\n".join(out)


def markdown(document):
    """The table for the README, with the machine under it."""
    aligns = [":--" if i in (0, 2) else "--:" for i in range(len(COLUMNS))]
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "|".join(aligns) + "|"]
    lines += ["| " + " | ".join(cells(r)) + " |" for r in document["rows"]]
    how = document["method"]
    lines += ["", f"{document['machine']['line']}. {how['rounds']} rounds of {how['seconds']} s, "
              "variants interleaved, medians; ratio = requests/s to `direct` of the same round; "
              "CPU µs/req = seconds per million requests, all processes involved and kernel "
              "threads; mesh CPU and RSS: proxies and agents alone.", ""]
    return "\n".join(lines)


# (what, variant, to, field, at least / below)
GOALS = (
    ("weft-l4 ≥ 1.15 × direct", "weft-l4", "direct", "rps", 1.15),
    ("weft-l7 ≥ 0.5 × direct", "weft-l7", "direct", "rps", 0.5),
    ("weft-l7 ≥ 2 × sidecar-pair", "weft-l7", "sidecar-pair", "rps", 2.0),
    ("weft-l7 CPU per request < sidecar-pair", "weft-l7", "sidecar-pair", "cpu_s_per_1000", None),
)


def verdicts(between):
    """Lines on the goals, at 32 keep-alive connections; between(variant, other, field) → ratio."""
    out = []
    for text, variant, other, field, wanted in GOALS:
        value = between(variant, other, field)
        if value is None:
            continue
        met = value < 1 if wanted is None else value >= wanted
        out.append({"goal": text, "value": round(value, 4), "met": met})
    return out
