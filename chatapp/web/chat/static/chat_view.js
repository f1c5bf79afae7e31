/* What stands beside the sidebar: a chat, or the form that starts one. A chat that its reader leaves for another one may
be kept and shown again; meanwhile it follows nothing. */

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { enableModelPicker } from "./model_picker.js";
import { readingPosition, restorePosition, showJumpButton } from "./stick_to_bottom.js";
import { documentTitle, setDocumentTitle } from "../shell/title.js";

export class ChatView {
  /** @type {Conversation | null} */
  conversation = null;
  #title;
  #position = null; // null: at the bottom
  #isReturning = false;
  #lifetime = new AbortController();

  /** `main` is on the page. `onStart(html)` is called with the chat that the form has started.
   * @param {HTMLElement} main @param {(html: string) => void} onStart */
  constructor(main, streams, onStart) {
    this.main = main;
    const signal = this.#lifetime.signal;
    if (main.dataset.documentTitle) setDocumentTitle(main.dataset.documentTitle);
    if (this.session) this.conversation = new Conversation(main, streams, (error) => this.#onError(error));
    this.composer = new Composer(main.querySelector("[data-composer]"), this.conversation, onStart, signal);
    enableModelPicker(main, signal);
    if (this.session) this.#watchTranscript(main.querySelector("[data-transcript]"), signal);
  }

  /** The id of the chat; empty for the form that starts one. */
  get session() {
    return this.main.dataset.view;
  }

  /** The id of its reader. */
  get user() {
    return userOf(this.main);
  }

  focus() {
    this.composer.focus();
  }

  /** It is about to be taken off the page. */
  pause() {
    this.#title = documentTitle();
    this.#position = readingPosition();
    this.conversation?.pause();
  }

  /** It is on the page again. */
  resume() {
    setDocumentTitle(this.#title);
    restorePosition(this.#position);
    this.#isReturning = true;
    this.conversation?.resume().then(() => (this.#isReturning = false));
  }

  /** It will not come back. */
  close() {
    this.#lifetime.abort();
  }

  #watchTranscript(root, signal) {
    root.addEventListener("change", () => this.composer.refresh());
    if (!root.querySelector("[data-later]")) showJumpButton(this.main.querySelector("[data-latest]"), root, signal);
  }

  #onError(error) {
    if (error.isGone) return this.composer.showError(error);
    document.dispatchEvent(new Event("loggedout"));
    if (this.#isReturning) location.reload(); // another person may have gone back
  }
}

/** @param {HTMLElement} main */
export function userOf(main) {
  /** @type {HTMLElement} */
  const form = main.querySelector("[data-composer]");
  return form.dataset.draft.split(":")[0];
}
