#!/usr/bin/env python3
"""A step read alone is told as it is where all of the log is read: same_steps.py VIEWER LOG [STEPS]

Of steps at equal distances (12 if left out; 0: each), and of a range: every
verb that takes steps says the same with and without `--whole`, byte for byte."""

import json
import subprocess
import sys


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr


def main():
    viewer, log = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 12
    summary = json.loads(run(viewer, "summary", "--json", log)[1])
    numbers = [step["number"] for step in summary["steps"]]
    apart = max(1, len(numbers) // count) if count else 1
    chosen = [["--step", str(n)] for n in sorted({*numbers[::apart], numbers[-1]})]
    ranges = [["--steps", f"{numbers[len(numbers) // 3]}:{numbers[len(numbers) // 2]}"]]
    failed = 0
    for verb in ("summary --json", "summary", "summary --json --by=source", "dump --json", "export --to=json"):
        for steps in chosen + (ranges if verb.startswith("s") else []):
            command = [viewer, *verb.split(), *steps]
            alone, whole = run(*command, log), run(*command, "--whole", log)
            if alone != whole:
                failed += 1
                print(f"{verb} {' '.join(steps)}: differs from that of the whole log")
    print(f"{len(chosen)} steps of {len(numbers)}, {failed} differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
