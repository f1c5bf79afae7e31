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

function addToken(data, token) {
  const parent = data.nodes[data.index];
  if (token === smd.IMAGE) {
    parent.append("!"); // as the server shows it: a link to the image
    smd.default_add_token(data, smd.LINK);
  } else if (token in MATH) {
    data.nodes[++data.index] = parent.appendChild(document.createElement("span"));
    data.nodes[data.index].dataset.math = MATH[token];
    data.nodes[data.index].append(MATH[token]);
  } else {
    smd.default_add_token(data, token);
  }
}

function endToken(data) {
  const node = data.nodes[data.index];
  if (node.dataset.math) node.append(node.dataset.math);
  smd.default_end_token(data);
}

function setAttribute(data, attribute, value) {
  const node = data.nodes[data.index];
  if (attribute === smd.HREF || attribute === smd.SRC) {
    const address = safeAddress(value);
    if (!address) return;
    node.href = address;
    node.rel = "noopener noreferrer nofollow";
  } else if (attribute === smd.CHECKED || attribute === smd.START) {
    smd.default_set_attr(data, attribute, value);
  }
}

export class Drawing {
  #element;
  #parser;

  constructor(element) {
    this.#element = element;
    const renderer = smd.default_renderer(element);
    Object.assign(renderer, { add_token: addToken, end_token: endToken, set_attr: setAttribute });
    this.#parser = smd.parser(renderer);
  }

  /** Draw `text` behind what stands. Text on which the parser fails is shown as it is. */
  write(text) {
    if (this.#parser) {
      try {
        return smd.parser_write(this.#parser, text);
      } catch {
        this.#parser = null;
      }
    }
    this.#element.append(text);
  }
}
