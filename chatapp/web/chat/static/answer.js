/* An answer that is being written: its article, its stream, and how its text comes onto the page.

The page brings the text so far as plain text; it is drawn in the same way as what follows. */

import { Drawing } from "./drawing.js";
import { PlainText } from "./plain.js";
import { FINAL } from "../shell/streams.js";
import { Tools } from "./tools.js";
import { keepingEnd } from "./end.js";

const SHOWN = 500_000; // characters of an answer on a page, as the server has it
const PIECE = 2_000; // characters drawn at once
const DRAWING = 8; // ms of a frame
const TOLD = new Set([...FINAL, "run.started", "run.retrying"]);

export class Answer {
  #text;
  #reasoning;
  #drawing;
  #length = 0; // characters drawn; a page with all of a boundless answer would hang
  #tools;
  #newText = "";
  #newReasoning = "";
  #frame = 0;
  #isLost = false; // what stands here is not what the log says: the server is asked
  #onChange;

  /** `onChange(answer, event)` hears of start, retries and end; its event is null where the server has to be asked. */
  constructor(article, onChange) {
    this.article = article;
    this.stream = article.dataset.stream;
    this.seq = Number(article.dataset.seq);
    this.#onChange = onChange;
    this.#text = article.querySelector("[data-text]");
    this.#reasoning = new PlainText(article.querySelector("[data-reasoning-text]"), SHOWN);
    this.#tools = new Tools(article.querySelector("[data-tools]"));
    const soFar = this.#text.textContent;
    this.#clear();
    this.#newText = soFar;
    this.#draw(Infinity);
  }

  get isStopping() {
    return this.article.dataset.state === "stopping";
  }

  /** What the reader is told while nothing else is to be seen. */
  show(state, word) {
    this.article.dataset.state = state;
    this.article.querySelector("[data-waiting-word]").textContent = word;
  }

  /** So many answers wait longer for a worker; undefined: nothing is known of it. */
  showPlace(ahead) {
    const isWaiting = this.article.dataset.state === "waiting" && ahead !== undefined;
    if (isWaiting) this.show("waiting", `Waiting to start…${ahead ? ` ${ahead} ahead of it` : ""}`);
  }

  apply({ kind, data, seq }) {
    if (this.#isLost) return;
    if (kind === "snapshot" && this.#isContinued) return this.refused(); // it does not hold what earlier runs wrote
    if (kind.endsWith(".delta") && this.article.dataset.state === "retrying") this.show("answering", "Answering…");
    if (kind === "text.delta") this.#newText += data.text;
    else if (kind === "reasoning.delta") this.#newReasoning += data.text;
    else if (kind === "tool.delta") this.#tools.add(data);
    else if (kind === "snapshot") this.#replace(data);
    else if (kind === "run.started" && !this.isStopping) this.show("answering", "Answering…");
    else if (kind === "run.retrying" && !this.isStopping) this.show("retrying", "The model is busy, trying again…");
    this.article.dataset.seq = seq;
    if (FINAL.has(kind)) this.#end(kind);
    else this.#schedule();
    if (TOLD.has(kind)) this.#onChange(this, { kind, data, isFinal: FINAL.has(kind) });
  }

  reset() {
    if (this.#isContinued) this.refused();
    else this.#replace({ text: "", reasoning: "" });
  }

  refused() {
    this.#isLost = true;
    this.#onChange(this, null);
  }

  get #isContinued() {
    return "continued" in this.article.dataset;
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
    this.#schedule();
  }

  #end(kind) {
    this.#draw(Infinity);
    this.article.dataset.state = kind.slice("run.".length);
    this.article.querySelector("[data-waiting]").hidden = true;
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** Draw what has come, as much of it as a frame bears: who comes back to a long answer can scroll meanwhile. */
  #draw(budget = DRAWING) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#newText && !this.#newReasoning) return;
    keepingEnd(() => {
      if (this.#newReasoning) {
        this.article.querySelector("[data-reasoning]").hidden = false;
        this.#reasoning.append(this.#newReasoning);
      }
      const end = performance.now() + budget;
      do this.#write();
      while (this.#newText && performance.now() < end);
    });
    this.#newReasoning = "";
    if (this.#newText) this.#schedule();
  }

  #write() {
    const piece = this.#newText.slice(0, PIECE);
    this.#newText = this.#newText.slice(PIECE);
    this.#drawing.write(piece.slice(0, Math.max(SHOWN - this.#length, 0)));
    this.#length += piece.length;
    if (this.#length >= SHOWN) this.article.querySelector("[data-too-long]").hidden = false;
  }
}
