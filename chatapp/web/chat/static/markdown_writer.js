/* Markdown drawn while it arrives, with the server's grammar: its HTML equals what stands here. Finished blocks are never
parsed again. Where the text exceeds a limit (B58), the rest is shown as plain text. */

import { cutCode, firstOpenToken, lineAfter, offsetOfLine, parseBlocks, parseInline } from "./block_parser.js";
import { Definitions } from "./definitions.js";
import { costOf, isParsable, MAX_CODE_LINE, MAX_OPEN, measure } from "./drawing_limits.js";
import { createElement, marked, withoutOverrides } from "./inline_elements.js";
import { grammar } from "./markdown_grammar.js";
import { PlainText } from "./plain_text.js";
import { TokenDrawing } from "./token_drawing.js";
import { withoutUndecided, withPlainLineEnds } from "./undecided_text.js";

const PIECE = 5_000; // characters drawn at once
const CODE_KEPT = 4_000; // characters of a code box that are parsed again
const TOO_MUCH = { elements: Infinity, weight: Infinity };

export class MarkdownWriter {
  #element;
  #parser;
  #drawing;
  #definitions = new Definitions();
  #open = ""; // the source of the blocks that are not finished,
  #code = ""; // of the code box that it begins with: the finished lines, which are not in it,
  #drawnLength = 0; // and how much of it stands there
  #elements = 0; // of the finished blocks
  #plainRest = null; // the text shown as it is, from the first that could not be drawn

  /** Without a parser all text is shown as it is.
   * @param {HTMLElement} element */
  constructor(element, parser = grammar) {
    this.#element = element;
    this.#parser = parser;
    this.#drawing = new TokenDrawing(element);
  }

  /** Append `text`.
   * @param {string} text */
  write(text) {
    if (this.#plainRest || !this.#parser) return this.#showPlain(text);
    for (let at = 0; at < text.length; at += PIECE) {
      const piece = text.slice(at, at + PIECE);
      if (this.#plainRest) return this.#showPlain(text.slice(at));
      this.#open = withPlainLineEnds(this.#open + withoutOverrides(piece).replaceAll("\0", "\ufffd"));
      this.#tryToDraw(withoutUndecided(this.#open));
    }
  }

  /** All text has arrived: draw also what seemed undecided. */
  finish() {
    if (this.#plainRest || !this.#parser) return;
    this.#open = this.#open.replace(/\r$/, "\n");
    this.#tryToDraw(this.#open, true);
    this.#element.normalize();
  }

  #tryToDraw(text, isFinal = false) {
    try {
      this.#draw(text, isFinal);
    } catch (error) {
      console.warn("This text could not be drawn as Markdown", error);
      this.#drawing.undo();
      this.#open = this.#open.replace("\n", () => `\n${this.#code}`);
      this.#drawnLength = 0;
      this.#stop();
    }
  }

  #draw(text, isFinal) {
    const code = Math.min(this.#drawing.codeLength - this.#code.length, MAX_CODE_LINE);
    if (text.length > MAX_OPEN + code) return this.#stop();
    const { tokens, definitions, env, isWhole } = parseBlocks(this.#parser, text);
    if (this.#code && tokens[0]?.type === "fence") tokens[0].content = this.#code + tokens[0].content;
    const same = this.#drawing.reuse(tokens);
    const last = isFinal ? -1 : tokens.findLastIndex(({ nesting }) => nesting >= 0); // goes on, if it is a paragraph
    for (let index = same; index < tokens.length; index += 1) this.#parseContent(tokens, index, index === last);
    const { count, elements } = measure(tokens, this.#elements);
    const isTooMuch = !isWhole || count < tokens.length;
    if (isTooMuch && this.#drawing.length > count) return this.#stop();
    const drawn = isTooMuch ? tokens.slice(0, count) : tokens;
    this.#drawing.draw(drawn, Math.min(same, count));
    this.#drawnLength = isTooMuch ? offsetOfLine(text, lineAfter(drawn)) : text.length;
    if (isTooMuch) return this.#stop();
    const finished = isFinal ? tokens.length : firstOpenToken(tokens, definitions, text);
    if (finished || isFinal) this.#finish(tokens, definitions, env, finished, elements, text);
    else this.#finishCode(tokens, text);
  }

  #parseContent(tokens, index, isLast = false) {
    const token = tokens[index];
    if (token.type !== "inline") return;
    token.missed = new Set();
    token.cost = TOO_MUCH;
    if (!isParsable(token.content)) return;
    token.isCompleted = isLast;
    parseInline(this.#parser, tokens, index, this.#definitions.environment(token.missed));
    token.cost = costOf(token.children);
  }

  /** The first `count` tokens do not change any more. */
  #finish(tokens, definitions, env, count, elements, text) {
    const isAll = count === tokens.length;
    const line = isAll ? Infinity : tokens[count].map[0];
    this.#elements = isAll ? elements : measure(tokens.slice(0, count), this.#elements).elements;
    const offset = isAll ? text.length : offsetOfLine(text, line);
    this.#definitions.watch(tokens.slice(0, count));
    const before = definitions.filter(({ map }) => map[1] <= line);
    for (const token of this.#definitions.add(before, env)) this.#redraw(token);
    if (before.length) for (const token of tokens.slice(count)) token.isStale = token.missed?.size > 0;
    this.#drawing.finish(count);
    this.#open = this.#open.slice(offset);
    this.#drawnLength -= offset;
    this.#code = "";
  }

  #redraw(token) {
    const tokens = [token];
    this.#parseContent(tokens, 0);
    this.#definitions.watch(tokens);
    this.#drawing.redraw(token);
  }

  #finishCode(tokens, text) {
    const cut = cutCode(tokens, text, CODE_KEPT);
    if (!cut) return;
    const undecided = this.#open.slice(text.length);
    this.#code = cut.code;
    this.#open = cut.source + undecided;
    this.#drawnLength = cut.source.length;
  }

  /** Show the rest as it is, from what does not stand there yet. */
  #stop() {
    for (const token of this.#drawing.completedTokens()) this.#redraw(token); // which may lack open marks
    const rest = this.#open.slice(this.#drawnLength);
    this.#open = "";
    this.#element.normalize();
    this.#showPlain(rest.replace(/^\n+/, ""));
  }

  #showPlain(text) {
    this.#plainRest ??= this.#createPlainRest();
    this.#plainRest.append(marked(text));
  }

  #createPlainRest() {
    const box = createElement("div", "prose--plain");
    this.#element.append(box);
    return new PlainText(box);
  }
}
