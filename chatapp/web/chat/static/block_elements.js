/* Blocks of an answer (code boxes, tables, formulas, lists), built from the parser's tokens as the server renders them,
with its line ends: so the two can be compared. */

import { CodeText } from "./code_text.js";
import { createElement, marked } from "./inline_elements.js";

const CODE = new Set(["fence", "code_block"]);
const OWN_RULE = new Set([...CODE, "formula_block", "table_open", "footnote_open"]); // where the server adds no line end
const WITH_DIRECTION = new Set(["ul", "ol", "blockquote", "table"]);
const MAX_LANGUAGE = 30; // characters

export function isCode(token) {
  return CODE.has(token.type);
}

/** @param {any[]} tokens @param {number} index */
export function hasBreakBefore(tokens, index) {
  const token = tokens[index];
  const isTag = token.block && token.type !== "inline" && token.nesting >= 0 && !token.hidden;
  return isTag && index > 0 && tokens[index - 1].hidden && !OWN_RULE.has(token.type);
}

/** @param {any[]} tokens @param {number} index */
export function hasBreakAfter(tokens, index) {
  const token = tokens[index];
  if (token.hidden || token.type === "inline" || token.type === "footnote_open") return false;
  if (token.type === "table_open" || token.nesting < 1) return true;
  const next = tokens[index + 1];
  return !(!next || next.type === "inline" || next.hidden || (next.nesting === -1 && next.tag === token.tag));
}

/** The outer element for a token that opens a block, or is one, and the element that its content goes into.
 * `budget.characters` of code may still be coloured.
 * @param {any} token @param {{characters: number}} budget @returns {[HTMLElement, HTMLElement]} */
export function blockElements(token, budget) {
  if (isCode(token)) return codeBox(token, budget);
  if (token.type === "formula_block") return same(createElement("div", "math", marked(token.content)));
  if (token.type === "footnote_open")
    return same(createElement("div", "footnote", createElement("sup", "", token.meta.label), " "));
  const element = createElement(token.tag, cellClass(token));
  if (token.tag === "ol" && token.attrGet("start") !== null) element.setAttribute("start", token.attrGet("start"));
  if (WITH_DIRECTION.has(token.tag)) element.setAttribute("dir", "auto");
  return token.tag === "table" ? [scrollBox("div", "table", element), element] : same(element);
}

function same(element) {
  return /** @type {[HTMLElement, HTMLElement]} */ ([element, element]);
}

function cellClass(token) {
  const side = token.attrGet("style")?.replace("text-align:", "");
  return side === "right" || side === "center" ? side : "";
}

function scrollBox(name, className, content) {
  const box = createElement(name, className, content);
  box.setAttribute("tabindex", "0");
  return box;
}

/** @returns {[HTMLElement, HTMLElement]} */
function codeBox(token, budget) {
  const language = token.info.trim().split(/\s+/)[0];
  const copy = createElement("button", "code__copy", "Copy");
  copy.setAttribute("type", "button");
  copy.setAttribute("data-copy-code", "");
  const bar = createElement(
    "div",
    "code__bar",
    createElement("span", "", [...language].slice(0, MAX_LANGUAGE).join("")),
  );
  bar.append(copy);
  const code = createElement("code");
  token.text = new CodeText(code, language, budget);
  token.text.append(marked(token.content));
  return [createElement("div", "code", bar, scrollBox("pre", "", code)), code];
}

/** Let the box of `shown` show `token`, whose code goes on where that of `shown` ends. Returns whether it does.
 * @param {any} shown @param {any} token */
export function continueCode(shown, token) {
  const isSame = isCode(token) && shown.type === token.type && shown.info === token.info;
  if (!isSame || !token.content.startsWith(shown.content)) return false;
  token.text = shown.text;
  token.text.append(marked(token.content.slice(shown.content.length)));
  return true;
}
