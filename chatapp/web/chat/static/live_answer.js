/* The content of an answer that is being written: text, reasoning and tool calls, as its stream brings them. The page
brings the text so far as plain text; it is drawn in the same way as what follows. Chat and compare use this. */

import { nextFrame } from "./frames.js";
import { grammar, loadGrammar } from "./markdown_grammar.js";
import { MarkdownWriter } from "./markdown_writer.js";
import { PlainText } from "./plain_text.js";
import { showSources } from "./sources.js";
import { ToolCalls } from "./tool_calls.js";

/** @import { StreamEvent } from "../shell/stream_events.js" */
/** @import { ToolDelta } from "./tool_calls.js" */

export const MAX_CHARACTERS = 500_000; // shown of an answer, as the server does; a page with more would hang
const PIECE = 2_000; // characters drawn at once
const FRAME_BUDGET = 8; // ms of drawing in a frame

// Someone who writes will read an answer soon.
globalThis.addEventListener?.("input", loadGrammar, { once: true, passive: true });

export class LiveAnswer {
  #root;
  #text;
  #reasoning;
  #toolCalls;
  #writer = null; // null until the first text is drawn,
  #drawing = null; // into this element, which takes the place of #text
  #isReady = Boolean(grammar); // else the text is shown as it is until the grammar is loaded
  #plain;
  #plainLength; // of #newText that #plain shows
  #length = 0; // characters drawn
  #newText = "";
  #newReasoning = "";
  #isFinal = false;
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
    this.#newText = this.#text.textContent;
    this.#plain = new PlainText(this.#text);
    this.#plainLength = this.#newText.length;
    if (this.#isReady) this.#drawFrame(FRAME_BUDGET);
    else loadGrammar().then(() => this.#onReady());
  }

  #onReady() {
    this.#isReady = true;
    if (this.#text.matches("[data-text], [data-drawn]")) this.#schedule(); // else the final HTML stands there
  }

  /** Events that do not change the content are ignored.
   * @param {StreamEvent} event */
  apply({ kind, data }) {
    if (kind === "text.delta") this.#newText += data.text;
    else if (kind === "reasoning.delta") this.#newReasoning += data.text;
    else if (kind === "tool.delta") this.#toolCalls.add(data);
    else if (kind === "snapshot") this.replace(data);
    if (data.sources) showSources(this.#root, data.sources);
    this.#schedule();
  }

  /** @param {{text: string, reasoning: string, tools?: ToolDelta[]}} content */
  replace({ text, reasoning, tools = [] }) {
    if (!text || !this.#isReady) this.#text.replaceChildren();
    this.#plain.clear();
    this.#plainLength = 0;
    this.#drawing = null;
    this.#writer = null;
    this.#reasoning.clear();
    this.#length = 0;
    this.#toolCalls.replace(tools);
    this.#newText = text;
    this.#newReasoning = reasoning;
    this.#schedule();
  }

  /** No more text will arrive: draw all of it, in as many frames as that takes. */
  async finish() {
    this.#isFinal = true;
    for (this.#drawFrame(FRAME_BUDGET); this.#frame; await nextFrame()) if (document.hidden) this.#drawFrame(Infinity);
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => this.#drawFrame(FRAME_BUDGET));
  }

  /** Draw as much as fits into `budget` (ms), so that a page that catches up with a long answer can be scrolled. */
  #drawFrame(budget) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#newText && !this.#newReasoning && !this.#isFinal) return;
    this.#draw(() => this.#write(performance.now() + budget));
    if (this.#newText && this.#isReady) this.#schedule();
  }

  #write(deadline) {
    if (this.#newReasoning) {
      this.#root.querySelector("[data-reasoning]").hidden = false;
      this.#reasoning.append(this.#newReasoning);
      this.#newReasoning = "";
    }
    if (!this.#isReady) return this.#showPlain();
    while (this.#newText) {
      this.#writePiece();
      if (performance.now() >= deadline) break;
    }
    if (this.#newText) return;
    this.#showDrawing();
    if (this.#isFinal) this.#writer?.finish();
  }

  #showPlain() {
    this.#plain.append(this.#newText.slice(this.#plainLength));
    this.#plainLength = this.#newText.length;
  }

  /** What stands there stays until all of the text so far is drawn: else the page would be short for some frames. */
  #startWriter() {
    this.#drawing = /** @type {HTMLElement} */ (this.#text.cloneNode(false));
    this.#drawing.classList.remove("prose--plain");
    return new MarkdownWriter(this.#drawing);
  }

  #showDrawing() {
    if (!this.#drawing || this.#drawing === this.#text) return;
    this.#text.replaceWith(this.#drawing);
    this.#text = this.#drawing;
  }

  #writePiece() {
    const piece = this.#newText.slice(0, PIECE);
    this.#newText = this.#newText.slice(PIECE);
    this.#writer ??= this.#startWriter();
    this.#writer.write(piece.slice(0, Math.max(MAX_CHARACTERS - this.#length, 0)));
    this.#length += piece.length;
    const note = this.#root.querySelector("[data-too-long]");
    if (note && this.#length >= MAX_CHARACTERS) note.hidden = false;
  }
}
