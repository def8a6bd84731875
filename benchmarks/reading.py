#!/usr/bin/env python3
"""How fast a long log is read: reading.py BUILD WORK RESULT.json [EVENTS]

Makes a log of EVENTS events (10^7 if left out) in WORK, unless it is there, and
measures the tool on it: a summary of all, one step by three verbs, and memory.
Each figure is the least of its rounds; the log is in the page cache."""

import json
import os
import pathlib
import subprocess
import sys
import time


def run(*command):
    """Seconds and MiB that a command took."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    return seconds, usage.ru_maxrss / 1024


def best(rounds, *command):
    """The least of both over some rounds."""
    runs = [run(*command) for _ in range(rounds)]
    return min(r[0] for r in runs), min(r[1] for r in runs)


def main():
    build, work = map(pathlib.Path, sys.argv[1:3])
    events = int(float(sys.argv[4])) if len(sys.argv) > 4 else 10**7
    tool, log = str(build / "bin/torchtape"), work / f"long_{events}.tape"
    if not log.exists():
        subprocess.run([str(build / "benchmarks/long_log"), str(log), str(events)], check=True)
    facts = json.loads(subprocess.run([tool, "info", "--json", str(log)], check=True,
                                      capture_output=True).stdout)
    summary_s, summary_mib = best(3, tool, "summary", str(log))
    step = str(facts["steps"] * 2 // 3)
    steps = {verb: best(5, tool, *verb.split(), "--step", step, str(log))
             for verb in ("summary", "dump", "export --to=json")}
    result = {"events": events, "bytes": log.stat().st_size,
              "summary_s": summary_s, "summary_mib": summary_mib,
              "steps": {verb: {"ms": 1000 * seconds, "mib": mib}
                        for verb, (seconds, mib) in steps.items()}}
    pathlib.Path(sys.argv[3]).write_text(json.dumps(result, indent=1))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
