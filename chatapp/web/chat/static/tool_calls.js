/* The tool calls of an answer: a folded line for each, whose arguments grow. */

import { appendText, PlainText } from "./plain_text.js";

/** @typedef {{index: number, id?: string, name?: string, arguments?: string}} ToolDelta */

const MAX_CALLS = 100; // of an answer, as the server shows them
const MAX_NAME = 200; // characters
const MAX_ARGUMENTS = 100_000; // characters of one call

/** @param {number} index @param {string} id */
function createCall(index, id) {
  const call = document.createElement("details");
  call.className = "tool";
  call.dataset.tool = String(index);
  call.dataset.call = id;
  const name = document.createElement("code");
  name.dataset.toolName = "";
  const summary = document.createElement("summary");
  summary.append("Tool: ", name);
  const text = document.createElement("pre");
  text.tabIndex = 0;
  text.dataset.toolArguments = "";
  call.append(summary, text);
  return call;
}

export class ToolCalls {
  #root;
  #arguments = new WeakMap(); // element -> its PlainText

  constructor(root) {
    this.#root = root;
  }

  /** Add a delta of a call: its strings are appended to the call with this index. A new id starts a new call.
   * @param {ToolDelta} delta */
  add({ index, id = "", name = "", arguments: text = "" }) {
    let call = [...this.#root.children].findLast((element) => element.dataset.tool === String(index));
    if (!call || (id && call.dataset.call !== id)) {
      if (this.#root.childElementCount >= MAX_CALLS) return;
      this.#root.append((call = createCall(index, id)));
    }
    const label = call.querySelector("[data-tool-name]");
    appendText(label, name.slice(0, Math.max(MAX_NAME - label.textContent.length, 0)));
    this.#argumentsOf(call).append(text);
  }

  #argumentsOf(call) {
    const element = call.querySelector("[data-tool-arguments]");
    if (!this.#arguments.has(element)) this.#arguments.set(element, new PlainText(element, MAX_ARGUMENTS));
    return this.#arguments.get(element);
  }

  /** @param {ToolDelta[]} calls */
  replace(calls) {
    this.#root.replaceChildren();
    for (const call of calls) this.add(call);
  }
}
