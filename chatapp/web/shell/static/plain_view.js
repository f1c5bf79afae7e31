/* A page of text beside the sidebar, such as the results of a search. A chat takes its place, and Back shows it again
as it was left. It has what `ChatView` has for navigation. */

import { documentTitle, setDocumentTitle } from "./title.js";

export class PlainView {
  session = undefined; // of no chat
  #title;
  #top = 0;

  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
  }

  get user() {
    return this.main.dataset.user;
  }

  pause() {
    this.#title = documentTitle();
    this.#top = scrollY;
  }

  resume() {
    setDocumentTitle(this.#title);
    scrollTo({ top: this.#top, behavior: "instant" });
  }

  close() {}

  focus() {
    /** @type {HTMLElement} */ (this.main.querySelector("#page")).focus({ preventScroll: true });
  }
}

/** It leads past the sidebar to what stands in `main`.
 * @param {HTMLElement} main */
export function updateSkipLink(main) {
  /** @type {HTMLAnchorElement} */
  const link = document.querySelector(".skip");
  const field = main.querySelector("[data-text-field]");
  link.setAttribute("href", `#${(field ?? main.querySelector("#page")).id}`);
  link.textContent = field ? "Skip to message field" : "Skip to content";
}
