-- SPDX-License-Identifier: Apache-2.0
-- Prints one line of whole numbers after the run; figures.py knows the fields.
function done(summary, latency, requests)
	local e = summary.errors
	io.write(string.format("BENCH %d %d %d %d %d %d %d %d %d %d %d %d\n",
		summary.duration, summary.requests, summary.bytes,
		latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max,
		e.connect, e.read, e.write, e.status, e.timeout))
end
