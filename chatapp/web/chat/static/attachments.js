/* Text files that go with the next message: chosen, dropped or pasted, shown as chips until it is sent. They are kept
with the draft, also over a reload or a log-in. */

import { loadFiles, saveFiles } from "./draft_files.js";
import { announce } from "../shell/status.js";

function formatSize(bytes) {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** The files that the server has kept in the form, which become chosen ones.
 * @param {HTMLElement} list */
function takeKeptFiles(list) {
  const files = [...list.querySelectorAll("li")].map((item) => {
    const [name, type] = [...item.querySelectorAll("input[type=hidden]")].map((input) => input.getAttribute("value"));
    return new File([item.querySelector("textarea").value], name, { type });
  });
  list.remove();
  return files;
}

export class Attachments {
  #input;
  #key;
  #chips;
  #files = [];
  #onChange;

  /** @param {HTMLFormElement} form @param {() => void} onChange @param {AbortSignal} signal */
  constructor(form, onChange, signal) {
    this.#input = form.querySelector("[data-files]");
    this.#chips = form.querySelector("[data-chips]");
    this.#onChange = onChange;
    this.#key = form.dataset.draft;
    this.#input.addEventListener("change", () => this.#add([...this.#input.files]));
    form.addEventListener("paste", (event) => this.#addFrom(event, event.clipboardData));
    const onDragOver = (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault();
    document.addEventListener("dragover", onDragOver, { signal });
    document.addEventListener("drop", (event) => form.isConnected && this.#addFrom(event, event.dataTransfer), {
      signal,
    });
    this.#restore(form.querySelector("[data-kept]"));
  }

  get isEmpty() {
    return this.#files.length === 0;
  }

  clear() {
    this.#files = [];
    this.#update();
  }

  /** Files that the server has put into the form take precedence over those kept here. */
  async #restore(list) {
    this.#files = list ? takeKeptFiles(list) : [];
    this.#show();
    const kept = list ? [] : await loadFiles(this.#key);
    this.#files.unshift(...kept);
    if (list || kept.length) this.#update();
  }

  /** Keep the files for another chat. */
  async moveTo(key) {
    await saveFiles(key, [...(await loadFiles(key)), ...this.#files]);
    this.clear();
  }

  #addFrom(event, transfer) {
    if (!transfer?.files.length) return;
    event.preventDefault();
    this.#add([...transfer.files]);
  }

  #add(files) {
    const added = files.filter((file) => !this.#files.includes(file));
    this.#files.push(...added);
    this.#update();
    if (added.length) announce(`Attached: ${added.map((file) => file.name).join(", ")}`);
  }

  #remove(file) {
    this.#files = this.#files.filter((other) => other !== file);
    this.#update();
    this.#input.focus();
    announce(`Removed: ${file.name}`);
  }

  #update() {
    saveFiles(this.#key, this.#files);
    this.#show();
  }

  /** Put the files into the input, which the form sends, and show a chip for each. */
  #show() {
    const transfer = new DataTransfer();
    for (const file of this.#files) transfer.items.add(file);
    this.#input.files = transfer.files;
    this.#chips.replaceChildren(...this.#files.map((file) => this.#chipFor(file)));
    this.#chips.hidden = this.isEmpty;
    this.#onChange();
  }

  #chipFor(file) {
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "chip__remove";
    remove.ariaLabel = `Remove ${file.name}`;
    remove.textContent = "×";
    remove.addEventListener("click", () => this.#remove(file));
    const chip = document.createElement("li");
    chip.className = "chip";
    chip.append(`${file.name} · ${formatSize(file.size)}`, remove);
    return chip;
  }
}
