// How much is live after each change, and whose it is, found without walking
// from the first change on: every so many changes the sums are kept.

import { Changes } from "./live";

const blockSize = 64; // changes

export class LiveBlocks {
  private sums: Float64Array; // of each block: the bytes of each part before it
  private highest: Int32Array; // of each block: the change after which most is live
  private live: Float64Array; // after each change

  // `partsOf` gives the parts that a change of an allocation belongs to; of lost
  // ones nobody knows whose they are.
  constructor(private changes: Changes, private allocations: number, readonly parts: number,
              private partsOf: (allocation: number) => number[]) {
    const blocks = Math.ceil(changes.count / blockSize) + 1;
    this.sums = new Float64Array(blocks * parts);
    this.highest = new Int32Array(blocks);
    this.live = new Float64Array(changes.count);
    const now = new Float64Array(parts);
    let live = 0;
    for (let i = 0; i < changes.count; ++i) {
      const block = Math.floor(i / blockSize);
      if (i % blockSize === 0) {
        this.sums.set(now, block * parts);
        this.highest[block] = i;
      }
      live += changes.delta[i];
      this.live[i] = live;
      if (live > this.live[this.highest[block]]) this.highest[block] = i;
      this.add(i, now);
    }
  }

  private add(change: number, into: Float64Array): void {
    const { allocation, delta } = this.changes;
    const which = allocation[change] < 0 ? ~allocation[change] : allocation[change];
    if (which >= this.allocations) return;
    for (const part of this.partsOf(which)) into[part] += delta[change];
  }

  // What is live after a change; before the first one: nothing.
  liveAfter(change: number): number {
    return change < 0 ? 0 : this.live[change];
  }

  // The same by parts, into zeros.
  partsAfter(change: number, into: Float64Array): void {
    if (change < 0) return;
    const block = Math.floor(change / blockSize);
    into.set(this.sums.subarray(block * this.parts, (block + 1) * this.parts));
    for (let i = block * blockSize; i <= change; ++i) this.add(i, into);
  }

  // The change of [from, to) after which most is live; from - 1 if before them
  // more was live.
  mostAfter(from: number, to: number): number {
    let most = from - 1;
    const look = (change: number) => { if (this.liveAfter(change) > this.liveAfter(most)) most = change; };
    for (let i = from; i < to; ) {
      const block = Math.floor(i / blockSize);
      if (i % blockSize === 0 && i + blockSize <= to) {
        look(this.highest[block]);
        i += blockSize;
      } else look(i++);
    }
    return most;
  }
}
