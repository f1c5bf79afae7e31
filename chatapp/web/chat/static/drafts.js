/* Unsent text, kept in this browser for each chat and user; it survives a crash. */

const PREFIX = "draft:";
const SAVE_DELAY = 300; // ms after the last key

/** Storage may be full or forbidden; then there are no drafts. */
function ignoringStorageErrors(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

export class Draft {
  #key;
  #field;
  #timer = 0;

  /** `key` names the user and the chat. Text that the server put into the field takes precedence over a draft.
   * @param {string} key @param {HTMLTextAreaElement} field @param {AbortSignal} [signal]
   * aborted when the field is not needed any more */
  constructor(key, field, signal) {
    this.#key = PREFIX + key;
    this.#field = field;
    if (!field.value) field.value = ignoringStorageErrors(() => localStorage.getItem(this.#key)) ?? "";
    field.addEventListener("input", () => this.#saveLater());
    const saveNow = () => this.#timer && this.save();
    addEventListener("pagehide", saveNow, { signal });
    signal?.addEventListener("abort", saveNow);
  }

  #saveLater() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), SAVE_DELAY);
  }

  /** Save the field's text; an empty field deletes the draft. */
  save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const text = this.#field.value;
    ignoringStorageErrors(() => (text ? localStorage.setItem(this.#key, text) : localStorage.removeItem(this.#key)));
  }

  /** Keep the text as the draft of another chat, behind what is kept for that. */
  moveTo(key) {
    const text = this.#field.value;
    this.#field.value = "";
    this.save();
    const other = ignoringStorageErrors(() => localStorage.getItem(PREFIX + key));
    const both = [other, text].filter(Boolean).join("\n\n");
    ignoringStorageErrors(() => localStorage.setItem(PREFIX + key, both));
  }
}
