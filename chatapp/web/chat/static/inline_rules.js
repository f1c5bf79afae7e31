/* Rules of the Markdown of answers within a line. The same as in runs/rendering/grammar.py, which says why. */

import { addLinkRules, matchAt } from "./link_rules.js";

const FORMULA = /\$(?![$ \t\n])((?:[^$\\]|\\[\s\S])+)(?<![ \t\n])\$(?![0-9])/y;
const DISPLAY_FORMULA = /\$\$((?:[^$\\]|\\[\s\S]|\$(?!\$))+)\$\$(?![0-9])/y;
const BRACKETS = new Map([
  ["\\(", { closing: "\\)", mark: "$" }],
  ["\\[", { closing: "\\]", mark: "$$" }],
]);
const TILDES = /~{3,}/y;
const LINE_BREAK = /<br[ \t]*\/?>/iy;
const FOOTNOTE = /\[\^([^\s[\]]{1,100})\]/y;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const CJK =
  /[\u1100-\u11ff\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\u{1b000}-\u{1b16f}\u{20000}-\u{3fffd}]/u;

/** @param {any} parser */
export function addInlineRules(parser) {
  const { ruler } = parser.inline;
  ruler.before("escape", "formula", formula);
  ruler.before("link", "footnote_reference", footnoteReference);
  ruler.before("autolink", "line_break", lineBreak);
  ruler.before("strikethrough", "tildes", tildes);
  addLinkRules(parser);
  parser.inline.State = withCjkBoundaries(parser.inline.State, parser.utils.isWhiteSpace);
}

function withCjkBoundaries(State, isWhiteSpace) {
  const isSpace = (character) => isWhiteSpace(character.codePointAt(0));
  const isPunctuation = (character) => PUNCTUATION.test(character) && !CJK.test(character);
  const isBoundary = (character) => isSpace(character) || PUNCTUATION.test(character) || CJK.test(character);
  return class extends State {
    /** As in CommonMark, except that punctuation beside a CJK character is beside a boundary. */
    scanDelims(start, canSplitWord) {
      let end = start;
      while (end < this.posMax && this.src[end] === this.src[start]) end += 1;
      const before = start ? characterBefore(this.src, start) : " ";
      const after = end < this.posMax ? String.fromCodePoint(this.src.codePointAt(end)) : " ";
      const left = !isSpace(after) && (!isPunctuation(after) || isBoundary(before));
      const right = !isSpace(before) && (!isPunctuation(before) || isBoundary(after));
      const can_open = left && (canSplitWord || !right || PUNCTUATION.test(before));
      const can_close = right && (canSplitWord || !left || PUNCTUATION.test(after));
      return { can_open, can_close, length: end - start };
    }
  };
}

function characterBefore(text, end) {
  const isPair = end > 1 && text.codePointAt(end - 2) > 0xffff;
  return text.slice(isPair ? end - 2 : end - 1, end);
}

function formula(state, silent) {
  const opening = state.src.slice(state.pos, state.pos + 2);
  if (BRACKETS.has(opening)) return bracketedFormula(state, BRACKETS.get(opening), silent);
  if (opening[0] !== "$" || /[0-9]/.test(state.src[state.pos - 1] ?? "")) return false;
  const match = matchAt(state, opening === "$$" ? DISPLAY_FORMULA : FORMULA);
  if (!match) return false;
  if (!silent) state.push("formula", "", 0).content = match[0];
  state.pos += match[0].length;
  return true;
}

function bracketedFormula(state, { closing, mark }, silent) {
  const unclosed = (state.unclosed ??= new Set()); // else each of many opening marks would search the whole rest
  if (unclosed.has(closing)) return false;
  const end = state.src.indexOf(closing, state.pos + 2);
  if (end < 0) unclosed.add(closing);
  if (end < 0 || end + 2 > state.posMax) return false;
  if (!silent) state.push("formula", "", 0).content = mark + state.src.slice(state.pos + 2, end) + mark;
  state.pos = end + 2;
  return true;
}

function footnoteReference(state, silent) {
  const match = matchAt(state, FOOTNOTE);
  if (!match || !state.env.footnotes[match[1]]) return false;
  if (!silent) state.push("footnote_reference", "sup", 0).content = match[1];
  state.pos += match[0].length;
  return true;
}

function lineBreak(state, silent) {
  const match = matchAt(state, LINE_BREAK);
  if (!match) return false;
  if (!silent) state.push("hardbreak", "br", 0);
  state.pos += match[0].length;
  return true;
}

/** Three and more tildes strike nothing out. */
function tildes(state, silent) {
  const match = matchAt(state, TILDES);
  if (!match) return false;
  if (!silent) state.pending += match[0];
  state.pos += match[0].length;
  return true;
}
