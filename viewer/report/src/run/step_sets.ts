// Sets of steps, of which many are the same: each is the one before it and one
// step more. 0 is the empty one.

export class StepSets {
  private before = [0];
  private last = [-1];
  private size = [0];
  private next = new Map<number, number>();

  constructor(private steps: number) {}

  // A set and a step that is not before any of it.
  with(set: number, step: number): number {
    if (this.last[set] === step) return set;
    const key = set * this.steps + step;
    let known = this.next.get(key);
    if (known === undefined) {
      this.next.set(key, (known = this.before.length));
      this.before.push(set);
      this.last.push(step);
      this.size.push(this.size[set] + 1);
    }
    return known;
  }

  // How many steps are in any of these sets.
  count(sets: Iterable<number>): number {
    const all = [...sets];
    if (all.length === 0) return 0;
    const most = Math.max(...all.map((set) => this.size[set]));
    if (all.length === 1 || most === this.steps) return most;
    const steps = new Set<number>();
    for (let set of all) for (; set !== 0; set = this.before[set]) steps.add(this.last[set]);
    return steps.size;
  }
}
