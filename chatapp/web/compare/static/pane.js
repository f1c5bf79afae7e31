/* An answer that is being written in its pane: its text, its state, and how fast it comes. The server has the last
word: at the end its own section takes the place of this one. */

import { Drawing } from "../chat/drawing.js";
import { PlainText } from "../chat/plain.js";
import { FINAL } from "../shell/streams.js";
import { Tools } from "../chat/tools.js";
import { pause, RETRY } from "../shell/requests.js";

const STATES = { "run.started": "answering", "run.retrying": "retrying" };
const WORDS = {
  "run.started": "Answering…",
  "run.retrying": "The model is busy, trying again…",
  "run.completed": "Done",
  "run.stopped": "Stopped",
  "run.failed": "Failed",
  "run.lost": "Interrupted",
};
const SHOWN = 500_000; // characters that are drawn; more would hang the page
const MEASURED = 1; // s of writing before a speed means something

export class Pane {
  isOver = false;
  #section;
  #onChange;
  #text;
  #reasoning;
  #drawing;
  #tools;
  #length = 0; // characters drawn
  #newText = "";
  #newReasoning = "";
  #frame = 0;
  #started = null; // ms, as the page heard of it
  #first = null;
  #pieces = 0;

  /** `onChange(word)` hears how it goes; the word is empty where the server has to be asked. */
  constructor(section, onChange) {
    this.#section = section;
    this.#onChange = onChange;
    this.stream = section.dataset.stream;
    this.seq = Number(section.dataset.seq);
    this.#text = section.querySelector("[data-text]");
    this.#reasoning = new PlainText(section.querySelector("[data-reasoning-text]"), SHOWN);
    this.#tools = new Tools(section.querySelector("[data-tools]"));
    const soFar = this.#text.textContent;
    this.#clear();
    this.#newText = soFar;
    this.#draw();
  }

  apply({ kind, data }) {
    if (kind.endsWith(".delta")) this.#count(kind);
    if (kind === "text.delta") this.#newText += data.text;
    else if (kind === "reasoning.delta") this.#newReasoning += data.text;
    else if (kind === "tool.delta") this.#tools.add(data);
    else if (kind === "snapshot") this.#replace(data);
    else if (kind === "run.started") this.#started = performance.now();
    this.#schedule();
    if (!(kind in WORDS)) return;
    this.isOver = FINAL.has(kind);
    if (this.isOver) this.#draw();
    if (this.isOver || !this.#isStopping) this.#say(STATES[kind] ?? kind.slice("run.".length), WORDS[kind]);
    this.#onChange(WORDS[kind]);
  }

  reset() {
    this.#replace({ text: "", reasoning: "" });
  }

  refused() {
    pause(RETRY).then(() => this.#onChange(""));
  }

  /** The server shows the same run: only what is being done to it may be new. */
  agree(section) {
    if (section.dataset.state === "stopping" && !this.isOver) {
      this.#say("stopping", section.querySelector("[data-word]").textContent);
      this.#section.querySelector("[data-stop-pane]").setAttribute("aria-disabled", "true"); // which keeps the focus
    }
    const close = section.querySelector(".pane__close");
    if (!close) this.#section.querySelector(".pane__close")?.remove();
  }

  get #isStopping() {
    return this.#section.dataset.state === "stopping";
  }

  #say(state, word) {
    this.#section.dataset.state = state;
    this.#section.querySelector("[data-word]").textContent = word;
  }

  #count(kind) {
    if (kind === "tool.delta") return;
    this.#pieces += 1;
    this.#first ??= performance.now();
    if (this.#section.dataset.state === "retrying") this.#say("answering", WORDS["run.started"]);
  }

  #clear() {
    this.#text.replaceChildren();
    this.#text.classList.remove("prose--plain");
    this.#drawing = new Drawing(this.#text);
  }

  #replace({ text, reasoning, tools = [] }) {
    this.#clear();
    this.#length = 0;
    this.#tools.replace(tools);
    this.#reasoning.clear();
    this.#newText = text;
    this.#newReasoning = reasoning;
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#newReasoning) {
      this.#section.querySelector("[data-reasoning]").hidden = false;
      this.#reasoning.append(this.#newReasoning);
    }
    if (this.#newText && this.#length < SHOWN) this.#drawing.write(this.#newText.slice(0, SHOWN - this.#length));
    this.#length += this.#newText.length;
    this.#newText = this.#newReasoning = "";
    this.#showFigures();
  }

  #showFigures() {
    const figures = [];
    if (this.#started !== null && this.#first !== null)
      figures.push(`first token ${((this.#first - this.#started) / 1000).toFixed(2)} s`);
    const seconds = (performance.now() - this.#first) / 1000;
    if (this.#first !== null && seconds >= MEASURED) figures.push(`≈ ${(this.#pieces / seconds).toFixed(1)} tokens/s`);
    this.#section.querySelector("[data-figures]").textContent = figures.join(" · ");
  }
}
