#!/usr/bin/env python3
"""Reads a torchtape log without any of torchtape's code: made from FORMAT.md
and tape.proto alone. Prints totals as JSON; exits with 1 if the log is damaged.

    read_tape.py run.tape
"""

import itertools
import json
import struct
import sys
import zlib

import zstandard

FILE_MAGIC = bytes.fromhex("89544150450d0a1a")
CHUNK_SYNC = bytes.fromhex("c554415045430af3")
FOOTER_MAGIC = bytes.fromhex("c554415045450af4")
EVENTS = 2  # ChunkKind
COLUMNS = (6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 20)  # of Stream, of numbers
MASK = (1 << 64) - 1


class Damage(Exception):
    """The log is not as FORMAT.md says."""


def check(condition, what):
    if not condition:
        raise Damage(what)


def chunks(log):
    """Yields (kind, payload) of each chunk of an undamaged log."""
    check(log[:8] == FILE_MAGIC, "not a torchtape log")
    major, _, checksum = struct.unpack_from("<HHI", log, 8)
    check(checksum == zlib.crc32(log[:12]), "the file header is damaged")
    check(major == 1, f"written by format {major}")
    at, expected = 16, 0
    while at < len(log):
        if is_footer(log, at):
            check(at + 24 == len(log), "bytes follow the footer")
            return
        check(at + 40 <= len(log), "the file ends inside a chunk")
        (sync, kind, codec, _, stored, raw, payload_checksum, number, more,
         checksum) = struct.unpack_from("<8sBBHIIIQII", log, at)
        check(sync == CHUNK_SYNC, "a sync mark is missing")
        check(checksum == zlib.crc32(log[at:at + 36]), "bad header checksum")
        check(number == expected, f"chunk {expected} is missing")
        payload = log[at + 40:at + 40 + stored]
        check(len(payload) == stored, "the file ends inside a chunk")
        check(zlib.crc32(payload) == payload_checksum, "bad payload checksum")
        payload = zstandard.ZstdDecompressor().decompress(payload) if codec == 1 else payload
        check(codec <= 1 and len(payload) == raw, "a payload has another size")
        yield kind, payload
        at, expected = at + 40 + stored, number + 1 + more


def is_footer(log, at):
    footer = log[at:at + 24]
    return (len(footer) == 24 and footer[16:] == FOOTER_MAGIC and
            struct.unpack_from("<I", footer, 12)[0] == zlib.crc32(footer[:12]))


def varint(data, at):
    value = shift = 0
    for at in range(at, len(data)):
        value |= (data[at] & 0x7f) << shift
        shift += 7
        if data[at] < 0x80:
            return value & MASK, at + 1
    raise Damage("a number is cut short")


def message(data):
    """A message as {field number: [value, ...]}: int, or bytes."""
    fields, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        wire = tag & 7
        if wire in (0, 2):
            value, at = varint(data, at)
        if wire != 0:
            size = value if wire == 2 else {1: 8, 5: 4}[wire]
            value, at = data[at:at + size], at + size
            check(len(value) == size, "a message is cut short")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def one(fields, number, default=0):
    return fields[number][-1] if number in fields else default


def column(fields, number):
    """A repeated number, packed or not."""
    values = []
    for part in fields.get(number, []):
        at = 0
        while not isinstance(part, int) and at < len(part):
            value, at = varint(part, at)
            values.append(value)
        values += [part] if isinstance(part, int) else []
    return values


class Column:
    """Entries that are taken one by one and must all be taken."""

    def __init__(self, entries):
        self.entries, self.at = entries, 0

    def take(self):
        check(self.at < len(self.entries), "a column ends too early")
        self.at += 1
        return self.entries[self.at - 1]


class References:
    def __init__(self, base):
        self.highest = base

    def id(self, code):
        if code % 2 == 0:
            return code // 2
        number = (self.highest - signed(code >> 1)) & MASK
        self.highest = max(self.highest, number)
        return number


def value_counts(data):
    """(tensors, reals) that one Value takes from the columns."""
    value = message(data)
    if 8 in value:
        parts = [value_counts(v) for v in message(value[8][-1]).get(1, [])]
        return sum(p[0] for p in parts), sum(p[1] for p in parts)
    return int(1 in value), (5 in value) + 2 * (12 in value) + one(value, 15)


class Dictionary:
    """By signature: name of its op (None if it begins no op), and counts."""

    def __init__(self, data):
        fields = message(data)
        operators = [message(o) for o in fields.get(1, [])]
        self.names, self.counts = [None], [(0, 0)]
        for signature in map(message, fields.get(3, [])):
            op = one(signature, 1)
            is_op = op != 0 and one(operators[op - 1], 1) == 0
            self.names.append(one(operators[op - 1], 2, b"").decode(
                errors="replace") if is_op else None)
            parts = [value_counts(v) for v in signature.get(3, [])]
            self.counts.append(tuple(sum(p[i] for p in parts) for i in (0, 1)))


def read_stream(fields, dictionary, totals, memory):
    columns = {n: Column(column(fields, n)) for n in COLUMNS}
    columns[13] = Column(memoryview(b"".join(fields.get(13, []))).cast("d"))
    take = {n: c.take for n, c in columns.items()}
    tensor_ids, storage_ids = (References(one(fields, n)) for n in (18, 19))

    def take_values(signature):
        check(signature < len(dictionary.counts), "no such signature")
        tensor_count, real_count = dictionary.counts[signature]
        for _ in range(tensor_count if columns[11].entries else 0):
            tensor_ids.id(take[11]())
            storage_ids.id(take[12]())
        for _ in range(real_count if len(columns[13].entries) else 0):
            take[13]()

    stack = [(one(span, 2), one(span, 3)) for span in map(message, fields.get(4, []))]
    time = one(fields, 2)
    for kind in one(fields, 5, b""):
        time += take[6]()
        if kind in (1, 2, 3):  # BEGIN, BEGIN_SEQUENCED, BEGIN_BACKWARD
            signature = take[7]()
            for number in ((), (8,), (8, 9))[kind - 1]:
                take[number]()
            take_values(signature)
            stack.append((time, signature))
            totals["spans"] += 1
            op(totals, dictionary.names[signature])["count"] += 1
        elif kind in (4, 5, 6):  # END, END_THREW, END_UNKNOWN
            check(stack, "a span ends that did not begin")
            totals["ended"] += 1
            start, signature = stack.pop()
            op(totals, dictionary.names[signature])["total_ns"] += time - start
            if kind == 4:
                take_values(take[10]())
        elif kind == 7:  # ALLOCATE
            storage, size = storage_ids.id(take[14]()), take[15]()
            take[16](), columns[20].entries and take[20]()
            totals["allocations"] += 1
            totals["allocated_bytes"] += size
            memory.append((time, storage, size))
        elif kind == 8:  # FREE
            totals["frees"] += 1
            memory.append((time, storage_ids.id(take[17]()), None))
        else:
            raise Damage(f"event kind {kind}")
    totals["saves"] += sum(1 - mark % 2 for mark in column(fields, 21))
    totals["saved_bytes"] += sum(column(fields, 23))
    check(all(c.at == len(c.entries) for c in columns.values()), "a column is too long")


def signed(code):
    return (code >> 1) ^ -(code & 1)


def rows(fields, what, *numbers):
    """Entries of columns that have equal lengths."""
    columns = [column(fields, n) for n in numbers]
    check(len(set(map(len, columns))) == 1, f"{what} of different lengths")
    return zip(*columns)


def read_devices(events, totals):
    """FORMAT.md "Device times" and "Device memory"."""
    clocks = {(one(c, 1), one(c, 2)): c for c in map(message, events.get(17, []))}
    for times in map(message, events.get(16, [])):
        device = one(times, 1), one(times, 2)
        check(device in clocks, "a device without a clock")
        start = signed(one(clocks[device], 3))
        stream = totals["device_streams"].setdefault(
            f"{device[0]}:{signed(device[1])}:{one(times, 3)}",
            {"spans": 0, "steps": 0, "total_ns": 0, "last_start_ns": 0})
        for thread, _, later, duration in rows(times, "device times", 4, 5, 6, 7):
            start += signed(later)
            stream["spans" if thread else "steps"] += 1
            stream["total_ns"] += duration
            stream["last_start_ns"] = start
    for memory in map(message, events.get(19, [])):
        entries = list(rows(memory, "device memory", 3, 4, 5))
        totals["device_memory"][f"{one(memory, 1)}:{signed(one(memory, 2))}"] = {
            "last_allocated": sum(signed(entry[1]) for entry in entries),
            "last_reserved": sum(signed(entry[2]) for entry in entries)}
    for loss in map(message, events.get(18, [])):
        totals["lost_device_times"] += sum(one(loss, n) for n in (1, 2, 3, 4))


def read_activities(events, totals):
    """FORMAT.md "Device activities"."""
    for stream in map(message, events.get(21, [])):
        check(23 in events, "activities without a clock")
        columns = rows(stream, "activities", 5, 6, 7, 8, 9)
        for kind, (name, _, duration, _, _) in zip(one(stream, 4, b""), columns):
            total = totals["activities"].setdefault(
                f"{kind}:{events[22][name].decode()}", {"count": 0, "total_ns": 0})
            total["count"] += 1
            total["total_ns"] += duration


def op(totals, name):
    return ({} if name is None else totals["ops"]).setdefault(name, {"count": 0, "total_ns": 0})


def replay(memory):
    """What is live in the end, and the highest sum; from nothing where a window begins."""
    live, now, peak = {}, 0, 0
    for _, storage, size in sorted(memory, key=lambda m: m[0]):
        if storage is None:
            live, now = {}, 0
        elif size is None:
            now -= live.pop(storage, 0)
        else:
            live[storage], now = size, now + size
        peak = max(peak, now)
    return live, peak


def check_live(events, memory):
    """FORMAT.md "Reading some steps"."""
    told = list(itertools.accumulate(column(message(one(events, 26, b"")), 1)))
    check(26 not in events or replay(memory)[0].keys() >= set(told), "other memory is live")


def main():
    totals = dict.fromkeys(("chunks", "steps", "spans", "ended", "allocations",
                            "allocated_bytes", "frees", "saves", "saved_bytes",
                            "lost_device_times"), 0)
    totals |= {name: {} for name in ("ops", "device_streams", "device_memory", "activities")}
    threads, memory, damage = set(), [], None
    try:
        for kind, payload in chunks(open(sys.argv[1], "rb").read()):
            totals["chunks"] += 1
            events = message(payload) if kind == EVENTS else {}
            totals["steps"] += len(events.get(7, []))
            check_live(events, memory)
            windows = map(message, events.get(12, []))
            memory += [(one(w, 1), None, None) for w in windows if one(w, 2)]
            dictionary = Dictionary(one(events, 5, b""))
            read_devices(events, totals)
            read_activities(events, totals)
            for stream in map(message, events.get(6, [])):
                threads.add(one(stream, 1))
                read_stream(stream, dictionary, totals, memory)
    except Damage as what:
        damage = str(what)
    totals |= {"damage": damage, "threads": len(threads), "peak_bytes": replay(memory)[1]}
    print(json.dumps(totals, indent=1, sort_keys=True))
    return 1 if damage else 0


if __name__ == "__main__":
    sys.exit(main())
