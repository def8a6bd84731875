#!/usr/bin/env python3
"""Holds the multiply-adds that torchtape finds in logs against published ones.

    flops.py BUILD_FOLDER RESULT.json [MODEL...]

Each model of the zoo that classifies pictures looks at one of 224 x 224, recorded.
Half the FLOPs in matrix products and convolutions of `torchtape summary --json` are
its multiply-adds. Prints a line for each model that is built, or for the MODELs;
exit code 1 if one differs in a digit that was published.
"""

import json
import os
import subprocess
import sys
import tempfile

# Billions, as torchvision publishes them with its weights (where it says GFLOPS and
# counts a multiply-add as one).
PUBLISHED = {
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet152": 11.514,
    "resnext101_32x8d": 16.414,
    "wide_resnet101_2": 22.753,
    "densenet121": 2.834,
    "densenet201": 4.291,
    "googlenet": 1.498,
    "shufflenet_v2_x2_0": 0.583,
    "mobilenet_v2": 0.301,
    "mnasnet1_3": 0.526,
    "ConvNeXt-S": 8.684,
    "ViT-B/16": 17.564,
}


def is_right(result):
    return round(result["counted"], 3) == result["published"]


def measure(build, model, folder):
    zoo = os.path.join(build, "benchmarks/zoo")
    tool = os.path.join(build, "bin/torchtape")
    log = os.path.join(folder, "look.tape")
    subprocess.run([zoo, model, log], check=True, stderr=subprocess.DEVNULL)
    summary = json.loads(subprocess.check_output([tool, "summary", "--json", log]))
    os.remove(log)
    forward = summary["work"]["forward"]
    return {
        "model": model,
        "counted": forward["matrix_flops"] / 2 / 1e9,
        "published": PUBLISHED[model],
        "unknown_ops": forward["unknown_ops"],
    }


def main():
    build, result, *models = sys.argv[1:]
    if not models:
        built = subprocess.check_output([os.path.join(build, "benchmarks/zoo")])
        models = [m for m in built.decode().splitlines() if m in PUBLISHED]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            found = measure(build, model, folder)
            results.append(found)
            verdict = "as published" if is_right(found) else f"published: {found['published']}"
            unknown = f", {found['unknown_ops']} ops unknown" if found["unknown_ops"] else ""
            print(f"{model:20} {found['counted']:7.3f} billion multiply-adds, {verdict}{unknown}")
    with open(result, "w") as file:
        json.dump(results, file, indent=1)
    return 0 if results and all(map(is_right, results)) else 1


if __name__ == "__main__":
    sys.exit(main())
