/* The tools that a model asks for while it answers: a folded line for each, whose arguments grow. */

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

  constructor(root) {
    this.#root = root;
  }

  /** A piece of a call: its strings are appended to what is known of the call with this index. */
  add({ index, id = "", name = "", arguments: text = "" }) {
    let tool = [...this.#root.children].findLast((known) => known.dataset.tool === String(index));
    if (!tool || (id && tool.dataset.call !== id)) this.#root.append((tool = make(index, id)));
    tool.querySelector("[data-tool-name]").append(name);
    tool.querySelector("[data-tool-arguments]").append(text);
  }

  replace(tools) {
    this.#root.replaceChildren();
    for (const tool of tools) this.add(tool);
  }
}
