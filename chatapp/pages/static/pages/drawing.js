/* Markdown drawn while it arrives: what stands is never drawn again. What a model writes is hostile (B58): links lead
only where the server's own rendering lets them, images do not load, and no attribute comes through but these. Boxes of
code, tables and formulas are built as the server builds them, so that nothing jumps when its HTML takes over. */

import * as smd from "../vendor/streaming-markdown/smd.min.js";

const SCHEMES = new Set(["http:", "https:", "mailto:"]);
const MATH = { [smd.EQUATION_INLINE]: "$", [smd.EQUATION_BLOCK]: "$$" };
const CODE = new Set([smd.CODE_BLOCK, smd.CODE_FENCE]);
const BIDI_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g; // they let text read otherwise than it is

function safeAddress(text) {
  try {
    return SCHEMES.has(new URL(text).protocol) ? text : null;
  } catch {
    return null;
  }
}

function make(name, className, ...children) {
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

function boxFor(token) {
  if (CODE.has(token)) return codeBox();
  if (token === smd.TABLE) return tableBox();
  return token in MATH ? formula(MATH[token]) : null;
}

/** The library's renderer, except for what comes from the model and could lead or load somewhere. */
function rendererFor(element) {
  const standard = smd.default_renderer(element);

  function add_token(data, token) {
    const built = boxFor(token);
    const parent = data.nodes[data.index];
    if (built) {
      parent.append(built[0]);
      data.nodes[++data.index] = built[1];
    } else if (token === smd.IMAGE) {
      parent.append("!"); // as the server shows it: a link to the image
      standard.add_token(data, smd.LINK);
    } else {
      standard.add_token(data, token);
      if (token === smd.CHECKBOX) data.nodes[data.index].ariaLabel = "Task"; // as in the server's rendering
    }
  }

  function end_token(data) {
    const node = data.nodes[data.index];
    if (node.dataset.math) node.append(node.dataset.math);
    standard.end_token(data);
  }

  function add_text(data, text) {
    standard.add_text(data, text.replace(BIDI_CONTROLS, "\ufffd"));
  }

  function set_attr(data, attribute, value) {
    const node = data.nodes[data.index];
    if (attribute === smd.HREF || attribute === smd.SRC) {
      const address = safeAddress(value);
      if (!address) return;
      node.href = address;
      node.rel = "noopener noreferrer nofollow";
    } else if (attribute === smd.LANG) {
      node.closest(".code").querySelector(".code__bar span").textContent = value.split(/\s/)[0].slice(0, 30);
    } else if (attribute === smd.CHECKED || attribute === smd.START) {
      standard.set_attr(data, attribute, value);
    }
  }

  return { ...standard, add_token, end_token, add_text, set_attr };
}

export class Drawing {
  #element;
  #parser;

  constructor(element) {
    this.#element = element;
    this.#parser = smd.parser(rendererFor(element));
  }

  /** Draw `text` behind what stands. Text on which the parser fails is shown as it is. */
  write(text) {
    if (this.#parser) {
      try {
        return smd.parser_write(this.#parser, text);
      } catch (error) {
        console.warn("This text could not be drawn as Markdown", error);
        this.#parser = null;
        this.#element.classList.add("prose--plain");
      }
    }
    this.#element.append(text);
  }
}
