/* Markdown drawn while it arrives: what is drawn is never drawn again. What a model writes is hostile (B58): links lead
only where the server's own rendering lets them, images do not load, no other attribute gets through, and where it
exceeds a limit the rest is shown as plain text. Code boxes, tables and formulas are built as the server builds them, so
that nothing jumps when its HTML replaces them. */

import * as smd from "../vendor/streaming-markdown/smd.min.js";
import { createDeepParser, DrawingLimits, LimitExceeded, pendingText } from "./drawing_limits.js";
import { CODE_TOKENS, createElement, elementsFor } from "./block_elements.js";
import { appendText, PlainText } from "./plain_text.js";

const SAFE_URL = /^(https?:\/\/[^/?#\\\s]|mailto:)/i; // where a link may lead, as on the server: never into this site
const BIDI_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g; // they make text read differently from what it is

/** @param {string} text */
function safeUrl(text) {
  return SAFE_URL.test(text) && URL.canParse(text) ? text : null;
}

/** The library's renderer, except for what comes from the model and could link, load, or cost too much.

Text is collected until `flush`, so that it becomes one text node however it arrived.
 * @param {HTMLElement} element @param {DrawingLimits} limits */
function createRenderer(element, limits) {
  const standard = smd.default_renderer(element);
  let text = "";
  let code = null; // the text of the code box that is being written

  function flush(data) {
    if (code) code.append(text);
    else appendText(data.nodes[data.index], text);
    text = "";
  }

  function add_token(data, token) {
    flush(data);
    const elements = elementsFor(token);
    limits.addToken(token, data.index + 1, elements ? 1 + elements[0].getElementsByTagName("*").length : 1);
    const parent = data.nodes[data.index];
    if (elements) {
      parent.append(elements[0]);
      data.nodes[++data.index] = elements[1];
      if (CODE_TOKENS.has(token)) code = new PlainText(elements[1]);
    } else if (token === smd.IMAGE) {
      parent.append("!"); // as the server renders it: a link to the image
      standard.add_token(data, smd.LINK);
    } else {
      standard.add_token(data, token);
      if (token === smd.CHECKBOX) data.nodes[data.index].ariaLabel = "Task"; // as in the server's rendering
    }
  }

  function end_token(data) {
    flush(data);
    code = null;
    const node = data.nodes[data.index];
    if (node.dataset.math) appendText(node, node.dataset.math);
    standard.end_token(data);
  }

  function add_text(_data, more) {
    text += more;
    if (!code) limits.addText(more);
  }

  function set_attr(data, attribute, value) {
    const node = data.nodes[data.index];
    if (attribute === smd.HREF || attribute === smd.SRC) {
      const url = safeUrl(value);
      if (!url) return;
      node.href = url;
      node.rel = "noopener noreferrer nofollow";
    } else if (attribute === smd.LANG) {
      node.closest(".code").querySelector(".code__bar span").textContent = value.split(/\s/)[0].slice(0, 30);
    } else if (attribute === smd.CHECKED || attribute === smd.START) {
      standard.set_attr(data, attribute, value);
    }
  }

  return { ...standard, add_token, end_token, add_text, set_attr, flush };
}

export class MarkdownWriter {
  #element;
  #limits = new DrawingLimits();
  #parser;
  #plainRest = null; // the text shown as it is, from the first that could not be drawn

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    this.#parser = createDeepParser(createRenderer(element, this.#limits));
  }

  /** Append `text`. From where it exceeds a limit, or the parser fails, it is shown as plain text.
   * @param {string} text */
  write(text) {
    const safe = text.replace(BIDI_CONTROLS, "\ufffd");
    const undrawn = this.#plainRest ? safe : this.#draw(safe);
    if (undrawn) (this.#plainRest ??= this.#createPlainRest()).append(undrawn);
  }

  /** Returns what could not be drawn. The parser gets one character at a time, so that it is known where it failed. */
  #draw(text) {
    const { renderer } = this.#parser;
    let drawn = 0;
    let pending = "";
    try {
      for (const character of text) {
        pending = pendingText(this.#parser);
        this.#limits.checkBeforeText(this.#parser);
        smd.parser_write(this.#parser, character);
        drawn += character.length;
      }
      return "";
    } catch (error) {
      if (!(error instanceof LimitExceeded)) console.warn("This text could not be drawn as Markdown", error);
      return pending + text.slice(drawn);
    } finally {
      renderer.flush(renderer.data);
    }
  }

  #createPlainRest() {
    const box = createElement("div", "prose--plain");
    this.#element.append(box);
    return new PlainText(box);
  }
}
