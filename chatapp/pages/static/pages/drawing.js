/* Markdown drawn while it arrives: what stands is never drawn again. What a model writes is hostile (B58): links lead
only where the server's own rendering lets them, images do not load, and no attribute comes through but these. */

import * as smd from "../vendor/streaming-markdown/smd.min.js";

const SCHEMES = new Set(["http:", "https:", "mailto:"]);
const MATH = { [smd.EQUATION_INLINE]: "$", [smd.EQUATION_BLOCK]: "$$" };

function safeAddress(text) {
  try {
    return SCHEMES.has(new URL(text).protocol) ? text : null;
  } catch {
    return null;
  }
}

/** The library's renderer, except for what comes from the model and could lead or load somewhere. */
function rendererFor(element) {
  const standard = smd.default_renderer(element);

  function add_token(data, token) {
    const parent = data.nodes[data.index];
    if (token === smd.IMAGE) {
      parent.append("!"); // as the server shows it: a link to the image
      standard.add_token(data, smd.LINK);
    } else if (token in MATH) {
      const span = document.createElement("span");
      span.dataset.math = MATH[token];
      span.append(MATH[token]);
      data.nodes[++data.index] = parent.appendChild(span);
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

  function set_attr(data, attribute, value) {
    const node = data.nodes[data.index];
    if (attribute === smd.HREF || attribute === smd.SRC) {
      const address = safeAddress(value);
      if (!address) return;
      node.href = address;
      node.rel = "noopener noreferrer nofollow";
    } else if (attribute === smd.CHECKED || attribute === smd.START) {
      standard.set_attr(data, attribute, value);
    }
  }

  return { ...standard, add_token, end_token, set_attr };
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
        console.error(error);
        this.#parser = null;
        this.#element.classList.add("prose--plain");
      }
    }
    this.#element.append(text);
  }
}
