/* What one answer may ask of a browser while it is drawn. A few characters can ask for a lot: thousands of boxes in
each other crash a tab, and as many in one table, or in one paragraph, freeze it. */

import * as smd from "../vendor/streaming-markdown/smd.min.js";
import { weightOf } from "./plain.js";

const LEVELS = 40; // of blocks within blocks, as in the server's rendering,
const ALL_LEVELS = 2 * LEVELS; // with emphasis and links within them, as there
const ELEMENTS = 5_000; // of an answer; one of 100,000 characters has some 2,000
const CELLS = 2_000; // of a table, which is laid out as a whole whenever it grows
const MARKS = 1_000; // emphases, links, line breaks of a paragraph, which is too,
const CHARACTERS = 10_000; // of its text: to lay out some alphabets takes their square
const PENDING = 4_000; // characters that the parser holds until it knows what they are; as may that

const { CODE_INLINE, ITALIC_AST, ITALIC_UND, STRONG_AST, STRONG_UND, STRIKE, LINK, RAW_URL, IMAGE } = smd;
const { LINE_BREAK, CHECKBOX, EQUATION_INLINE } = smd;
const INLINE = new Set([CODE_INLINE, ITALIC_AST, ITALIC_UND, STRONG_AST, STRONG_UND, STRIKE, LINK, RAW_URL, IMAGE]);
[LINE_BREAK, CHECKBOX, EQUATION_INLINE].forEach((token) => INLINE.add(token));

/** The answer asks for more than it may: what is left of it is shown as it was written. */
export class TooMuch extends Error {}

/** A parser of Markdown that keeps its place as deep as an answer may go; the library's own loses it sooner. */
export function deepParser(renderer) {
  const parser = smd.parser(renderer);
  parser.tokens = new Uint32Array(ALL_LEVELS + 2);
  parser.tokens[0] = parser.token;
  parser.spaces = new Uint32Array(ALL_LEVELS + 2);
  return parser;
}

/** The characters that the parser has read and not drawn. */
export function heldBy(parser) {
  return parser.token === smd.RAW_URL ? "" : parser.indent + parser.pending; // an address is drawn as it comes
}

export class Bounds {
  #elements = 0;
  #cells = 0;
  #marks = 0;
  #characters = 0;

  /** Count what comes to stand on this level, and of how many elements it is made. Throws TooMuch. */
  add(token, level, elements) {
    const isInline = INLINE.has(token);
    this.#elements += elements;
    if (isInline) this.#marks += 1;
    else this.#marks = this.#characters = 0;
    if (token === smd.TABLE) this.#cells = 0;
    if (token === smd.TABLE_CELL) this.#cells += 1;
    if (this.#elements > ELEMENTS || this.#cells > CELLS || this.#marks > MARKS) throw new TooMuch();
    if (level > (isInline ? ALL_LEVELS : LEVELS)) throw new TooMuch();
  }

  addText(text) {
    this.#characters += weightOf(text);
  }

  /** Throws TooMuch where more text would be too much for the paragraph, or for the parser. */
  check(parser) {
    if (this.#characters > CHARACTERS || parser.pending.length > PENDING) throw new TooMuch();
  }
}
