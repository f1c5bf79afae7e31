/* The panes of a comparison and the vote below them. The server answers every action with all of them as they are now;
a pane that is being written stays as it is. */

import { Pane } from "./pane.js";
import { isHtmlPending, replaceMessage, RETRY_DELAYS } from "../chat/final_html.js";
import { keepPlace } from "../chat/keep_place.js";
import { Refresher } from "../shell/refresher.js";
import { announce } from "../shell/status.js";
import { delay, getHtml, parseHtml, post } from "../shell/requests.js";

export class Comparison {
  #root;
  #streams;
  #panes = new Map(); // id of the section -> Pane that is being written
  #requests = 0; // numbers requests in the order they were sent
  #shown = 0; // the number of the request whose response is on the page
  #refresher = new Refresher(() => this.#load());
  #isBusy = false;
  #htmlAttempts = 0; // in a row to load answers whose HTML does not exist yet

  constructor(root, streams) {
    this.#root = root;
    this.#streams = streams;
    for (const section of root.querySelectorAll("[data-stream]")) this.#follow(section);
    root.addEventListener("submit", (event) => this.#onSubmit(event));
  }

  /** Fetch and show everything as it is now; retries until the server answers. */
  sync() {
    return this.#refresher.refresh();
  }

  async #load() {
    const number = ++this.#requests;
    this.#show(number, await getHtml(this.#root.dataset.url));
  }

  /** POST what a form would, and show the result. */
  async #onSubmit(event) {
    const form = event.target;
    if (!form.matches("[data-act]")) return;
    event.preventDefault();
    if (this.#isBusy) return;
    this.#isBusy = true;
    const { submitter } = event;
    const fields = new FormData(form);
    if (submitter?.name) fields.set(submitter.name, submitter.value);
    try {
      const number = ++this.#requests;
      const response = await post(submitter?.getAttribute("formaction") ?? form.action, fields);
      this.#show(number, await response.text());
      this.#showError(null);
    } catch (error) {
      this.#showError(error.message);
      this.sync(); // it was refused because the page is out of date
    } finally {
      this.#isBusy = false;
    }
  }

  #showError(message) {
    const error = this.#root.querySelector("[data-error]");
    error.hidden = !message;
    error.textContent = message ?? "";
  }

  #show(number, html) {
    if (number < this.#shown) return this.sync();
    this.#shown = number;
    const fresh = parseHtml(html);
    const panes = /** @type {HTMLElement} */ (fresh.querySelector("[data-panes]"));
    const sections = [...panes.querySelectorAll("[data-pane]")];
    const listed = new Set(sections.map((section) => section.id));
    /** @type {HTMLElement} */
    const list = this.#root.querySelector("[data-panes]");
    list.dataset.count = panes.dataset.count;
    for (const section of list.querySelectorAll("[data-pane]")) {
      if (!listed.has(section.id)) this.#remove(section);
    }
    for (const section of sections) this.#place(section, list);
    this.#loadPendingHtml(sections);
    const [verdict, freshVerdict] = [this.#root, fresh].map((part) => part.querySelector("[data-verdict]"));
    this.#replace(verdict, freshVerdict, () => (verdict.replaceWith(freshVerdict), freshVerdict));
  }

  /** Load again, after longer and longer delays, while a worker makes the HTML of answers that have ended. */
  #loadPendingHtml(sections) {
    if (!sections.some(isHtmlPending)) this.#htmlAttempts = 0;
    else if (this.#htmlAttempts < RETRY_DELAYS.length)
      delay(RETRY_DELAYS[this.#htmlAttempts++]).then(() => this.sync());
  }

  #place(section, list) {
    const current = document.getElementById(section.id);
    if (!current) return list.append(section);
    const pane = this.#panes.get(section.id);
    if (pane && pane.stream === section.dataset.stream) return pane.update(section);
    this.#unfollow(section.id);
    this.#replace(current, section, () => replaceMessage(current, section, (change) => keepPlace(list, change)));
    if (section.dataset.stream) this.#follow(section);
  }

  /** Let `replace` show `fresh` instead of `current`; a focus that is lost moves to what it returns. */
  #replace(current, fresh, replace) {
    if (current.isEqualNode(fresh)) return;
    const hadFocus = current.contains(document.activeElement);
    const shown = replace();
    if (hadFocus && !shown.contains(document.activeElement)) shown.focus({ preventScroll: true });
  }

  #follow(section) {
    const pane = new Pane(section, (label) => {
      if (label) announce(`Answer ${section.dataset.letter}: ${label}`);
      else this.#unfollow(section.id); // to be followed anew
      if (!label || pane.isFinal) this.sync();
    });
    this.#panes.set(section.id, pane);
    this.#streams.follow(pane.stream, pane.seq, pane);
  }

  #remove(section) {
    const hadFocus = section.contains(document.activeElement);
    this.#unfollow(section.id);
    section.remove();
    if (hadFocus) this.#root.querySelector("[data-verdict]").focus({ preventScroll: true });
  }

  #unfollow(id) {
    const pane = this.#panes.get(id);
    if (pane) this.#streams.unfollow(pane.stream);
    this.#panes.delete(id);
  }
}
