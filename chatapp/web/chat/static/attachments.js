/* Files that go with the next message: chosen, dropped or pasted, uploaded at once, and shown as chips until it is sent.
They are kept with the draft, also over a reload or a log-in. */

import { loadFiles, saveFiles, takeKeptFiles } from "./draft_files.js";
import { chipFor } from "./file_chips.js";
import { isImage, pixelFaultOf, withinLimits } from "./file_limits.js";
import { ImageSight } from "./image_sight.js";
import { fileOfPastedText, insertText, pastedTextOf } from "./pasted_text.js";
import { Upload } from "./uploads.js";
import { announce } from "../shell/status.js";

export class Attachments {
  #key;
  #chips;
  /** @type {Map<File, { chip: HTMLElement, upload: Upload }>} */
  #files = new Map();
  #form;
  #onChange;
  #sight;

  /** @param {HTMLFormElement} form @param {() => void} onChange @param {AbortSignal} signal */
  constructor(form, onChange, signal) {
    this.#chips = form.querySelector("[data-chips]");
    this.#form = form;
    this.#onChange = onChange;
    this.#sight = new ImageSight(form, () => this.#all.some(isImage));
    this.#key = form.dataset.draft;
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("[data-files]"))) {
      input.addEventListener("change", () => {
        this.#add([...input.files]);
        input.value = ""; // they are sent one by one
      });
    }
    form.addEventListener("paste", (event) => this.#onPaste(event, event.clipboardData));
    const onDragOver = (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault();
    document.addEventListener("dragover", onDragOver, { signal });
    document.addEventListener("drop", (event) => form.isConnected && this.#addFrom(event, event.dataTransfer), {
      signal,
    });
    signal?.addEventListener("abort", () => this.#all.forEach((file) => this.#files.get(file).upload.cancel()));
    this.#restore(form.querySelector("[data-kept]"));
  }

  get #all() {
    return [...this.#files.keys()];
  }

  get isEmpty() {
    return this.#files.size === 0 && !this.#form.querySelector("[data-kept]");
  }

  /** The fields of the form, once the server has all files. Raises the error of the first one that it does not have.
   * @param {string} [text] of the message, if the field may have the next one by then */
  async formData(text) {
    await Promise.all([...this.#files.values()].map(({ upload }) => upload.stored()));
    const fields = new FormData(this.#form);
    if (text !== undefined) fields.set("text", text);
    return fields;
  }

  clear() {
    this.#files.clear();
    this.#form.querySelector("[data-kept]")?.remove();
    this.#update();
  }

  /** Files that the server has put into the form take precedence over those kept here. */
  async #restore(list) {
    if (list) takeKeptFiles(list).forEach((file) => this.#begin(file));
    const kept = list ? [] : await loadFiles(this.#key);
    kept.forEach((file) => this.#begin(file));
    if (list || kept.length) this.#update();
  }

  /** Keep the files for another chat. */
  async moveTo(key) {
    await saveFiles(key, [...(await loadFiles(key)), ...this.#all]);
    this.clear();
  }

  #onPaste(event, clipboard) {
    const file = clipboard?.files.length ? null : fileOfPastedText(clipboard);
    if (!file) return this.#addFrom(event, clipboard);
    event.preventDefault();
    this.#add([file]);
  }

  #addFrom(event, transfer) {
    if (!transfer?.files.length) return;
    event.preventDefault();
    this.#add([...transfer.files]);
  }

  async #add(files) {
    const faults = await Promise.all(files.map((file) => pixelFaultOf(file, this.#form.dataset)));
    const small = files.filter((_, index) => !faults[index]);
    const { taken: added, fault } = withinLimits(small, this.#all, this.#form.dataset);
    added.forEach((file) => this.#begin(file));
    this.#update();
    const sentence = fault || faults.find(Boolean);
    if (sentence) this.#refuse({ sentence: [sentence] });
    if (added.length) announce(`Attached: ${added.map((file) => file.name).join(", ")}`);
  }

  #refuse(detail) {
    this.#form.dispatchEvent(new CustomEvent("refused", { detail }));
  }

  /** Show a file's chip, and upload it. @param {File} file */
  #begin(file) {
    const text = pastedTextOf(file);
    const { chip, showUpload } = chipFor(file, {
      onRemove: () => this.#remove(file),
      onRetry: () => upload.start(),
      onAltText: () => saveFiles(this.#key, this.#all),
      onInsert: text === undefined ? undefined : () => this.#insert(file, text),
    });
    const upload = new Upload(file, this.#form.elements.csrfmiddlewaretoken.value, (changed) => {
      showUpload(changed);
      if (changed.error && this.#files.has(file)) this.#refuse(changed.error);
    });
    this.#files.set(file, { chip, upload });
  }

  #insert(file, text) {
    this.#remove(file);
    insertText(this.#form.querySelector("[data-text-field]"), text);
  }

  #remove(file) {
    this.#files.get(file).upload.cancel();
    this.#files.delete(file);
    this.#update();
    this.#form.querySelector("[data-files]").focus();
    announce(`Removed: ${file.name}`);
  }

  #update() {
    saveFiles(this.#key, this.#all);
    const chips = [...this.#files.values()].map(({ chip }) => chip);
    for (const chip of [...this.#chips.children]) if (!chips.includes(/** @type {HTMLElement} */ (chip))) chip.remove();
    this.#chips.append(...chips.filter((chip) => !chip.isConnected)); // the others keep their focus
    this.#chips.hidden = chips.length === 0;
    this.#sight.check();
    this.#onChange();
  }
}
