# SPDX-License-Identifier: Apache-2.0
"""Where the time of one variant goes: perf over the whole machine, and the BPF programs' own."""
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from . import cpu, figures, load
from .load import Workload
from .variants import MESH_PROGRAMS

WORKLOAD = Workload("keepalive", 32)
BPF_STATS = "/proc/sys/kernel/bpf_stats_enabled"
TOP = 25


def _perf_event():
    """cycles where the processor lets us count them, else the clock."""
    done = subprocess.run(["perf", "stat", "-x,", "-e", "cycles", "true"], capture_output=True,
                          text=True, check=False)
    counted = re.search(r"^(\d+),", done.stderr, re.MULTILINE)
    return "cycles" if done.returncode == 0 and counted else "cpu-clock"


def record(variant, seconds):
    """perf of the whole machine under load; returns (samples of the variant's own processes,
    wrk's figures). Whatever else runs on the machine is left out."""
    with tempfile.TemporaryDirectory(prefix="weft-perf-") as folder:
        data = f"{folder}/perf.data"
        process = load.start(variant, WORKLOAD, seconds + 1)
        pids = variant.pids() + [process.pid]
        subprocess.run(["perf", "record", "-q", "-a", "-g", "-F", "1999", "-e", _perf_event(),
                        "-o", data, "--", "sleep", str(seconds)], check=True,
                       capture_output=True, timeout=seconds + 30)
        text, _ = process.communicate(timeout=seconds + 15)
        return _report(data, pids), figures.parse_wrk(text)


def _report(data, pids):
    columns = "comm,dso,symbol"
    done = subprocess.run(["perf", "report", "-i", data, "--no-children", "-g", "none", "--stdio",
                           "--pid", ",".join(map(str, pids)), "-s", columns,
                           "-F", "overhead," + columns, "-t", "\t"], check=True,
                          capture_output=True, text=True, timeout=120)
    return done.stdout


def parse_report(text):
    """[(share in %, program, object, symbol)] of `perf report -t TAB`; more columns may follow."""
    found = []
    for line in text.splitlines():
        parts = [p.strip() for p in line.split("\t")]
        share = re.match(r"([\d.]+)%$", parts[0]) if len(parts) >= 4 else None
        if share:
            symbol = re.sub(r"^\[.\] ", "", parts[3])
            found.append((float(share[1]), parts[1], parts[2], symbol))
    return found


def summarize(rows):
    """The report: shares of programs (user and kernel apart), then the top symbols."""
    programs, symbols = collections.Counter(), collections.Counter()
    total = sum(row[0] for row in rows) or 1
    rows = [(100 * share / total, *rest) for share, *rest in rows]
    for share, program, dso, symbol in rows:
        space = "bpf" if symbol.startswith("bpf_prog_") else \
            "kernel" if dso.startswith("[") else "user"
        programs[(re.sub(r"/\d+$", "", program), space)] += share
        symbols[(space, symbol)] += share
    out = ["share  program          space"]
    out += [f"{s:5.1f}  {program:16} {space}" for (program, space), s in programs.most_common(16)]
    out += ["", "share  space   symbol"]
    out += [f"{s:5.1f}  {space:7} {symbol}" for (space, symbol), s in symbols.most_common(TOP)]
    return "\n".join(out)


def _bpf_programs(folder):
    """The programs that this weftd has pinned, by id; others may run on the machine too."""
    found = {}
    for name in os.listdir(folder):
        done = subprocess.run(["bpftool", "-j", "prog", "show", "pinned", f"{folder}/{name}"],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:  # else it is a map or a link
            prog = json.loads(done.stdout)
            found[prog["id"]] = prog
    return found


def bpf_time(before, after):
    """[(name, runs, ns per run)] of the programs that ran in between, busiest first."""
    found = []
    for ident, prog in after.items():
        old = before.get(ident, {})
        runs = prog.get("run_cnt", 0) - old.get("run_cnt", 0)
        spent = prog.get("run_time_ns", 0) - old.get("run_time_ns", 0)
        if runs > 0:
            found.append((spent, prog.get("name", "?"), runs, spent / runs))
    return [row[1:] for row in sorted(found, reverse=True)]


def bpf_report(variant, seconds):
    """Run-time statistics of every BPF program during a second run; the sysctl is put back."""
    with open(BPF_STATS, encoding="utf-8") as f:
        was = f.read().strip()
    try:
        _write(BPF_STATS, "1")
        pins = variant.bed.agent().pins
        before = _bpf_programs(pins)
        process = load.start(variant, WORKLOAD, seconds)
        text, _ = process.communicate(timeout=seconds + 15)
        after = _bpf_programs(pins)
    finally:
        _write(BPF_STATS, was)
    requests = figures.parse_wrk(text)["requests"]
    out = ["BPF program       runs/request  ns/run  ns/request"]
    for name, runs, each in bpf_time(before, after):
        per_request = runs / requests
        out.append(f"{name:16}  {per_request:12.2f}  {each:6.0f}  {per_request * each:10.0f}")
    return "\n".join(out)


def parse_strace(text):
    """{system call: count} of `strace -c`."""
    found = {}
    for line in text.splitlines():
        match = re.match(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", line)
        if match and match[2] != "total":
            found[match[2]] = found.get(match[2], 0) + int(match[1])
    return found


def syscall_report(variant, seconds):
    """System calls of the proxies per request. strace slows them, but a count stays a count."""
    pids = [pid for pid, (name, _) in cpu.processes(variant.pids()).items()
            if name in MESH_PROGRAMS]
    if not variant.handled() or not shutil.which("strace"):
        return ""
    with tempfile.TemporaryDirectory(prefix="weft-strace-") as folder:
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", f"{folder}/calls"] +
                                  [a for pid in pids for a in ("-p", str(pid))],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            process = load.start(variant, WORKLOAD, seconds)
            text, _ = process.communicate(timeout=seconds + 15)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(timeout=10)
        with open(f"{folder}/calls", encoding="utf-8") as f:
            calls = parse_strace(f.read())
    requests = figures.parse_wrk(text)["requests"]
    top = sorted(calls.items(), key=lambda c: -c[1])[:10]
    return "system calls of the proxies per request: " + ", ".join(
        f"{name} {count / requests:.2f}" for name, count in top if count / requests >= 0.005)


def _write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def profile(variant, seconds):
    seconds = max(seconds, 3)
    by_symbol, wrk = record(variant, seconds)
    rate = wrk["requests"] / (wrk["duration_us"] / 1e6)
    out = [f"{variant.name}, {WORKLOAD.label()} connections: {rate:,.0f} requests/s while "
           "profiled; 100 % = the processes of this variant", "",
           summarize(parse_report(by_symbol))]
    calls = syscall_report(variant, 2)
    if calls:
        out += ["", calls]
    if variant.mesh:
        out += ["", bpf_report(variant, seconds)]
    return "\n".join(out)
