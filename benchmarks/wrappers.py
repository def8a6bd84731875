"""What the generated wrappers cost a build: wrappers.py BUILD_FOLDER RESULT.json

Compiles the wrappers of taps again, without a cache of compilations, on two
cores, and adds up what of them lies in memory: code and data.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
import time


def commands(build):
    """By object file, of sources that were generated."""
    database = subprocess.run(
        ["ninja", "-C", build, "-t", "compdb"], stdout=subprocess.PIPE, check=True, text=True).stdout
    return {entry["output"]: entry["command"] for entry in json.loads(database)
            if "/sdk/taps/" in entry["file"] and "torchtape_torch.dir" in entry["output"]}


def compile_one(build, command):
    subprocess.run(command, shell=True, cwd=build, check=True, env={**os.environ, "CCACHE_DISABLE": "1"})


def size_of(path):
    """Bytes of code and of data, those that are zero at first included."""
    text = subprocess.run(["size", path], stdout=subprocess.PIPE, check=True, text=True).stdout
    return sum(int(figure) for figure in text.splitlines()[1].split()[:3])


def main():
    build, result = sys.argv[1:]
    todo = commands(build)
    if not todo:
        sys.exit("wrappers.py: no wrappers in " + build)
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda command: compile_one(build, command), todo.values()))
    cost = {
        "seconds": time.monotonic() - start,
        "bytes": sum(size_of(os.path.join(build, path)) for path in todo),
    }
    print(f"  {len(todo)} files, {cost['seconds']:.0f} s on two cores, {cost['bytes'] / 1e6:.2f} MB")
    with open(result, "w") as file:
        json.dump(cost, file)


if __name__ == "__main__":
    main()
