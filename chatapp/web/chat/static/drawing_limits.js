/* Limits of what one answer may cost a browser while it is drawn. A few characters can cost a lot: thousands of nested
boxes crash a tab, and as many cells of one table, or marks in one paragraph, freeze it. */

import { layoutWeight } from "./plain_text.js";

const MAX_BLOCK_DEPTH = 40; // blocks within blocks, as in the server's rendering,
export const MAX_DEPTH = 2 * MAX_BLOCK_DEPTH; // with emphasis and links within them, as there
export const MAX_OPEN = 20_000; // characters of blocks that are not finished: they are parsed in each frame
export const MAX_CODE_LINE = 100_000; // of a code box's last line: the others are finished
const MAX_ELEMENTS = 7_000; // of an answer; one of 100,000 characters has 2,000, or 6,000 with many short blocks
const MAX_CELLS = 2_000; // of a table: it is laid out as a whole whenever it grows
const MAX_MARKS = 1_000; // emphases, links, line breaks of a paragraph, which is laid out as a whole, too,
const MAX_PARAGRAPH = 10_000; // and its layout weight: for some alphabets layout takes the square of it
const MAX_BRACKETS = 1_000; // opening ones of a paragraph: the parser looks for the other end of each

const OPENING_BRACKET = /\[/g;
const ELEMENTS = { fence: 6, code_block: 6, table_open: 2, footnote_open: 2, inline: 0 }; // others: 1

/** The answer is over a limit: the rest of it is shown as plain text. */
export class LimitExceeded extends Error {}

/** A rule of the parser that matches nothing. Throws LimitExceeded. */
export function guardBlocks(state) {
  if (state.level > MAX_BLOCK_DEPTH) throw new LimitExceeded();
  return false;
}

/** Whether the text of a paragraph may be parsed.
 * @param {string} text */
export function isParsable(text) {
  return text.length <= 2 * MAX_PARAGRAPH && (text.match(OPENING_BRACKET)?.length ?? 0) <= MAX_BRACKETS;
}

/** How many of `tokens` may be drawn (whole blocks, from the first), and the elements of an answer that has `elements`.
 * @param {any[]} tokens @param {number} elements */
export function measure(tokens, elements) {
  let count = 0;
  let countElements = elements;
  let total = elements;
  let cells = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.nesting >= 0 && !token.hidden) total += ELEMENTS[token.type] ?? 1;
    if (token.type === "table_open") cells = 0;
    if (token.type === "th_open" || token.type === "td_open") cells += 1;
    if (token.type === "inline") total += token.cost.elements;
    const isTooMuch = token.type === "inline" ? isInlineTooMuch(token.cost) : isTextTooMuch(token);
    if (isTooMuch || total > MAX_ELEMENTS || cells > MAX_CELLS) break;
    if (token.level === 0 && token.nesting <= 0 && token.type !== "inline") [count, countElements] = [index + 1, total];
  }
  return { count, elements: countElements };
}

function isInlineTooMuch({ elements, weight }) {
  return elements > MAX_MARKS || weight > MAX_PARAGRAPH;
}

function isTextTooMuch({ type, content }) {
  return type === "formula_block" && layoutWeight(content) > MAX_PARAGRAPH;
}

/** What the content of a paragraph costs.
 * @param {any[]} tokens */
export function costOf(tokens) {
  let elements = 0;
  let weight = 0;
  for (const token of tokens) {
    if (token.nesting >= 0 && !token.type.startsWith("text")) elements += 1;
    weight += layoutWeight(token.content);
  }
  return { elements, weight };
}
