/* Markdown drawn while it arrives: what stands is never drawn again. What a model writes is hostile (B58): links lead
only where the server's own rendering lets them, images do not load, no attribute comes through but these, and from
where it asks for too much it is shown as it was written. Boxes of code, tables and formulas are built as the server
builds them, so that nothing jumps when its HTML takes over. */

import * as smd from "../vendor/streaming-markdown/smd.min.js";
import { Bounds, deepParser, heldBy, TooMuch } from "./bounds.js";
import { boxFor, CODE, make } from "./boxes.js";
import { appendText, PlainText } from "./plain.js";

const ABSOLUTE = /^(https?:\/\/[^/?#\\\s]|mailto:)/i; // where a link may lead, as the server has it: never into this site
const BIDI_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g; // they let text read otherwise than it is

function safeAddress(text) {
  return ABSOLUTE.test(text) && URL.canParse(text) ? text : null;
}

/** The library's renderer, except for what comes from the model and could lead or load somewhere, or ask for too much.

Text is gathered (`flush` shows it), so that it makes one text node however it came. */
function rendererFor(element, bounds) {
  const standard = smd.default_renderer(element);
  let text = "";
  let code = null; // the text of the box of code that is being written

  function flush(data) {
    if (code) code.append(text);
    else appendText(data.nodes[data.index], text);
    text = "";
  }

  function add_token(data, token) {
    flush(data);
    const built = boxFor(token);
    bounds.add(token, data.index + 1, built ? 1 + built[0].getElementsByTagName("*").length : 1);
    const parent = data.nodes[data.index];
    if (built) {
      parent.append(built[0]);
      data.nodes[++data.index] = built[1];
      if (CODE.has(token)) code = new PlainText(built[1]);
    } else if (token === smd.IMAGE) {
      parent.append("!"); // as the server shows it: a link to the image
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
    if (!code) bounds.addText(more);
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

  return { ...standard, add_token, end_token, add_text, set_attr, flush };
}

export class Drawing {
  #element;
  #bounds = new Bounds();
  #parser;
  #rest = null; // the text that is shown as it is

  constructor(element) {
    this.#element = element;
    this.#parser = deepParser(rendererFor(element, this.#bounds));
  }

  /** Draw `text` behind what stands. From where it asks for too much, or the parser fails, it is shown as it is. */
  write(text) {
    const safe = text.replace(BIDI_CONTROLS, "\ufffd");
    const left = this.#rest ? safe : this.#draw(safe);
    if (left) (this.#rest ??= this.#plain()).append(left);
  }

  /** Returns what could not be drawn. The parser gets one character at a time, so that it is known where it failed. */
  #draw(text) {
    const { renderer } = this.#parser;
    let drawn = 0;
    let held = "";
    try {
      for (const character of text) {
        held = heldBy(this.#parser);
        this.#bounds.check(this.#parser);
        smd.parser_write(this.#parser, character);
        drawn += character.length;
      }
      return "";
    } catch (error) {
      if (!(error instanceof TooMuch)) console.warn("This text could not be drawn as Markdown", error);
      return held + text.slice(drawn);
    } finally {
      renderer.flush(renderer.data);
    }
  }

  #plain() {
    const box = make("div", "prose--plain");
    this.#element.append(box);
    return new PlainText(box);
  }
}
