"""Holds measured figures against their bars: bars.py OP_COST LOG_COST TRAINING_COST
ATTRIBUTION FLOPS REPORT REPORT_GRAPH READING WRAPPERS RESULT."""

import json
import sys

import attribution
import flops


def op_rows(costs):
    by = {(c["training"], c["recorder"]): c["thread_ns_per_span"] for c in costs}
    for training in dict.fromkeys(c["training"] for c in costs):
        empty = by[training, "empty callback"]
        kineto = by[training, "kineto, shapes and memory"]
        observer = by[training, "trace observer"]
        times = by[training, "taps, times only"]
        everything = by[training, "taps, everything"]
        yield f"{training}: taps, times only, share of the empty callback", times / empty, 0.3, "of 1"
        yield f"{training}: taps, everything, share of the empty callback", everything / empty, 0.45, "of 1"
        yield f"{training}: taps, everything, share of Kineto", everything / kineto, 1 / 7, "of 1"
        yield f"{training}: taps, everything, share of the observer", everything / observer, 1 / 80, "of 1"
        times = by[training, "callbacks, times only"]
        everything = by[training, "callbacks, everything"]
        yield f"{training}: callbacks, times only, above the empty one", times - empty, 25, "ns a span"
        yield f"{training}: callbacks, everything, above the empty one", everything - empty, 80, "ns a span"
        yield f"{training}: callbacks, everything, share of Kineto", everything / kineto, 0.5, "of 1"


def log_rows(cost):
    yield "transformer: bytes an op, no memory and ids", cost["plain_bytes_per_op"], 5, "bytes"
    yield "transformer: bytes an op, everything", cost["all_bytes_per_op"], 10, "bytes"
    yield "Stop() after 10^6 events", cost["stop_ms"], 100, "ms"
    yield "tracker's memory over 10^7 events, above its bound", cost["memory_over_bound_mib"], 0, "MiB"
    yield "reader: 10 million ops, one core", 10 / cost["read_mops_per_s"], 1, "s"


def reading_rows(reading):
    share = reading["events"] / 1e8
    yield "reader: a summary of 10^8 events, from a shorter log", reading["summary_s"] / share, 2, "s"
    yield "reader: memory of a summary", reading["summary_mib"], 256, "MiB"
    for verb, cost in reading["steps"].items():
        yield f"reader: {verb} of one step", cost["ms"], 50, "ms"
        yield f"reader: memory of {verb} of one step", cost["mib"], 256, "MiB"


def training_rows(costs):
    for cost in costs:
        # Met only if the machine was quiet enough to tell.
        most = cost["percent"] + cost["percent_interval"]
        yield f"{cost['training']}: recorded, above bare, with its interval", most, 1, "%"
        wrong = abs(cost["stated_percent"] / cost["percent"] - 1)
        yield f"{cost['training']}: what the log states, off by", 100 * wrong, 20, "%"


def wrapper_rows(cost):
    yield "generated wrappers: to build, on two cores", cost["seconds"], 60, "s"
    yield "generated wrappers: code and data", cost["bytes"] / 1e6, 4, "MB"


def attribution_rows(results):
    """Of these the bar is the least."""
    for result in results:
        for kind, bar in attribution.BARS.items():
            yield f"{result['model']}: op time on the right module, {kind}", result["right"][kind], bar, "%"
        yield f"{result['model']}: parameters, modules, counts as they are", attribution.facts_are_right(result), 1, "of 1"
    for result in results:
        if result["model"] in attribution.VISUAI:
            faster, smaller = attribution.beside_visuai(result)
            yield f"{result['model']}: way to a graph, Visuai's over ours", faster, attribution.TIME_BAR, "of 1"
            yield f"{result['model']}: space, Visuai's over ours", smaller, attribution.SPACE_BAR, "of 1"


def flops_rows(results):
    for result in results:
        yield f"{result['model']}: multiply-adds as published", flops.is_right(result), 1, "of 1"


def main():
    costs, log, trainings, zoo, looks, report, graph, reading, wrappers, result = sys.argv[1:]
    rows = [
        *op_rows(json.load(open(costs))),
        *log_rows(json.load(open(log))),
        *reading_rows(json.load(open(reading))),
        *training_rows(json.load(open(trainings))),
        *wrapper_rows(json.load(open(wrappers))),
        *((row["name"], row["figure"], row["bar"], row["unit"])
          for file in (report, graph) for row in json.load(open(file))),
    ]
    rows = [(*row, "at most") for row in rows]
    rows += [(*row, "at least") for row in attribution_rows(json.load(open(zoo)))]
    rows += [(*row, "at least") for row in flops_rows(json.load(open(looks)))]
    out = []
    for name, figure, bar, unit, side in rows:
        met = figure <= bar if side == "at most" else figure >= bar
        print(f"{name:58} {figure:9.2f} {side:>8} {bar:6.3g} {unit:10} {'met' if met else 'NOT MET'}")
        out.append({"name": name, "figure": figure, "bar": bar, "unit": unit, "met": met})
    with open(result, "w") as file:
        json.dump(out, file, indent=1)
    print(f"written to {result}")


if __name__ == "__main__":
    main()
