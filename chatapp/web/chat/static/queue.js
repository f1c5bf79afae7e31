/* The messages that wait behind an answer, as cards. The first of them are followed: when the turn of one has come, or
somebody has taken it out, the conversation is asked for anew. */

import { announce } from "../shell/status.js";
import { pause, RETRY } from "../shell/requests.js";
import { FINAL } from "../shell/streams.js";

const FOLLOWED = 4; // the server lets a page follow 32 streams; only the head of a queue can begin
const ASKED_FOR = 1; // seq of run.queued

export class Queue {
  #root;
  #streams;
  #onTurn;
  #followed = new Set();
  #elsewhere;

  constructor(root, streams, onTurn) {
    this.#root = root;
    this.#streams = streams;
    this.#onTurn = onTurn;
    document.addEventListener("toggle", (event) => this.#opened(event.target), { capture: true });
    this.#follow();
  }

  get #items() {
    return [...this.#root.querySelectorAll("[data-queued]")];
  }

  get isEmpty() {
    return this.#items.length === 0;
  }

  /** Show the queue as the server sent it. A card that is being edited stays as it is, as long as it waits. */
  update(root) {
    const before = this.#items.length;
    for (const card of root.querySelectorAll("[data-queued]")) {
      const known = document.getElementById(card.id);
      if (known?.querySelector("[data-edit]").open) card.replaceWith(known);
    }
    const focused = document.activeElement?.id;
    this.#root.replaceWith(root);
    this.#root = root;
    if (focused) root.querySelector(`#${CSS.escape(focused)}`)?.focus();
    this.#follow();
    if (this.#items.length > before) announce("The message waits for its turn");
  }

  /** Who opens a card wants to write. */
  #opened(details) {
    if (details.open && details.matches("[data-edit]")) details.querySelector("textarea").focus();
  }

  #follow() {
    this.#followElsewhere();
    const heads = new Set(this.#items.slice(0, FOLLOWED).map((item) => item.dataset.queued));
    for (const stream of [...this.#followed]) {
      if (!heads.has(stream)) this.#leave(stream);
    }
    for (const stream of heads) {
      if (this.#followed.has(stream)) continue;
      this.#followed.add(stream);
      this.#streams.follow(stream, ASKED_FOR, {
        apply: () => this.#changed(stream),
        reset: () => {},
        refused: () => pause(RETRY).then(() => this.#changed(stream)),
      });
    }
  }

  /** An answer on a branch that is not shown: its end takes the notice away. */
  #followElsewhere() {
    const notice = this.#root.querySelector("[data-elsewhere]");
    const stream = notice?.dataset.elsewhere;
    if (this.#elsewhere && this.#elsewhere !== stream) this.#streams.unfollow(this.#elsewhere);
    if (stream && this.#elsewhere !== stream) {
      this.#streams.follow(stream, Number(notice.dataset.seq), {
        apply: (event) => FINAL.has(event.kind) && this.#onTurn(),
        reset: () => {},
        refused: () => this.#onTurn(),
      });
    }
    this.#elsewhere = stream;
  }

  #leave(stream) {
    if (this.#followed.delete(stream)) this.#streams.unfollow(stream);
  }

  #changed(stream) {
    this.#leave(stream);
    this.#onTurn();
  }
}
