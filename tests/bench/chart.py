# SPDX-License-Identifier: Apache-2.0
"""The figures as an SVG: grouped bars, one panel for throughput, one for CPU, one for latency."""
import math
from xml.sax.saxutils import escape

COLOURS = {"direct": "#8a8f98", "kube-proxy": "#b9bdc4", "sidecar-pair": "#d1605e",
           "one-hop": "#e6a04d", "weft-l4": "#2f7f5f", "weft-l7": "#4c78b8"}
OTHER = "#9d7bb0"
WIDTH, PANEL, LEFT, TOP, GAP = 1040, 190, 64, 76, 84
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"


def axis(value):
    """(step, number of steps): round steps, at most five, that reach the value."""
    size = 1.0
    while size < value:
        size *= 10
    while size > value > 0:
        size /= 10
    for step in (size * m for m in (0.2, 0.25, 0.5, 1, 2, 2.5)):
        if step * 5 >= value:
            return step, max(1, math.ceil(value / step - 1e-9))
    raise AssertionError(f"no step for {value}")


def short(value):
    if value >= 10000:
        return f"{value / 1000:.0f}k"
    if value >= 1000:
        return f"{value / 1000:.1f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def text(x, y, what, size=11, anchor="middle", colour="#30343a", extra=""):
    return (f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' "
            f"fill='{colour}' {FONT} {extra}>{escape(str(what))}</text>")


def panel(y, title, groups, variants, value, label):
    """One row of grouped bars. groups: [(name, {variant: row})]; value and label take a row."""
    shown = [value(r) for _, rows in groups for r in rows.values() if value(r) is not None]
    step, steps = axis(max(shown, default=1) * 1.08)
    top = step * steps
    out = [text(LEFT, y - 16, title, 13, "start", extra="font-weight='bold'")]
    for i in range(steps + 1):
        line = y + PANEL - PANEL * i / steps
        out.append(f"<line x1='{LEFT}' x2='{WIDTH - 20}' y1='{line:.1f}' y2='{line:.1f}' "
                   "stroke='#e2e4e8'/>")
        out.append(text(LEFT - 8, line + 4, f"{step * i:g}", 10, "end", "#6a7078"))
    room = (WIDTH - 20 - LEFT) / max(len(groups), 1)
    bar = room * 0.86 / max(len(variants), 1)
    for g, (name, rows) in enumerate(groups):
        start = LEFT + g * room + room * 0.07
        out.append(text(LEFT + (g + 0.5) * room, y + PANEL + 18, name, 12))
        for i, variant in enumerate(variants):
            row = rows.get(variant)
            if row is None or value(row) is None:
                continue
            height = PANEL * min(value(row) / top, 1)
            x = start + i * bar
            out.append(f"<rect x='{x:.1f}' y='{y + PANEL - height:.1f}' width='{bar - 3:.1f}' "
                       f"height='{height:.1f}' rx='2' fill='{COLOURS.get(variant, OTHER)}'>"
                       f"<title>{escape(variant)}, {escape(name)}: {escape(label(row))}</title>"
                       "</rect>")
            out.append(text(x + (bar - 3) / 2, y + PANEL - height - 4, label(row), 9))
    return out


def render(document):
    """The whole chart of a bench document (the JSON of scripts/bench) as SVG text."""
    rows, groups = document["rows"], []
    variants = list(dict.fromkeys(r["variant"] for r in rows))
    for key in dict.fromkeys((r["workload"], r["clients"]) for r in rows):
        name = f"{key[0]}, {key[1]} connection" + ("s" if key[1] != 1 else "")
        groups.append((name, {r["variant"]: r for r in rows
                              if (r["workload"], r["clients"]) == key}))
    panels = (
        ("Requests per second, relative to no mesh (higher is better; label: requests/s)",
         lambda r: r["ratio"], lambda r: short(r["rps"])),
        ("CPU time per request, all processes and the kernel (lower is better; µs, relative axis)",
         cpu_ratio(groups), lambda r: short(r["cpu_s_per_1000"] * 1000)),
        ("Latency p99 relative to no mesh (lower is better; label: µs)",
         p99_ratio(groups), lambda r: short(r["p99_us"])),
    )
    height = TOP + len(panels) * (PANEL + GAP) + 8
    out = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' "
           f"viewBox='0 0 {WIDTH} {height}'>", "<rect width='100%' height='100%' fill='#ffffff'/>"]
    x = LEFT
    for variant in variants:
        out.append(f"<rect x='{x}' y='14' width='12' height='12' rx='2' "
                   f"fill='{COLOURS.get(variant, OTHER)}'/>")
        out.append(text(x + 18, 24, variant, 12, "start"))
        x += 40 + 8 * len(variant)
    for i, (title, value, label) in enumerate(panels):
        out += panel(TOP + i * (PANEL + GAP), title, groups, variants, value, label)
    out.append(text(LEFT, height - 8, document["machine"]["line"], 10, "start", "#6a7078"))
    return "\n".join(out + ["</svg>", ""])


def _relative(groups, field):
    base = {id(r): rows.get("direct") for _, rows in groups for r in rows.values()}

    def value(row):
        direct = base[id(row)]
        return row[field] / direct[field] if direct and direct[field] > 0 else None
    return value


def cpu_ratio(groups):
    return _relative(groups, "cpu_s_per_1000")


def p99_ratio(groups):
    return _relative(groups, "p99_us")
