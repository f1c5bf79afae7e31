/* The queued messages behind an answer, as cards. The first of them are followed: when one's turn has come, or another
tab has removed it, the conversation is fetched again. */

import { keepEdits } from "./card_edits.js";
import { announce } from "../shell/status.js";
import { delay, RETRY_DELAY } from "../shell/requests.js";
import { FINAL_KINDS } from "../shell/stream_events.js";

const FOLLOWED = 4; // the server lets a page follow 32 streams; only the head of a queue can begin
const QUEUED_SEQ = 1; // seq of run.queued

export class Queue {
  #root;
  #streams;
  #onChange;
  #followed = new Set();
  #elsewhere; // the stream of an answer that is being written on another branch,
  #elsewhereFollower; // and what follows it

  /** `onChange()` is called when the conversation has to be fetched again. */
  constructor(root, streams, onChange) {
    this.#root = root;
    this.#streams = streams;
    this.#onChange = onChange;
    this.resume();
  }

  get #cards() {
    return [...this.#root.querySelectorAll("[data-queued]")];
  }

  /** The chat is taken off the page: follow nothing until `resume`. */
  pause() {
    for (const stream of [...this.#followed]) this.#unfollow(stream);
    if (this.#elsewhere) this.#streams.unfollow(this.#elsewhere, this.#elsewhereFollower);
    this.#elsewhere = undefined;
  }

  resume() {
    this.#follow();
  }

  get isEmpty() {
    return this.#cards.length === 0;
  }

  /** Whether the page shows so many queued messages, and whether they are held. */
  shows(queued, isHeld) {
    return this.#cards.length === queued && "held" in this.#root.dataset === (isHeld && queued > 0);
  }

  /** Show the queue as the server sent it. A card that is being edited stays as it is while its message is queued.
   * `hasBegun(id)`: whether this one has been sent. */
  update(root, hasBegun) {
    const before = this.#cards.length;
    const focused = document.activeElement?.id;
    keepEdits(this.#root, root, hasBegun);
    this.#root.replaceWith(root);
    this.#root = root;
    if (focused) root.querySelector(`#${CSS.escape(focused)}`)?.focus();
    this.#follow();
    if (this.#cards.length > before) announce("Message queued");
  }

  #follow() {
    this.#followElsewhere();
    const heads = new Set(this.#cards.slice(0, FOLLOWED).map((card) => card.dataset.queued));
    for (const stream of [...this.#followed]) {
      if (!heads.has(stream)) this.#unfollow(stream);
    }
    for (const stream of heads) {
      if (this.#followed.has(stream)) continue;
      this.#followed.add(stream);
      this.#streams.follow(stream, QUEUED_SEQ, {
        apply: () => this.#onEvent(stream),
        reset: () => {},
        refused: () => delay(RETRY_DELAY).then(() => this.#onEvent(stream)),
      });
    }
  }

  /** The end of an answer on a branch that is not shown removes the notice about it. */
  #followElsewhere() {
    const notice = this.#root.querySelector("[data-elsewhere]");
    const stream = notice?.dataset.elsewhere;
    if (this.#elsewhere === stream) return;
    if (this.#elsewhere) this.#streams.unfollow(this.#elsewhere, this.#elsewhereFollower); // the transcript may show it now
    this.#elsewhere = stream;
    if (!stream) return;
    this.#elsewhereFollower = {
      apply: (event) => FINAL_KINDS.has(event.kind) && this.#onChange(),
      reset: () => {},
      refused: () => this.#onChange(),
    };
    this.#streams.follow(stream, Number(notice.dataset.seq), this.#elsewhereFollower);
  }

  #unfollow(stream) {
    if (this.#followed.delete(stream)) this.#streams.unfollow(stream);
  }

  #onEvent(stream) {
    this.#unfollow(stream);
    this.#onChange();
  }
}
