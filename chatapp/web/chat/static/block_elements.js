/* Code boxes, tables and formulas, built like the server's rendering of them. */

import * as smd from "../vendor/streaming-markdown/smd.min.js";

export const CODE_TOKENS = new Set([smd.CODE_BLOCK, smd.CODE_FENCE]);
const FORMULA_DELIMITERS = { [smd.EQUATION_INLINE]: "$", [smd.EQUATION_BLOCK]: "$$" };

export function createElement(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function codeBox() {
  const copy = createElement("button", "code__copy", "Copy");
  copy.type = "button";
  copy.dataset.copyCode = "";
  const code = createElement("code");
  const pre = createElement("pre", "", code);
  pre.tabIndex = 0;
  return [createElement("div", "code", createElement("div", "code__bar", createElement("span"), copy), pre), code];
}

function tableBox() {
  const table = createElement("table");
  const box = createElement("div", "table", table);
  box.tabIndex = 0;
  return [box, table];
}

function formula(delimiter) {
  const span = createElement("span", "math", delimiter);
  span.dataset.math = delimiter;
  return [span, span];
}

/** The outer element for `token` and the one that its text goes into; null where the library builds it. */
export function elementsFor(token) {
  if (CODE_TOKENS.has(token)) return codeBox();
  if (token === smd.TABLE) return tableBox();
  return token in FORMULA_DELIMITERS ? formula(FORMULA_DELIMITERS[token]) : null;
}
