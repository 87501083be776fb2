# SPDX-License-Identifier: Apache-2.0
"""cgroup v2 groups of a run: <root>/weft-<run>/<node>/<pod>; agents sit in weft-<run>-agents."""
import os
import time

from .shell import BedError


def root():
    """Where cgroup v2 is mounted: alone, or beside the v1 controllers."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup2":
                return fields[1]
    raise BedError("no cgroup2 file system is mounted (see /proc/self/mounts)")


def of_run(run):
    return f"{root()}/weft-{run}"


def of_agents(run):
    return f"{root()}/weft-{run}-agents"


def make(path):
    os.makedirs(path, exist_ok=True)
    return path


def procs(path):
    """Every process in the tree below path."""
    pids = []
    for folder, _, files in os.walk(path):
        if "cgroup.procs" in files:
            try:
                with open(f"{folder}/cgroup.procs", encoding="utf-8") as f:
                    pids += [int(line) for line in f]
            except OSError:
                pass  # removed meanwhile
    return pids


def kill(path):
    """SIGKILLs the whole tree at once: nothing escapes by forking or by becoming a daemon."""
    try:
        with open(f"{path}/cgroup.kill", "w", encoding="utf-8") as f:
            f.write("1")
    except FileNotFoundError:
        return
    deadline = time.monotonic() + 5
    while procs(path) and time.monotonic() < deadline:
        time.sleep(0.005)


def remove(path):
    """Removes an emptied tree; the kernel lets go of a dead group with a small delay."""
    deadline = time.monotonic() + 5
    while os.path.isdir(path):
        for folder, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass
        if not os.path.isdir(path):
            return
        if time.monotonic() > deadline:
            raise BedError(f"{path}: cannot be removed, still used by {procs(path)}")
        time.sleep(0.02)
