/* Boxes of code, tables and formulas, built as the server's rendering has them. */

import * as smd from "../vendor/streaming-markdown/smd.min.js";

export const CODE = new Set([smd.CODE_BLOCK, smd.CODE_FENCE]);
const MATH = { [smd.EQUATION_INLINE]: "$", [smd.EQUATION_BLOCK]: "$$" };

export function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** A box of code, and the element that its text goes into. */
function codeBox() {
  const copy = make("button", "code__copy", "Copy");
  copy.type = "button";
  copy.dataset.copyCode = "";
  const code = make("code");
  const pre = make("pre", "", code);
  pre.tabIndex = 0;
  return [make("div", "code", make("div", "code__bar", make("span"), copy), pre), code];
}

function tableBox() {
  const table = make("table");
  const box = make("div", "table", table);
  box.tabIndex = 0;
  return [box, table];
}

function formula(mark) {
  const span = make("span", "math", mark);
  span.dataset.math = mark;
  return [span, span];
}

/** What is built otherwise than the library does: the whole, and the element that its text goes into. */
export function boxFor(token) {
  if (CODE.has(token)) return codeBox();
  if (token === smd.TABLE) return tableBox();
  return token in MATH ? formula(MATH[token]) : null;
}
