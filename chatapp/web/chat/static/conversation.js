/* A session's page: transcript and queue, which change together. Whatever is done to them, the server answers with
both as they are now; an answer that comes late does not undo a later one. */

import { Earlier } from "./earlier.js";
import { keepingEnd } from "./end.js";
import { Queue } from "./queue.js";
import { getHtml, pause, post, RETRY, wanted } from "../shell/requests.js";
import { messagesIn, Transcript } from "./transcript.js";

export class Conversation {
  #url;
  #transcript;
  #queue;
  #earlier;
  #asked = 0;
  #shown = 0;
  #isSyncing = false;
  #isOld = false; // something has happened since the last sync began

  constructor(root, queue, streams) {
    this.#url = root.dataset.messagesUrl;
    this.#earlier = new Earlier(root, this.#url);
    this.#queue = new Queue(queue, streams, () => this.sync());
    this.#transcript = new Transcript(root, streams, () => {
      if (!this.#queue.isEmpty) this.sync(); // the next one starts, or all are held
    });
  }

  get active() {
    return this.#transcript.active;
  }

  /** How many answers are `ahead` of each that waits for a worker, by the ids of their runs. */
  showPlaces(ahead) {
    this.#transcript.showPlaces(ahead);
  }

  settle(answer) {
    return this.#transcript.settle(answer);
  }

  /** Do what a form would, and show what has become of the conversation. Throws Refused. */
  async post(url, fields) {
    fields.set("after", this.#transcript.anchor);
    const turn = ++this.#asked;
    const response = await post(url, fields);
    if (response.headers.get("Content-Type").startsWith("text/html")) this.#show(turn, await response.text());
    else this.sync();
  }

  /** Ask for the conversation as it is now, until the server answers. */
  async sync() {
    this.#isOld = true;
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    while (this.#isOld) {
      this.#isOld = false;
      try {
        const turn = ++this.#asked;
        this.#show(turn, await getHtml(`${this.#url}?after=${this.#transcript.anchor}`));
      } catch (error) {
        this.#isOld = Boolean(error.mayPass);
        if (this.#isOld) await pause(RETRY);
      }
    }
    this.#isSyncing = false;
  }

  #show(turn, html) {
    if (turn < this.#shown) return this.sync();
    const part = wanted(html, "[data-part]");
    const queue = wanted(html, "[data-queue]");
    this.#shown = turn;
    keepingEnd(() => {
      this.#queue.update(queue);
      if (!part.dataset.after) this.#earlier.replace(part.querySelector("[data-earlier]"));
      this.#transcript.update(part.dataset.after, messagesIn(part));
    });
  }
}
