# SPDX-License-Identifier: Apache-2.0
"""Processes that outlive the command which started them, each in its cgroup, with a log."""
import os
import subprocess

from .shell import REPO, build_dir

# The shell joins the cgroup before the program exists: its first socket already belongs there.
JOIN = ('echo 0 >"$1/cgroup.procs" || exit 125; shift; ulimit -n "$(ulimit -Hn)"; exec "$@"')
PROGRAM_DIRS = ["", "examples/bookinfo", "tests/e2e/programs"]
_started = {}  # pid → Popen of this process: reaped on the way


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k not in ("WEFT_RUN", "PYTHONPATH")}
    dirs = [os.path.join(build_dir(), d).rstrip("/") for d in PROGRAM_DIRS]
    dirs += [os.path.join(REPO, d) for d in ("tests/e2e/programs", "scripts/testbed_lib")]
    env["PATH"] = ":".join(dirs + [env.get("PATH", "/usr/bin:/bin"), "/usr/sbin", "/sbin"])
    env["WEFT_BUILD"], env["WEFT_REPO"] = build_dir(), REPO
    env.update(more)
    return env


def joined(argv, group):
    """argv that enters the cgroup first and takes as many descriptors as it may."""
    return ["sh", "-c", JOIN, "sh", group, *argv]


def spawn(argv, group, log, env, cwd="/"):
    with open(log, "ab") as out:
        process = subprocess.Popen(joined(argv, group), stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, env=env, cwd=cwd,
                                   start_new_session=True)
    _started[process.pid] = process
    return process


def alive(pid):
    """Whether the process runs; a zombie does not."""
    if pid in _started:
        return _started[pid].poll() is None
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def name(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return ""


def start_time(pid):
    """Tells a process from a later one with the same id."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[19]
    except OSError:
        return None


def listens(pid, port):
    """Whether some socket of the process's network namespace listens on the TCP port."""
    wanted = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{table}", encoding="utf-8") as f:
                rows = [line.split() for line in f]
        except OSError:
            continue
        if any(row[3] == "0A" and row[1].endswith(wanted) for row in rows[1:]):
            return True
    return False


def tail(log, lines=15):
    try:
        with open(log, encoding="utf-8", errors="replace") as f:
            return "".join(f"    {line}" for line in f.readlines()[-lines:])
    except OSError:
        return "    (no log)"
