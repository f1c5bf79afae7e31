/* Unsent text, kept in this browser for each chat and user; it survives a crash. */

import { saveFiles } from "./draft_files.js";

const PREFIX = "draft:";
const SENT = "sent"; // key of the draft of a new chat's first message, until the chat's page shows that it arrived
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

  /** `key` names the user and the chat. Text that the server put into the field takes precedence over a draft. */
  constructor(key, field) {
    this.#key = PREFIX + key;
    this.#field = field;
    if (!field.value) field.value = ignoringStorageErrors(() => localStorage.getItem(this.#key)) ?? "";
    field.addEventListener("input", () => this.#saveLater());
    addEventListener("pagehide", () => this.#timer && this.save());
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

  /** The browser submits the form: only the next page knows whether the text arrived. */
  markSent() {
    this.save();
    ignoringStorageErrors(() => sessionStorage.setItem(SENT, this.#key));
  }
}

/** Forget which draft the last form sent; returns its key. The form is shown again: nothing has arrived. */
export function forgetSentDraft() {
  const key = ignoringStorageErrors(() => sessionStorage.getItem(SENT));
  ignoringStorageErrors(() => sessionStorage.removeItem(SENT));
  return key;
}

/** This page is the chat that the last form created: delete the draft, which has arrived, and its files. */
export function clearSentDraft() {
  const key = forgetSentDraft();
  if (!key) return;
  ignoringStorageErrors(() => localStorage.removeItem(key));
  saveFiles(key.slice(PREFIX.length), []);
}
