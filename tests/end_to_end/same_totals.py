"""Two readers that share no code agree on a log: same_totals.py VIEWER LOG

The viewer's `summary --json` against the reader made from FORMAT.md alone,
which adds up every event. Also holds the viewer's parts against their sums.
"""

import json
import pathlib
import subprocess
import sys

READ_TAPE = pathlib.Path(__file__).parents[1] / "format" / "read_tape.py"


def run(*command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def differences(summary, counts, attribution, tape):
    """Yields what the readers tell differently."""
    ours = {row["name"]: {"count": row["count"], "total_ns": row["total_ns"]}
            for row in summary["ops"]}
    for name in sorted(ours.keys() | tape["ops"].keys()):
        if ours.get(name) != tape["ops"].get(name):
            yield f"span {name}: {ours.get(name)} and {tape['ops'].get(name)}"
    memory = summary["memory"]
    pairs = {
        "spans": (counts["spans_begun"], tape["spans"]),
        "ended spans": (counts["spans_ended"], tape["ended"]),
        "threads": (summary["run"]["threads"], tape["threads"]),
        "allocations": (memory["alloc_count"], tape["allocations"]),
        "frees": (memory["free_count"], tape["frees"]),
        "allocated bytes": (memory["allocated_bytes"], tape["allocated_bytes"]),
        "peak bytes": (memory["peak_bytes"], tape["peak_bytes"]),
        "holders at the peak": (sum(h["bytes"] for h in memory["holders"]), memory["peak_bytes"]),
        "roles at the peak": (sum((memory["roles"] or {}).values()), memory["peak_bytes"]),
        "ops of all steps": (sum(s["ops"] or 0 for s in summary["steps"]),
                             sum(row["count"] for row in summary["ops"])),
        "forward time of steps and of modules": (
            sum(s["forward_ns"] or 0 for s in summary["steps"]),
            sum(m["self_forward_ns"] for m in summary["modules"])
            + summary["optimizer"]["time_ns"] + summary["unattributed"]["forward_ns"]),
        "shares of what told the modules": (round(sum(attribution.values()), 9), 1.0),
    }
    for name, (first, second) in pairs.items():
        if first != second:
            yield f"{name}: {first} and {second}"


def cost_differences(own_cost, counts):
    """The recorder times one of its calls in 128, of which an op takes two. What it
    says of itself is a sample, and so is the number of its calls."""
    if counts["ops"] < 20000:
        return
    samples = sum(c["samples"] for c in own_cost["calls"] if c["kind"] == "ops")
    calls = samples * 128
    if not 0.8 < calls / (2 * counts["ops"]) < 1.25:
        yield f"calls of ops that were sampled: {calls}, of {2 * counts['ops']}"
    if not 0 < own_cost["slowdown"] < 1:
        yield f"slowdown by recording: {own_cost['slowdown']}"


def main():
    viewer, log = sys.argv[1:]
    tape = run(sys.executable, str(READ_TAPE), log)
    summary = run(viewer, "summary", "--json", log)
    info = run(viewer, "info", "--json", log)
    found = list(differences(summary, info["counts"], info["attribution"], tape))
    found += cost_differences(info["own_cost"], info["counts"])
    if tape["spans"] == 0:
        found.append("the log has no spans")
    print("\n".join(found) or f"{tape['spans']} spans, {tape['allocations']} allocations: the same")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
