# SPDX-License-Identifier: Apache-2.0
"""Takes a run down from what is found on the machine, not from what was written down.

So it also works after a crash half-way, and for processes that left their parents.
"""
import os
import re
import shutil

from . import cgroups
from .shell import BedError, run

BASE = "/run/weft-tb"
BPFFS = "/sys/fs/bpf"


def _listdir(path):
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []


def runs():
    """Every run of which anything is left."""
    found = set(_listdir(BASE))
    found |= {m[1] for n in _listdir("/run/netns") if (m := re.match(r"(\w+)-(?:net|node\d+)$", n))}
    found |= {m[1] for n in _listdir(cgroups.root()) if (m := re.match(r"weft-(\w+)", n))}
    return sorted(found)


def _of_run(folder, prefix):
    return [f"{folder}/{n}" for n in _listdir(folder) if n.startswith(prefix)]


def _processes_in(netns_paths):
    """Processes whose network is one of these namespaces, wherever their cgroup is."""
    inodes = set()
    for path in netns_paths:
        try:
            inodes.add(os.stat(path).st_ino)
        except OSError:
            pass
    own = os.stat("/proc/self/ns/net").st_ino
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            inode = os.stat(f"/proc/{pid}/ns/net").st_ino
        except OSError:
            continue
        if inode in inodes and inode != own:
            yield int(pid)


def down(run_id):
    """Removes the run; safe to repeat."""
    groups = [cgroups.of_run(run_id), cgroups.of_agents(run_id)]
    for group in groups:
        cgroups.kill(group)
    spaces = _of_run("/run/netns", f"{run_id}-")
    for pid in _processes_in(spaces):
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            pass
    for path in spaces:
        run(["ip", "netns", "del", os.path.basename(path)], check=False)
        if os.path.exists(path):  # a plain file: `ip netns add` was killed before it mounted
            os.unlink(path)
    for path in _of_run(BPFFS, f"weft-{run_id}-") + _of_run("/etc/netns", f"{run_id}-"):
        shutil.rmtree(path, ignore_errors=True)
    for group in groups:
        cgroups.remove(group)
    shutil.rmtree(f"{BASE}/{run_id}", ignore_errors=True)
    _remove_empty()


def _remove_empty():
    for folder in ("/etc/netns", BASE):
        try:
            os.rmdir(folder)
        except OSError:
            pass  # others' files


def leftovers(run_id):
    """What is still there of a run: for tests, empty after down()."""
    left = _of_run("/run/netns", f"{run_id}-") + _of_run("/etc/netns", f"{run_id}-")
    left += _of_run(BPFFS, f"weft-{run_id}-")
    left += [p for p in (cgroups.of_run(run_id), cgroups.of_agents(run_id), f"{BASE}/{run_id}")
             if os.path.exists(p)]
    return left


def check_name(run_id):
    if not re.fullmatch(r"[a-z0-9]{1,20}", run_id):
        raise BedError(f"run name '{run_id}': use 1 to 20 of a-z and 0-9")
