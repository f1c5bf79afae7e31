/* Limits of what one answer may cost a browser while it is drawn. A few characters can cost a lot: thousands of nested
boxes crash a tab, and as many cells of one table, or marks in one paragraph, freeze it. */

import * as smd from "../vendor/streaming-markdown/smd.min.js";
import { layoutWeight } from "./plain_text.js";

const MAX_BLOCK_DEPTH = 40; // blocks within blocks, as in the server's rendering,
const MAX_DEPTH = 2 * MAX_BLOCK_DEPTH; // with emphasis and links within them, as there
const MAX_ELEMENTS = 5_000; // of an answer; one of 100,000 characters has some 2,000
const MAX_CELLS = 2_000; // of a table: it is laid out as a whole whenever it grows
const MAX_MARKS = 1_000; // emphases, links, line breaks of a paragraph, which is laid out as a whole, too,
const MAX_PARAGRAPH = 10_000; // and its layout weight: for some alphabets layout takes the square of it
const MAX_PENDING = 4_000; // characters that the parser holds until it knows what they are: that may be quadratic, too

const { CODE_INLINE, ITALIC_AST, ITALIC_UND, STRONG_AST, STRONG_UND, STRIKE, LINK, RAW_URL, IMAGE } = smd;
const { LINE_BREAK, CHECKBOX, EQUATION_INLINE } = smd;
/** @type {Set<number>} */
const INLINE = new Set([CODE_INLINE, ITALIC_AST, ITALIC_UND, STRONG_AST, STRONG_UND, STRIKE, LINK, RAW_URL, IMAGE]);
for (const token of [LINE_BREAK, CHECKBOX, EQUATION_INLINE]) INLINE.add(token);

/** The answer is over a limit: the rest of it is shown as plain text. */
export class LimitExceeded extends Error {}

/** A Markdown parser that keeps track of as many levels as an answer may have; the library's default is fewer. */
export function createDeepParser(renderer) {
  const parser = smd.parser(renderer);
  parser.tokens = new Uint32Array(MAX_DEPTH + 2);
  parser.tokens[0] = parser.token;
  parser.spaces = /** @type {any} */ (new Uint32Array(MAX_DEPTH + 2)); // the library's are bytes
  return parser;
}

/** The characters that the parser has read and not drawn. */
export function pendingText(parser) {
  return parser.token === smd.RAW_URL ? "" : parser.indent + parser.pending; // a bare address is drawn as it arrives
}

export class DrawingLimits {
  #elements = 0;
  #cells = 0;
  #marks = 0;
  #paragraph = 0; // layout weight

  /** Count a token at this depth that becomes `elements` elements. Throws LimitExceeded. */
  addToken(token, depth, elements) {
    const isInline = INLINE.has(token);
    this.#elements += elements;
    if (isInline) this.#marks += 1;
    else this.#marks = this.#paragraph = 0;
    if (token === smd.TABLE) this.#cells = 0;
    if (token === smd.TABLE_CELL) this.#cells += 1;
    if (this.#elements > MAX_ELEMENTS || this.#cells > MAX_CELLS || this.#marks > MAX_MARKS) throw new LimitExceeded();
    if (depth > (isInline ? MAX_DEPTH : MAX_BLOCK_DEPTH)) throw new LimitExceeded();
  }

  addText(text) {
    this.#paragraph += layoutWeight(text);
  }

  /** Throws LimitExceeded if more text would be too much for the paragraph or for the parser. */
  checkBeforeText(parser) {
    if (this.#paragraph > MAX_PARAGRAPH || parser.pending.length > MAX_PENDING) throw new LimitExceeded();
  }
}
