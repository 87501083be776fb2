# SPDX-License-Identifier: Apache-2.0
"""Pure arithmetic of the bench: what wrk printed, medians over rounds, ratios to `direct`."""
import re
import statistics

# Printed by wrk.lua: everything in whole numbers, so that nothing is rounded for a human reader.
WRK_FIELDS = ("duration_us", "requests", "bytes", "p50_us", "p90_us", "p99_us", "max_us",
              "connect_errors", "read_errors", "write_errors", "status_errors", "timeouts")
ERROR_FIELDS = WRK_FIELDS[7:]
MEDIANS = ("rps", "p50_us", "p90_us", "p99_us", "max_us", "cpu_s_per_1000",
           "mesh_cpu_s_per_1000", "machine_cpu_s_per_1000")


def parse_wrk(text):
    """The line of wrk.lua as a dict; ValueError with wrk's own words when it is not there."""
    found = re.search(r"^BENCH((?: -?\d+){%d})$" % len(WRK_FIELDS), text, re.MULTILINE)
    if not found:
        raise ValueError(f"wrk printed no result: {text.strip()[-500:] or '(nothing)'}")
    return dict(zip(WRK_FIELDS, map(int, found[1].split())))


def sample(wrk, cpu):
    """One timed run: wrk's figures, and CPU seconds {"procs": {name: s}, "mesh", "machine"}."""
    seconds, thousands = wrk["duration_us"] / 1e6, wrk["requests"] / 1000
    if wrk["requests"] <= 0 or seconds <= 0:
        raise ValueError(f"no request was answered: {wrk}")
    return {
        "rps": wrk["requests"] / seconds,
        "p50_us": wrk["p50_us"], "p90_us": wrk["p90_us"], "p99_us": wrk["p99_us"],
        "max_us": wrk["max_us"],
        "bytes_per_s": wrk["bytes"] / seconds,
        "errors": sum(wrk[f] for f in ERROR_FIELDS),
        "cpu_s_per_1000": sum(cpu["procs"].values()) / thousands,
        "mesh_cpu_s_per_1000": cpu["mesh"] / thousands,
        "machine_cpu_s_per_1000": cpu["machine"] / thousands,
        "procs": {name: s / thousands for name, s in cpu["procs"].items()},
    }


def median(values):
    return statistics.median(values)


def ratios(rounds, base_rounds, field="rps"):
    """value / base of the same round, for the rounds that both have."""
    return [rounds[r][field] / base_rounds[r][field] for r in sorted(rounds)
            if r in base_rounds and base_rounds[r][field] > 0]


def row(variant, workload, clients, rounds, base_rounds, rss=None):
    """The row of one variant and workload; rounds and base_rounds are {round: sample}."""
    out = {"variant": variant, "workload": workload, "clients": clients}
    samples = [rounds[r] for r in sorted(rounds)]
    for field in MEDIANS:
        out[field] = round(median([s[field] for s in samples]), 6)
    names = sorted({name for s in samples for name in s["procs"]})
    out["cpu_by_process"] = {n: round(median([s["procs"].get(n, 0) for s in samples]), 6)
                             for n in names}
    found = ratios(rounds, base_rounds)
    out["ratio"] = round(median(found), 4) if found else None
    out["ratio_min"], out["ratio_max"] = ((round(min(found), 4), round(max(found), 4))
                                          if found else (None, None))
    used = ratios(rounds, base_rounds, "cpu_s_per_1000")
    out["cpu_ratio"] = round(median(used), 4) if used else None
    out["errors"] = sum(s["errors"] for s in samples)
    out["gbit_s"] = round(median([s["bytes_per_s"] for s in samples]) * 8 / 1e9, 4)
    out["rss_kb"] = rss or {}
    out["rounds"] = len(samples)
    return out


def ratio_between(samples, variant, other, key, field="rps"):
    """Median of variant / other. samples: {(variant, workload, clients): {round: …}}."""
    a, b = samples.get((variant, *key)), samples.get((other, *key))
    found = ratios(a, b, field) if a and b else []
    return median(found) if found else None
