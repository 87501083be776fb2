# SPDX-License-Identifier: Apache-2.0
"""The pure parts of the bench. No root, no network."""
import json
import os
import sys
import xml.dom.minidom

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[0:0] = [os.path.join(REPO, "tests"), os.path.join(REPO, "scripts")]

from bench import chart, cpu, figures, main, profiler, report, variants  # noqa: E402

LINE = "BENCH 2000000 50000 6000000 300 450 900 2000 0 0 0 0 0\n"


def wrk(**changed):
    return figures.parse_wrk(LINE) | changed


def cpu_of(procs, mesh=0.0, machine=0.0):
    return {"procs": procs, "mesh": mesh, "machine": machine}


def sample(rps, procs=None, mesh=0.0):
    return figures.sample(wrk(requests=rps * 2), cpu_of(procs or {"nginx": 2.0}, mesh, 4.0))


# --- figures ---------------------------------------------------------------------------------


def test_the_line_of_wrk_is_found_among_its_other_words():
    got = figures.parse_wrk("Running 2s test @ http://x\n  1 threads\n" + LINE + "bye\n")
    assert (got["requests"], got["p50_us"], got["p90_us"], got["p99_us"]) == (50000, 300, 450, 900)


@pytest.mark.parametrize("text", ["", "unable to connect to 10.0.0.1:80 Connection refused\n",
                                  "BENCH 1 2 3\n", LINE.replace("50000", "5e4"), "x" + LINE])
def test_output_without_a_result_is_an_error_with_the_words_of_wrk(text):
    with pytest.raises(ValueError, match="wrk printed no result"):
        figures.parse_wrk(text)


def test_a_run_without_answers_is_an_error_and_not_a_rate_of_zero():
    with pytest.raises(ValueError, match="no request was answered"):
        figures.sample(wrk(requests=0), cpu_of({}))


def test_a_sample_counts_cpu_seconds_per_thousand_requests_and_every_kind_of_error():
    used = cpu_of({"nginx": 1.0, "wrk": 0.5}, 0.25, 4)
    got = figures.sample(wrk(read_errors=2, timeouts=3), used)
    assert got["rps"] == 25000
    assert got["cpu_s_per_1000"] == pytest.approx(1.5 / 50)
    assert got["mesh_cpu_s_per_1000"] == pytest.approx(0.25 / 50)
    assert got["machine_cpu_s_per_1000"] == pytest.approx(4 / 50)
    assert got["errors"] == 5


def test_ratios_compare_rounds_with_themselves_before_the_median_is_taken():
    mine = {0: sample(50), 1: sample(600), 2: sample(70)}
    base = {0: sample(100), 1: sample(1000), 2: sample(100)}
    assert figures.ratios(mine, base) == pytest.approx([0.5, 0.6, 0.7])
    assert figures.row("v", "keepalive", 32, mine, base)["ratio"] == pytest.approx(0.6)


def test_rounds_that_one_side_lacks_are_left_out():
    assert figures.ratios({0: sample(50), 1: sample(60)}, {1: sample(120)}) == pytest.approx([0.5])


def test_a_row_without_direct_has_no_ratio():
    assert figures.row("v", "bulk", 8, {0: sample(50)}, {})["ratio"] is None


def test_an_outlier_does_not_move_the_median():
    rounds = {i: sample(r) for i, r in enumerate([100, 101, 5000])}
    assert figures.row("v", "connect", 32, rounds, rounds)["rps"] == 101


def test_the_ratio_of_cpu_time_between_two_variants_is_taken_by_round():
    samples = {("a", "keepalive", 32): {0: sample(100, {"p": 1.0}), 1: sample(100, {"p": 3.0})},
               ("b", "keepalive", 32): {0: sample(100, {"p": 2.0}), 1: sample(100, {"p": 4.0})}}
    got = figures.ratio_between(samples, "a", "b", ("keepalive", 32), "cpu_s_per_1000")
    assert got == pytest.approx((0.5 + 0.75) / 2)
    assert figures.ratio_between(samples, "a", "none", ("keepalive", 32)) is None


# --- the document ----------------------------------------------------------------------------

CONTRACT = {"variant": str, "workload": str, "clients": int, "rps": float, "p50_us": (int, float),
            "p90_us": (int, float), "p99_us": (int, float), "cpu_s_per_1000": float,
            "ratio": float}


def document():
    args = main.arguments(["--only", "direct,weft-l4", "--workloads", "keepalive:32,bulk"])
    samples, memory = {}, {}
    for i, name in enumerate(args.variants):
        for w in args.workloads:
            samples[(name, *w.key)] = {r: sample(1000 * (i + 1) + r) for r in range(3)}
            memory[(name, *w.key)] = {"weftd": 9000, "weft-proxy": 7000} if i else {}
    return main.build_document(args, samples, memory, 1.0)


def test_every_row_of_the_json_has_the_fields_and_types_that_tools_rely_on():
    got = json.loads(json.dumps(document()))
    assert got["machine"]["cores"] >= 1
    assert [(r["variant"], r["workload"], r["clients"]) for r in got["rows"]] == [
        ("direct", "keepalive", 32), ("weft-l4", "keepalive", 32),
        ("direct", "bulk", 8), ("weft-l4", "bulk", 8)]
    for row in got["rows"]:
        for field, kind in CONTRACT.items():
            assert isinstance(row[field], kind), (field, row[field])
    assert all(r["ratio"] == 1 for r in got["rows"] if r["variant"] == "direct")


def test_goals_that_can_be_judged_are_judged():
    assert document()["goals"] == [{"goal": "weft-l4 ≥ 1.15 × direct", "value": 1.999,
                                    "met": True}]


def test_a_missed_goal_says_so():
    got = report.verdicts(lambda a, b, field: 1.5 if field == "cpu_s_per_1000" else 0.4)
    assert [g["met"] for g in got] == [False, False, False, False]


def test_the_table_is_aligned_and_has_a_line_for_each_row():
    lines = [line for line in report.table(document()["rows"]).split("\n") if line]
    assert len(lines) == 5
    at = lines[0].index("variant")
    assert all(line[at:].startswith(("variant", "direct", "weft-l4")) for line in lines)


def test_markdown_rows_have_as_many_cells_as_the_head():
    lines = [ln for ln in report.markdown(document()).split("\n") if ln.startswith("|")]
    assert len(lines) == 6
    assert len({ln.count("|") for ln in lines}) == 1


# --- the chart -------------------------------------------------------------------------------


def test_the_chart_is_xml_with_a_bar_for_each_row_in_each_panel():
    svg = xml.dom.minidom.parseString(chart.render(document()))
    titles = [t.firstChild.data for t in svg.getElementsByTagName("title")]
    assert len(titles) == 3 * 4
    assert any(t.startswith("weft-l4, keepalive, 32 connections") for t in titles)


def test_a_chart_without_direct_has_no_bars_but_is_still_a_chart():
    doc = document()
    doc["rows"] = [dict(r, ratio=None) for r in doc["rows"] if r["variant"] != "direct"]
    svg = xml.dom.minidom.parseString(chart.render(doc))
    assert svg.getElementsByTagName("title") == []


@pytest.mark.parametrize("value, step, steps", [
    (0, 0.2, 1), (0.9, 0.2, 5), (1.0, 0.2, 5), (1.3, 0.5, 3), (2.9, 1, 3), (9, 2, 5),
    (101, 25, 5), (110, 25, 5), (0.012, 0.0025, 5)])
def test_an_axis_has_few_round_steps_that_reach_the_value(value, step, steps):
    assert chart.axis(value) == (pytest.approx(step), steps)
    assert step * steps >= value


# --- /proc -----------------------------------------------------------------------------------


def test_a_process_name_may_hold_blanks_and_brackets():
    line = "42 (a) b (c) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 20 10 20 0 1 0 99 1 1"
    assert cpu.parse_stat(line) == ("a) b (c", 7, pytest.approx(230 / cpu.HZ))


def test_busy_time_of_the_machine_leaves_out_idle_and_waiting_and_stolen_time():
    assert cpu.parse_machine("cpu  100 10 50 9999 888 5 35 77 0 0\ncpu0 1") == \
        pytest.approx(200 / cpu.HZ)


def test_time_used_is_summed_by_name_and_counts_new_processes_whole():
    before = {1: ("nginx", 5.0), 2: ("haproxy", 1.0), 3: ("gone", 9.0)}
    after = {1: ("nginx", 5.5), 2: ("haproxy", 1.0), 4: ("nginx", 0.25)}
    assert cpu.used(before, after) == {"nginx": 0.75}


# --- counters and reports of other programs --------------------------------------------------


def test_counters_of_weft_are_summed_over_labels_and_others_ignored():
    text = ('# HELP istio_requests_total x\n# TYPE istio_requests_total counter\n'
            'istio_requests_total{response_code="200",reporter="source"} 15\n'
            'istio_requests_total{response_code="404",reporter="source"} 5\n'
            'weft_kernel_total{reason="balanced",cpu="0"} 3\n'
            'weft_kernel_total{reason="to_proxy"} 1e3\n'
            'weft_kernel_total{reason="spoofed"} 8\nbroken line\n')
    assert variants.weft_counters(text) == {"balanced": 3, "to_proxy": 1000, "redirected": 0,
                                            "requests": 20}


def test_perf_lines_become_rows_and_shares_add_up_by_program():
    text = ("# comment\n\n12.50%\tnginx\t[kernel.kallsyms]\t[k] tcp_ack\t-  -\n"
            " 2.00%\tnginx\tnginx\t[.] ngx_http_parse\n"
            "1.25%\twrk\t[unknown]\t[k] bpf_prog_1234_door_in\nnonsense\n")
    rows = profiler.parse_report(text)
    assert rows == [(12.5, "nginx", "[kernel.kallsyms]", "tcp_ack"),
                    (2.0, "nginx", "nginx", "ngx_http_parse"),
                    (1.25, "wrk", "[unknown]", "bpf_prog_1234_door_in")]
    text = profiler.summarize(rows)
    assert " 79.4  nginx            kernel" in text and "  7.9  bpf     bpf_prog" in text


def test_bpf_programs_are_ranked_by_the_time_of_this_run_alone():
    before = {1: {"name": "door_in", "run_cnt": 100, "run_time_ns": 9000}}
    after = {1: {"name": "door_in", "run_cnt": 110, "run_time_ns": 9500},
             2: {"name": "door_out", "run_cnt": 10, "run_time_ns": 1000},
             3: {"name": "idle"}}
    assert profiler.bpf_time(before, after) == [("door_out", 10, 100.0), ("door_in", 10, 50.0)]


def test_system_calls_are_counted_with_and_without_errors_and_the_total_is_left_out():
    text = ("% time     seconds  usecs/call     calls    errors syscall\n"
            "------ ----------- ----------- --------- --------- ----------------\n"
            " 50.00    0.100000           2     50000           sendto\n"
            " 25.00    0.050000           2     30000     10000 recvfrom\n"
            "------ ----------- ----------- --------- --------- ----------------\n"
            "100.00    0.150000           2     80000     10000 total\n")
    assert profiler.parse_strace(text) == {"sendto": 50000, "recvfrom": 30000}


# --- arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [["--only", "weft-l5"], ["--workloads", "keepalive:7"],
                                  ["--profile", "nothing"], ["--rounds", "many"]])
def test_what_does_not_exist_is_refused_before_anything_is_set_up(argv, capsys):
    with pytest.raises(SystemExit) as e:
        main.arguments(argv)
    assert e.value.code == 2 and capsys.readouterr().err


def test_a_quick_run_has_the_five_variants_that_the_goals_are_about():
    assert main.arguments(["--quick"]).variants == ["direct", "sidecar-pair", "one-hop", "weft-l4",
                                                    "weft-l7"]
    assert "kube-proxy" in main.arguments([]).variants
    assert main.arguments(["--quick", "--only", "kube-proxy"]).variants == ["kube-proxy"]


def test_variants_run_in_one_order_whatever_the_order_on_the_command_line():
    assert main.arguments(["--only", "weft-l7,direct"]).variants == ["direct", "weft-l7"]
