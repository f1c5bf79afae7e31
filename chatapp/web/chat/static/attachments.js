/* Files that go with the next message: chosen, dropped or pasted, shown as chips until it is sent. They are kept
with the draft, also over a reload or a log-in. */

import { loadFiles, saveFiles } from "./draft_files.js";
import { chipFor } from "./file_chips.js";
import { isImage, withinLimits } from "./file_limits.js";
import { ImageSight } from "./image_sight.js";
import { announce } from "../shell/status.js";

/** The texts that the server has kept in the form, which become chosen files. Stored files stay there.
 * @param {HTMLElement} list */
function takeKeptFiles(list) {
  const items = [...list.querySelectorAll("li")].filter((item) => item.querySelector("textarea"));
  const files = items.map((item) => {
    const [name, type] = [...item.querySelectorAll("input[type=hidden]")].map((input) => input.getAttribute("value"));
    item.remove();
    return new File([item.querySelector("textarea").value], name, { type });
  });
  if (!list.children.length) list.remove();
  return files;
}

export class Attachments {
  #input;
  #key;
  #chips;
  #files = [];
  #form;
  #onChange;
  #sight;

  /** @param {HTMLFormElement} form @param {() => void} onChange @param {AbortSignal} signal */
  constructor(form, onChange, signal) {
    this.#input = form.querySelector("[data-files]");
    this.#chips = form.querySelector("[data-chips]");
    this.#form = form;
    this.#onChange = onChange;
    this.#sight = new ImageSight(form, () => this.#files.some(isImage));
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
    return this.#files.length === 0 && !this.#form.querySelector("[data-kept]");
  }

  clear() {
    this.#files = [];
    this.#form.querySelector("[data-kept]")?.remove();
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
    const others = files.filter((file) => !this.#files.includes(file));
    const { taken: added, fault } = withinLimits(others, this.#files, this.#form.dataset);
    this.#files.push(...added);
    this.#update();
    if (fault) this.#form.dispatchEvent(new CustomEvent("refused", { detail: { sentence: [fault] } }));
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
    const save = () => saveFiles(this.#key, this.#files);
    this.#chips.replaceChildren(...this.#files.map((file) => chipFor(file, () => this.#remove(file), save)));
    this.#chips.hidden = this.#files.length === 0;
    this.#sight.check();
    this.#onChange();
  }
}
