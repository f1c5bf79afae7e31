/* The content of an answer that is being written: text, reasoning and tool calls, as its stream brings them.

The page brings the text so far as plain text; it is drawn in the same way as what follows. Chat and compare use this;
each shows the answer's state in its own way. */

import { MarkdownWriter } from "./markdown_writer.js";
import { PlainText } from "./plain_text.js";
import { ToolCalls } from "./tool_calls.js";

/** @import { StreamEvent } from "../shell/stream_events.js" */
/** @import { ToolDelta } from "./tool_calls.js" */

export const MAX_CHARACTERS = 500_000; // shown of an answer, as the server does; a page with more would hang
const PIECE = 2_000; // characters drawn at once
const FRAME_BUDGET = 8; // ms of drawing in a frame

export class LiveAnswer {
  #root;
  #text;
  #reasoning;
  #toolCalls;
  #writer;
  #length = 0; // characters drawn
  #newText = "";
  #newReasoning = "";
  #frame = 0;
  #draw;

  /** `draw(write)` is called in each frame with new content: it calls `write` and does what belongs before and after.
   * @param {HTMLElement} root @param {(write: () => void) => void} draw */
  constructor(root, draw) {
    this.#root = root;
    this.#draw = draw;
    this.#text = root.querySelector("[data-text]");
    this.#reasoning = new PlainText(root.querySelector("[data-reasoning-text]"), MAX_CHARACTERS);
    this.#toolCalls = new ToolCalls(root.querySelector("[data-tools]"));
    const textSoFar = this.#text.textContent;
    this.#clear();
    this.#newText = textSoFar;
    this.flush();
  }

  /** Events that do not change the content are ignored.
   * @param {StreamEvent} event */
  apply({ kind, data }) {
    if (kind === "text.delta") this.#newText += data.text;
    else if (kind === "reasoning.delta") this.#newReasoning += data.text;
    else if (kind === "tool.delta") this.#toolCalls.add(data);
    else if (kind === "snapshot") this.replace(data);
    this.#schedule();
  }

  /** @param {{text: string, reasoning: string, tools?: ToolDelta[]}} content */
  replace({ text, reasoning, tools = [] }) {
    this.#clear();
    this.#length = 0;
    this.#toolCalls.replace(tools);
    this.#reasoning.clear();
    this.#newText = text;
    this.#newReasoning = reasoning;
    this.#schedule();
  }

  /** Draw everything that has arrived, now. */
  flush() {
    this.#drawFrame(Infinity);
  }

  #clear() {
    this.#text.replaceChildren();
    this.#text.classList.remove("prose--plain");
    this.#writer = new MarkdownWriter(this.#text);
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => this.#drawFrame(FRAME_BUDGET));
  }

  /** Draw as much as fits into `budget` (ms), so that a page that catches up with a long answer can be scrolled. */
  #drawFrame(budget) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#newText && !this.#newReasoning) return;
    this.#draw(() => this.#write(performance.now() + budget));
    if (this.#newText) this.#schedule();
  }

  #write(deadline) {
    if (this.#newReasoning) {
      this.#root.querySelector("[data-reasoning]").hidden = false;
      this.#reasoning.append(this.#newReasoning);
      this.#newReasoning = "";
    }
    do this.#writePiece();
    while (this.#newText && performance.now() < deadline);
  }

  #writePiece() {
    const piece = this.#newText.slice(0, PIECE);
    this.#newText = this.#newText.slice(PIECE);
    this.#writer.write(piece.slice(0, Math.max(MAX_CHARACTERS - this.#length, 0)));
    this.#length += piece.length;
    const note = this.#root.querySelector("[data-too-long]");
    if (note && this.#length >= MAX_CHARACTERS) note.hidden = false;
  }
}
