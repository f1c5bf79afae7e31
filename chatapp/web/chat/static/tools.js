/* The tools that a model asks for while it answers: a folded line for each, whose arguments grow. */

import { appendText, PlainText } from "./plain.js";

const SHOWN = 100; // tools of an answer, as the server shows them
const NAME = 200; // characters
const ARGUMENTS = 100_000; // characters of a tool's

function make(index, id) {
  const tool = document.createElement("details");
  tool.className = "tool";
  tool.dataset.tool = index;
  tool.dataset.call = id;
  const name = document.createElement("code");
  name.dataset.toolName = "";
  const summary = document.createElement("summary");
  summary.append("Tool: ", name);
  const text = document.createElement("pre");
  text.tabIndex = 0;
  text.dataset.toolArguments = "";
  tool.append(summary, text);
  return tool;
}

export class Tools {
  #root;
  #arguments = new WeakMap(); // element -> its PlainText

  constructor(root) {
    this.#root = root;
  }

  /** A piece of a call: its strings are appended to what is known of the call with this index. */
  add({ index, id = "", name = "", arguments: text = "" }) {
    let tool = [...this.#root.children].findLast((known) => known.dataset.tool === String(index));
    if (!tool || (id && tool.dataset.call !== id)) {
      if (this.#root.childElementCount >= SHOWN) return;
      this.#root.append((tool = make(index, id)));
    }
    const word = tool.querySelector("[data-tool-name]");
    appendText(word, name.slice(0, Math.max(NAME - word.textContent.length, 0)));
    this.#argumentsOf(tool).append(text);
  }

  #argumentsOf(tool) {
    const element = tool.querySelector("[data-tool-arguments]");
    if (!this.#arguments.has(element)) this.#arguments.set(element, new PlainText(element, ARGUMENTS));
    return this.#arguments.get(element);
  }

  replace(tools) {
    this.#root.replaceChildren();
    for (const tool of tools) this.add(tool);
  }
}
