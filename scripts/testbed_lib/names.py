# SPDX-License-Identifier: Apache-2.0
"""Names in pods: /etc/netns/<ns>/hosts, which `ip netns exec` puts over /etc/hosts."""
import os


def write(netns, lines):
    """Written in place: running processes hold the file by its inode."""
    os.makedirs(f"/etc/netns/{netns}", exist_ok=True)
    text = "127.0.0.1 localhost\n::1 localhost\n" + "".join(f"{line}\n" for line in lines)
    with open(f"/etc/netns/{netns}/hosts", "a+", encoding="utf-8") as f:
        f.seek(0)
        if f.read() != text:
            f.truncate(0)
            f.write(text)
    # No name server: what is not in the file does not resolve, and nothing leaves the testbed.
    with open(f"/etc/netns/{netns}/resolv.conf", "w", encoding="utf-8") as f:
        f.write("options attempts:1 timeout:1\n")


def of_service(service, pod_ips):
    """[(address, full names, short name or None, namespace)] of one completed Service."""
    meta, spec = service["metadata"], service.get("spec") or {}
    base = f"{meta['name']}.{meta['namespace']}"
    full = f"{base} {base}.svc {base}.svc.cluster.local"
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    if pod_ips is not None or spec.get("clusterIP") in (None, "None"):
        addresses = pod_ips or []
    return [(ip, full, meta["name"], meta["namespace"]) for ip in addresses if ip]


def of_service_entry(entry):
    """ServiceEntry hosts that carry plain addresses."""
    spec = entry.get("spec") or {}
    hosts = [h for h in spec.get("hosts") or [] if "*" not in h]
    plain = [a for a in spec.get("addresses") or [] if "/" not in a]
    if not plain and len(hosts) > 0:
        plain = [e["address"] for e in (spec.get("endpoints") or [])[:1]
                 if str(e.get("address", "")).replace(".", "").isdigit()]
    return [(ip, " ".join(hosts), None, None) for ip in plain if hosts]


def lines_for(namespace, entries):
    """The file of a pod in that namespace: short names are its own namespace's services."""
    for ip, full, short, owner in entries:
        yield f"{ip} {short} {full}" if short and owner == namespace else f"{ip} {full}"
