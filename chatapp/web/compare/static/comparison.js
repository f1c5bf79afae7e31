/* The panes of a comparison and the vote below them. Whatever is done to them, the server answers with all of them as
they are now; a pane that is being written stays as it stands. */

import { Pane } from "./pane.js";
import { isDue, keepDrawn, WAITS } from "../chat/rendering.js";
import { announce } from "../shell/status.js";
import { getHtml, parse, pause, post, RETRY } from "../shell/requests.js";

export class Comparison {
  #root;
  #streams;
  #panes = new Map(); // id of the section -> Pane that is being written
  #asked = 0;
  #shown = 0;
  #isSyncing = false;
  #isOld = false; // something has happened since the last sync began
  #isBusy = false;
  #looks = 0; // in a row at answers that have no HTML yet

  constructor(root, streams) {
    this.#root = root;
    this.#streams = streams;
    for (const section of root.querySelectorAll("[data-stream]")) this.#adopt(section);
    root.addEventListener("submit", (event) => this.#submit(event));
  }

  /** Ask for everything as it is now, until the server answers. */
  async sync() {
    this.#isOld = true;
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    while (this.#isOld) {
      this.#isOld = false;
      try {
        const turn = ++this.#asked;
        this.#show(turn, await getHtml(this.#root.dataset.url));
      } catch (error) {
        this.#isOld = Boolean(error.mayPass);
        if (this.#isOld) await pause(RETRY);
      }
    }
    this.#isSyncing = false;
  }

  /** Do what a form would, and show what has become of the comparison. */
  async #submit(event) {
    const form = event.target;
    if (!form.matches("[data-act]")) return;
    event.preventDefault();
    if (this.#isBusy) return;
    this.#isBusy = true;
    const { submitter } = event;
    const fields = new FormData(form);
    if (submitter?.name) fields.set(submitter.name, submitter.value);
    try {
      const turn = ++this.#asked;
      this.#show(turn, await (await post(submitter?.getAttribute("formaction") ?? form.action, fields)).text());
      this.#tell(null);
    } catch (error) {
      this.#tell(error.message);
      this.sync(); // it was refused because things are not as they look here
    } finally {
      this.#isBusy = false;
    }
  }

  #tell(sentence) {
    const error = this.#root.querySelector("[data-error]");
    error.hidden = !sentence;
    error.textContent = sentence ?? "";
  }

  #show(turn, html) {
    if (turn < this.#shown) return this.sync();
    this.#shown = turn;
    const fresh = parse(html);
    const panes = fresh.querySelector("[data-panes]");
    const sections = [...panes.querySelectorAll("[data-pane]")];
    const listed = new Set(sections.map((section) => section.id));
    const list = this.#root.querySelector("[data-panes]");
    list.dataset.count = panes.dataset.count;
    for (const section of list.querySelectorAll("[data-pane]")) {
      if (!listed.has(section.id)) this.#remove(section);
    }
    for (const section of sections) this.#place(section, list);
    this.#awaitHtml(sections);
    this.#swap(this.#root.querySelector("[data-verdict]"), fresh.querySelector("[data-verdict]"));
  }

  /** Look again, less and less often, while a worker makes the HTML of what has ended. */
  #awaitHtml(sections) {
    if (!sections.some(isDue)) this.#looks = 0;
    else if (this.#looks < WAITS.length) pause(WAITS[this.#looks++]).then(() => this.sync());
  }

  #place(section, list) {
    const known = document.getElementById(section.id);
    if (known) keepDrawn(known, section);
    if (!known) return list.append(section);
    const pane = this.#panes.get(section.id);
    if (pane && pane.stream === section.dataset.stream) return pane.agree(section);
    this.#leave(section.id);
    this.#swap(known, section);
    if (section.dataset.stream) this.#adopt(section);
  }

  /** Put `fresh` where `known` is; who had the focus in it keeps it as near as possible. */
  #swap(known, fresh) {
    if (known.isEqualNode(fresh)) return;
    const hadFocus = known.contains(document.activeElement);
    known.replaceWith(fresh);
    if (hadFocus) fresh.focus({ preventScroll: true });
  }

  #adopt(section) {
    const pane = new Pane(section, (word) => {
      if (word) announce(`Answer ${section.dataset.letter}: ${word}`);
      else this.#leave(section.id); // to be followed anew
      if (!word || pane.isOver) this.sync();
    });
    this.#panes.set(section.id, pane);
    this.#streams.follow(pane.stream, pane.seq, pane);
  }

  #remove(section) {
    const hadFocus = section.contains(document.activeElement);
    this.#leave(section.id);
    section.remove();
    if (hadFocus) this.#root.querySelector("[data-verdict]").focus({ preventScroll: true });
  }

  #leave(id) {
    const pane = this.#panes.get(id);
    if (pane) this.#streams.unfollow(pane.stream);
    this.#panes.delete(id);
  }
}
