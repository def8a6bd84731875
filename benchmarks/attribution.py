#!/usr/bin/env python3
"""Holds what a log says about modules against the truth, for models of the zoo.

    attribution.py BUILD_FOLDER RESULT.json [MODEL...]

Each model is trained three times for one recorded step: as it is, as it is but
stripped of debug information, and with modules that tell the truth by ranges
(models/told_modules.h). The ops of the three are the same, one by one. Prints a
line for each model; exit code 1 if a bar is missed.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

# Least share of forward and backward op time, in %, on the right module: the
# leaf or its parent.
BARS = {"plain": 95, "stripped": 90, "told": 100}
SOURCES = ("scope", "tap", "parameter", "call_site", "inferred", "none")

# From Visuai's README: the sum of its five steps in s, and its space in kB.
VISUAI = {
    "ThreeLayerMLP": (0.078, 19.00),
    "ThreeLayerConvNet": (0.104, 22.31),
    "resnet18": (1.413, 242.46),
    "resnet152": (8.801, 1490),
    "densenet121": (4.826, 1470),
    "densenet201": (8.486, 2800),
    "googlenet": (2.483, 735.41),
    "shufflenet_v2_x2_0": (2.340, 625.82),
    "mobilenet_v2": (1.869, 542.38),
    "resnext101_32x8d": (12.347, 1090),
    "wide_resnet101_2": (13.723, 1100),
    "mnasnet1_3": (1.659, 520.47),
}
TIME_BAR, SPACE_BAR = 50, 10


class Unit:
    """An outermost op or backward node."""

    def __init__(self, begin, truth):
        self.name = begin["name"]
        self.module = begin["module"]
        self.source = begin["module_source"]
        self.backward = begin["kind"] == "backward"
        self.truth = truth
        self.ns = 0


class Log:
    """What `torchtape dump --json` says of one step."""

    def __init__(self, tool, path):
        self.units, self.counts, self.modules = [], {}, []
        self.open = {}  # by thread: the spans that are open
        self.makers = {}  # by sequence number: the unit that made the node
        self.before = None  # truth of the backward node before
        dump = subprocess.Popen(
            [tool, "dump", "--json", path], stdout=subprocess.PIPE, text=True
        )
        for line in dump.stdout:
            event = json.loads(line)
            handle = getattr(self, "on_" + event["event"], None)
            if handle:
                handle(event)
        if dump.wait() != 0:
            raise SystemExit(f"{path}: cannot be read")

    def on_model(self, event):
        for module in event["model"]["modules"]:
            self.modules.append((module["path"], module["type"]))

    def on_begin(self, begin):
        spans = self.open.setdefault(begin["thread"], [])
        unit = next((span["unit"] for span in spans if span["unit"]), None)
        kind = begin["kind"]
        if kind in ("op", "backward"):
            self.counts[begin["name"]] = self.counts.get(begin["name"], 0) + 1
            if unit is None and not in_optimizer(spans):
                unit = Unit(begin, self.truth(begin, spans))
                self.units.append(unit)
            outside = not any(span["kind"] == "backward" for span in spans)
            if kind == "op" and outside and begin["sequence"] is not None:
                self.makers[begin["sequence"]] = unit
        spans.append({"kind": kind, "name": begin["name"], "unit": unit})

    def on_end(self, end):
        span = self.open[end["thread"]].pop()
        others = any(s["unit"] is span["unit"] for s in self.open[end["thread"]])
        if span["unit"] and not others:
            span["unit"].ns = end["duration_ns"]

    def truth(self, begin, spans):
        """The innermost range of a module; of a node that of the op that made
        it; of the sum of a gradient that of the node before, which made it."""
        if begin["kind"] == "op":
            names = [s["name"] for s in spans if s["kind"] == "range"]
            modules = [n[3:] for n in names if n.startswith("in ")]
            return modules[-1] if modules else None
        maker = self.makers.get(begin["sequence"])
        if maker is not None:
            self.before = maker.truth
        return self.before


def in_optimizer(spans):
    return any(s["name"].startswith("Optimizer.") for s in spans)


def parent(module):
    return module.rpartition(".")[0]


def right_share(log, truth, wrong):
    """In %, of the time of what is in a module or is said to be. `wrong` is given
    the time of what is not right, by (op, what it is, what the log says)."""
    right = total = 0
    for ours, told in zip(log.units, truth.units):
        if ours.name != told.name:
            raise SystemExit(f"{ours.name} is {told.name} in the told log")
        if told.truth is None and not ours.module:
            continue
        total += ours.ns
        if told.truth and ours.module in (told.truth, parent(told.truth)):
            right += ours.ns
        else:
            key = (ours.name, told.truth, ours.module, ours.source)
            wrong[key] = wrong.get(key, 0) + ours.ns
    return 100 * right / total


def unequal(counts, kineto):
    """Names that Kineto counts differently. A range around each node and the
    marker inside of aten::detach are no ops."""
    names = set(counts) | {
        n for n in kineto if not n.startswith("autograd::engine") and n not in ("detach", "detach_")
    }
    return {n: (counts.get(n, 0), kineto.get(n, 0)) for n in names if counts.get(n, 0) != kineto.get(n, 0)}


def processor_seconds():
    """Of all programs that were run and are over."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def least_seconds(command, rounds=5):
    """On the clock, and of processor time."""

    def once():
        start, processor = time.monotonic(), processor_seconds()
        subprocess.run(command, check=True)
        return time.monotonic() - start, processor_seconds() - processor

    return map(min, zip(*(once() for _ in range(rounds))))


def measure(build, model, folder):
    tool = os.path.join(build, "bin", "torchtape")
    logs = {}
    for kind, program in (("plain", "zoo"), ("stripped", "stripped_zoo"), ("told", "told_zoo")):
        path = os.path.join(folder, kind + ".tape")
        for old in os.listdir(folder):
            if old.startswith(kind):
                os.remove(os.path.join(folder, old))
        run = [os.path.join(build, "benchmarks", program), model, path, path + ".json"]
        subprocess.run(run, check=True, stderr=subprocess.DEVNULL)
        logs[kind] = Log(tool, path)
    plain = os.path.join(folder, "plain.tape")
    with open(plain + ".json") as file:
        facts = json.load(file)
    info = json.loads(subprocess.run([tool, "info", "--json", plain], stdout=subprocess.PIPE, check=True).stdout)
    export = [tool, "export", "--to=json", plain, "-o", os.path.join(folder, "graph.json")]
    export_s, export_processor_s = least_seconds(export)
    wrong = {kind: {} for kind in logs}
    return {
        "model": model,
        "parameters": facts["parameters"],
        "parameters_right": facts["parameters"] == facts["published_parameters"],
        "ops": sum(logs["plain"].counts.values()),
        "unequal_counts": unequal(logs["plain"].counts, facts["kineto"]),
        "tree_right": logs["plain"].modules == [(m["path"], m["type"]) for m in facts["modules"]],
        "sources": info["attribution"],
        "right": {kind: right_share(log, logs["told"], wrong[kind]) for kind, log in logs.items()},
        "wrong": {k: sorted(((ns, *key) for key, ns in w.items()), key=lambda row: -row[0])[:8] for k, w in wrong.items()},
        "to_graph_s": facts["recorded_step_s"] - facts["bare_step_s"] + export_s,
        "to_graph_processor_s": facts["recorded_step_processor_s"]
        - facts["bare_step_processor_s"]
        + export_processor_s,
        "export_s": export_s,
        "export_processor_s": export_processor_s,
        "bare_step_s": facts["bare_step_s"],
        "bare_step_processor_s": facts["bare_step_processor_s"],
        "reference_loop_s": facts["reference_loop_s"],
        "reference_loop_processor_s": facts["reference_loop_processor_s"],
        "log_bytes": os.path.getsize(plain),
    }


def facts_are_right(result):
    return result["parameters_right"] and result["tree_right"] and not result["unequal_counts"]


def is_met(result):
    return facts_are_right(result) and all(result["right"][kind] >= bar for kind, bar in BARS.items())


def beside_visuai(result):
    """How many times faster, by processor time, and smaller."""
    seconds, kilobytes = VISUAI[result["model"]]
    return seconds / result["to_graph_processor_s"], 1e3 * kilobytes / result["log_bytes"]


def print_result(result):
    sources = " ".join(f"{100 * result['sources'][s]:5.1f}" for s in SOURCES)
    right = " ".join(f"{result['right'][kind]:6.1f}" for kind in BARS)
    print(
        f"{result['model']:20} {result['parameters'] / 1e6:8.3f} {result['ops']:6}  {sources}  {right}  "
        f"{'met' if is_met(result) else 'NOT MET'}",
        flush=True,
    )
    if not result["parameters_right"]:
        print("  parameters are not as many as published")
    if not result["tree_right"]:
        print("  the log's modules are not named_modules()")
    for name, (ours, kinetos) in sorted(result["unequal_counts"].items()):
        print(f"  {name}: {ours}, Kineto counts {kinetos}")
    for kind, bar in BARS.items():
        if result["right"][kind] < bar or "-v" in sys.argv:
            for ns, name, truth, said, source in result["wrong"][kind][:8]:
                print(f"  {kind}: {ns / 1e3:.0f} us {name} of {truth} said to be of {said} by {source}")


def print_visuai(result):
    """The way to a graph, beside Visuai's."""
    seconds, kilobytes = VISUAI[result["model"]]
    faster, smaller = beside_visuai(result)
    met = faster >= TIME_BAR and smaller >= SPACE_BAR
    print(
        f"{result['model']:20} {1e3 * result['to_graph_processor_s']:7.1f} ms ({1e3 * result['to_graph_s']:7.1f} on the clock)  "
        f"Visuai {seconds:7.3f} s  {faster:5.1f} x   "
        f"{result['log_bytes'] / 1e3:7.1f} kB  Visuai {kilobytes:7.1f} kB  {smaller:5.1f} x   "
        f"reference loop {1e3 * result['reference_loop_processor_s']:.0f} ms  {'met' if met else 'NOT MET'}"
    )


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    build, path, models = arguments[0], arguments[1], arguments[2:]
    if not models:
        program = os.path.join(build, "benchmarks", "zoo")
        models = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    print(f"{'model':20} {'M param.':>8} {'ops':>6}  {'% by ' + ', '.join(SOURCES)}; % right: {', '.join(BARS)}")
    results = []
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(build, model, folder))
        print_result(results[-1])
    print(f"\nfrom the start of a recorded step to a graph in JSON, above the bare step; bars {TIME_BAR} x and {SPACE_BAR} x")
    for result in results:
        if result["model"] in VISUAI:
            print_visuai(result)
    with open(path, "w") as file:
        json.dump(results, file, indent=1)
    return 0 if all(map(is_met, results)) else 1


if __name__ == "__main__":
    sys.exit(main())
