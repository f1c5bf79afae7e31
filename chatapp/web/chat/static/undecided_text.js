/* The end of a text that is still arriving. */

const UNDECIDED = /^[ \t>]*(?:[-=*+_#`~|:$ \t]*|\d{1,9}[.)]?)$/; // a last line that may become anything
const MAX_UNDECIDED = 40; // characters

/** A line end may come in two pieces. */
export function withPlainLineEnds(text) {
  return text.includes("\r") ? text.replace(/\r\n|\r(?!$)/g, "\n") : text;
}

/** `text` without a last line that only more text will tell: a row of dashes may become a rule, an item or a heading. */
export function withoutUndecided(text) {
  const start = text.lastIndexOf("\n") + 1;
  const isUndecided = text.length - start <= MAX_UNDECIDED && UNDECIDED.test(text.slice(start));
  return isUndecided ? text.slice(0, start) : text;
}
