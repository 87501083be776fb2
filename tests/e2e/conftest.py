# SPDX-License-Identifier: Apache-2.0
"""Testbeds for the tests: one for each module that asks, always taken down, named after the run."""
import os
import re
import resource
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{REPO}/scripts")

from testbed_lib import processes, programs, teardown  # noqa: E402
from testbed_lib.bed import Bed  # noqa: E402

_live = {}  # module name → Bed


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: hours instead of a minute, with WEFT_SOAK=1")


def pytest_collection_modifyitems(config, items):
    if os.environ.get("WEFT_SOAK"):
        return
    for item in items:
        if "soak" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="WEFT_SOAK is not set"))


def _of_a_dead_run(run_id):
    match = re.fullmatch(r"e2e(\d+)x\d+", run_id)
    if not match:
        return False
    try:
        with open(f"/proc/{match[1]}/cmdline", "rb") as f:
            return b"pytest" not in f.read()
    except OSError:
        return True


@pytest.fixture(scope="session", autouse=True)
def machine():
    """Programs built, descriptors unlimited as far as they go, nothing left of dead runs."""
    if os.geteuid() != 0:
        pytest.exit("the end-to-end tests need root", 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for run_id in filter(_of_a_dead_run, teardown.runs()):
        teardown.down(run_id)
    programs.build()


_numbers = iter(range(1, 1000))


@pytest.fixture(scope="module")
def make_bed(request):
    """make_bed(*manifests, nodes=1, mesh=True, args=[]) → Bed, up and enrolled."""
    made = []

    def make(*manifests, nodes=1, mesh=True, args=("--access-log", "json")):
        run_id = f"e2e{os.getpid()}x{next(_numbers)}"
        made.append(run_id)
        bed = Bed.create(run_id, nodes, mesh, args)
        _live[request.module.__name__] = bed
        bed.apply([m if m.startswith("/") else f"{HERE}/manifests/{m}" for m in manifests])
        return bed

    yield make
    _live.pop(request.module.__name__, None)
    for run_id in made:
        teardown.down(run_id)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the last words of weftd and weft-proxy."""
    outcome = yield
    report = outcome.get_result()
    bed = _live.get(item.module.__name__)
    if not report.failed or bed is None:
        return
    for node in bed.store.nodes:
        lines = processes.tail(bed.agent(node).log, 2000).splitlines()
        words = [line[:300] for line in lines if not line.startswith("    {")]
        report.sections.append((f"log of {node}", "\n".join(words[-20:])))
