# SPDX-License-Identifier: Apache-2.0
"""Who used the processors: processes of a cgroup, kernel threads, the whole machine."""
import os
import resource
import subprocess
import time

HZ = os.sysconf("SC_CLK_TCK")
KTHREADD = 2


def parse_stat(text):
    """/proc/PID/stat → (name, parent, CPU seconds incl. reaped children). The name may hold ')'."""
    name = text[text.index("(") + 1:text.rindex(")")]
    fields = text[text.rindex(")") + 2:].split()
    return name, int(fields[1]), sum(int(f) for f in fields[11:15]) / HZ


def parse_machine(text):
    """First line of /proc/stat → busy seconds (user, nice, system, irq, softirq; no steal)."""
    fields = [int(f) for f in text.split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / HZ


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def processes(pids):
    """{pid: (name, seconds)} of the given processes and of every kernel thread."""
    found, wanted = {}, set(pids)
    for entry in filter(str.isdigit, os.listdir("/proc")):
        pid = int(entry)
        try:
            name, parent, seconds = parse_stat(_read(f"/proc/{pid}/stat"))
        except OSError:
            continue
        if parent == KTHREADD or pid == KTHREADD:
            name = "kernel threads"
        elif pid not in wanted:
            continue
        found[pid] = (name, seconds)
    return found


def used(before, after):
    """{name: seconds} between two snapshots; a process that began meanwhile counts whole."""
    sums = {}
    for pid, (name, seconds) in after.items():
        delta = seconds - before.get(pid, (name, 0))[1]
        sums[name] = sums.get(name, 0) + delta
    return {name: s for name, s in sums.items() if s > 0}


class Meter:
    """Around one run of a load generator: processes of `pids()`, the generator, the machine."""

    def __init__(self, pids):
        self.pids = pids

    def run(self, process, timeout):
        """Waits for the Popen; returns (its stdout, {"procs", "machine"})."""
        before, machine = processes(self.pids()), parse_machine(_read("/proc/stat"))
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            text, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        after = processes(self.pids())
        machine = parse_machine(_read("/proc/stat")) - machine
        procs = used(before, after)
        # The generator has ended and been reaped: only getrusage knows what it used.
        procs["wrk"] = own.ru_utime + own.ru_stime - children.ru_utime - children.ru_stime
        return text, {"procs": procs, "machine": machine}


def rss_kb(pids):
    """{name: VmRSS in kB}, summed over processes of one name."""
    sums = {}
    for pid in pids:
        try:
            lines = _read(f"/proc/{pid}/status").splitlines()
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        if "VmRSS" in fields:
            name = fields["Name"].strip()
            sums[name] = sums.get(name, 0) + int(fields["VmRSS"].split()[0])
    return sums


def idle_share(seconds=0.5):
    """How much of the machine is idle right now, 0 to 1: others' load makes the figures noise."""
    a = parse_machine(_read("/proc/stat"))
    time.sleep(seconds)
    b = parse_machine(_read("/proc/stat"))
    return max(0.0, 1 - (b - a) / (seconds * os.cpu_count()))
