/* A pane with an answer that is being written: its content, state and speed. At the end the server's section replaces
it. */

import { LiveAnswer } from "../chat/live_answer.js";
import { retryingLabel } from "../shell/retrying.js";
import { FINAL_KINDS } from "../shell/stream_events.js";
import { delay, RETRY_DELAY } from "../shell/requests.js";

const STATES = { "run.started": "answering", "run.retrying": "retrying" };
const LABELS = {
  "run.started": "Answering…",
  "run.retrying": "",
  "run.completed": "Done",
  "run.stopped": "Stopped",
  "run.failed": "Failed",
  "run.lost": "Interrupted",
};
const SHORTEST_MEASURE = 1; // s of writing before a speed is shown

export class Pane {
  isFinal = false;
  #section;
  #onChange;
  #content;
  #startedAt = null; // ms, when the page received run.started
  #firstTokenAt = null;
  #tokens = 0;

  /** `onChange(label)` receives each new state; the label is empty where the server has to be asked. */
  constructor(section, onChange) {
    this.#section = section;
    this.#onChange = onChange;
    this.stream = section.dataset.stream;
    this.seq = Number(section.dataset.seq);
    this.#content = new LiveAnswer(section, (write) => {
      write();
      this.#showFigures();
    });
  }

  async apply(event) {
    const { kind, data } = event;
    if (kind === "snapshot" && this.#isContinuation) return this.#onChange(""); // it lacks what earlier runs wrote
    if (kind === "text.delta" || kind === "reasoning.delta") this.#countToken();
    if (kind === "run.started") this.#startedAt = performance.now();
    this.#content.apply(event);
    if (!(kind in LABELS)) return;
    if (FINAL_KINDS.has(kind)) await this.#content.finish();
    this.isFinal = FINAL_KINDS.has(kind);
    const label = kind === "run.retrying" ? retryingLabel(data) : LABELS[kind];
    if (this.isFinal || !this.#isStopping) this.#showState(STATES[kind] ?? kind.slice("run.".length), label);
    this.#onChange(label);
  }

  reset() {
    if (this.#isContinuation) this.refused();
    else this.#content.replace({ text: "", reasoning: "" });
  }

  refused() {
    delay(RETRY_DELAY).then(() => this.#onChange(""));
  }

  /** The server's section shows the same run: take over what is being done to it. */
  update(section) {
    if (section.dataset.state === "stopping" && !this.isFinal) {
      this.#showState("stopping", section.querySelector("[data-word]").textContent);
      this.#section.querySelector("[data-stop-pane]").setAttribute("aria-disabled", "true"); // which keeps the focus
    }
    const close = section.querySelector(".pane__close");
    if (!close) this.#section.querySelector(".pane__close")?.remove();
  }

  get #isContinuation() {
    return "continued" in this.#section.dataset;
  }

  get #isStopping() {
    return this.#section.dataset.state === "stopping";
  }

  #showState(state, label) {
    this.#section.dataset.state = state;
    this.#section.querySelector("[data-word]").textContent = label;
  }

  #countToken() {
    this.#tokens += 1;
    this.#firstTokenAt ??= performance.now();
    if (this.#section.dataset.state === "retrying") this.#showState("answering", LABELS["run.started"]);
  }

  #showFigures() {
    const figures = [];
    if (this.#startedAt !== null && this.#firstTokenAt !== null)
      figures.push(`first token ${((this.#firstTokenAt - this.#startedAt) / 1000).toFixed(2)} s`);
    const seconds = (performance.now() - this.#firstTokenAt) / 1000;
    if (this.#firstTokenAt !== null && seconds >= SHORTEST_MEASURE)
      figures.push(`≈ ${(this.#tokens / seconds).toFixed(1)} tokens/s`);
    this.#section.querySelector("[data-figures]").textContent = figures.join(" · ");
  }
}
