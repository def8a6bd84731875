// Plays a step: the cursor runs, and every view shows what runs at its time.

import { button, make } from "./widgets/dom";
import { firstAt, operatorText } from "./run/facts";
import { none } from "./run/run";
import { Store } from "./store";
import { time } from "./widgets/units";

// A step takes so long, in seconds, at speed 1.
const secondsAStep = 10;
const speeds = [0.1, 0.25, 0.5, 1, 2, 5];

export class Replay {
  readonly element = make("div", { class: "replay", role: "group", label: "replay" });
  private speed = 1;
  private lastFrame = 0;
  private playing = false;
  private play = button("\u25b6", () => this.setPlaying(!this.playing), { label: "play", title: "play or pause (space)" });
  private place = make("input", { type: "range", label: "time in the step" });
  private now = make("output", { id: "replayed" });
  private startsOf = { step: -1, spans: [] as number[], times: new Float64Array(0) };

  constructor(private store: Store) {
    const choice = make("select", { label: "speed" });
    for (const speed of speeds) choice.append(make("option", { text: `${speed}\u00d7` }));
    choice.selectedIndex = speeds.indexOf(this.speed);
    choice.onchange = () => { this.speed = speeds[choice.selectedIndex]; };
    Object.assign(this.place, { min: "0", max: "1000", step: "any" });
    this.place.oninput = () => {
      const [from, to] = this.range();
      this.goTo(from + ((to - from) * Number(this.place.value)) / 1000);
    };
    this.element.append(
      button("|\u25c2", () => this.goTo(this.range()[0]), { label: "to the start", title: "to the start of the step" }),
      button("\u25c2", () => this.jump(-1), { label: "op before", title: "op before (,)" }), this.play,
      button("\u25b8", () => this.jump(1), { label: "next op", title: "next op (.)" }),
      choice, this.place, this.now,
      button("\u00d7", () => this.close(), { class: "close", label: "end the replay" }));
    this.element.hidden = true;
  }

  toggle(): void {
    if (this.store.state.replaying) return this.close();
    const [from, to] = this.range();
    const { cursor } = this.store.state;
    const inside = cursor !== null && cursor >= from && cursor < to;
    this.store.set({ replaying: true, cursor: inside ? cursor : from }, false);
  }

  private close(): void {
    this.setPlaying(false);
    this.store.set({ replaying: false }, false);
  }

  private range(): [number, number] {
    return this.store.run.stepRange(this.store.state.step);
  }

  private goTo(at: number): void {
    const [from, to] = this.range();
    this.store.set({ cursor: Math.max(from, Math.min(at, to)) }, false);
  }

  // Outermost ops and backward nodes of the step.
  private starts(): { spans: number[]; times: Float64Array } {
    const { run, state } = this.store;
    if (this.startsOf.step !== state.step) {
      const [from, to] = run.spansOfStep(state.step);
      const spans: number[] = [];
      for (let i = from; i < to; ++i) {
        const { kind } = run.operator(i);
        if (!run.spans.nested[i] && (kind === "op" || kind === "backward")) spans.push(i);
      }
      spans.sort((a, b) => run.spans.start[a] - run.spans.start[b]);
      const times = Float64Array.from(spans, (span) => run.spans.start[span]);
      this.startsOf = { step: state.step, spans, times };
    }
    return this.startsOf;
  }

  // To the start of the op after or before the cursor.
  jump(by: 1 | -1): void {
    const { spans, times } = this.starts();
    const at = this.store.state.cursor ?? this.range()[0];
    const index = by > 0 ? firstAt(times, at + 1) : firstAt(times, at) - 1;
    this.setPlaying(false);
    if (index >= 0 && index < spans.length) this.goTo(times[index]);
  }

  setPlaying(playing: boolean): void {
    const [from, to] = this.range();
    if (playing && (this.store.state.cursor ?? to) >= to) this.goTo(from);
    this.playing = playing;
    this.play.textContent = playing ? "\u25ae\u25ae" : "\u25b6";
    this.lastFrame = 0;
    if (playing) requestAnimationFrame((now) => this.frame(now));
  }

  get isPlaying(): boolean {
    return this.playing;
  }

  private frame(now: number): void {
    if (!this.playing) return;
    const [from, to] = this.range();
    const passed = this.lastFrame ? (now - this.lastFrame) / 1000 : 0;
    this.lastFrame = now;
    const at = (this.store.state.cursor ?? from) + ((to - from) * this.speed * passed) / secondsAStep;
    this.store.play(Math.min(at, to));
    if (at >= to) this.setPlaying(false);
    else requestAnimationFrame((next) => this.frame(next));
  }

  // The last op that has begun at the cursor.
  private current(): number {
    const { spans, times } = this.starts();
    const at = this.store.state.cursor ?? this.range()[0];
    return spans[firstAt(times, at + 1) - 1] ?? none;
  }

  update(): void {
    const { state, run } = this.store;
    this.element.hidden = !state.replaying;
    if (!state.replaying) return this.playing ? this.setPlaying(false) : undefined;
    const [from, to] = this.range();
    const at = state.cursor ?? from;
    this.place.value = String((1000 * (at - from)) / (to - from));
    const span = this.current();
    this.now.textContent = `${time(Math.max(at - from, 0))} of ${time(to - from)}` +
      (span === none ? "" : `  ${operatorText(run, span)}  ${run.spans.module[span] === none ? "" : run.modulePath(run.spans.module[span])}`);
  }

  onKey(event: KeyboardEvent): boolean {
    if (event.key === "p") this.toggle();
    else if (!this.store.state.replaying) return false;
    else if (event.key === " ") this.setPlaying(!this.playing);
    else if (event.key === ".") this.jump(1);
    else if (event.key === ",") this.jump(-1);
    else return false;
    return true;
  }
}
