/* A chat's page: transcript and queue, which change together. The server answers every action with both as they are
now; a response that arrives late does not undo a newer one. */

import { MoreMessages } from "./more_messages.js";
import { stayHere, stickToBottom } from "./stick_to_bottom.js";
import { Queue } from "./queue.js";
import { Refresher } from "../shell/refresher.js";
import { getHtml, parseElement, parseElements, post } from "../shell/requests.js";
import { messagesIn } from "./message_elements.js";
import { Transcript } from "./transcript.js";

export class Conversation {
  #url;
  #transcript;
  #queue;
  #earlier;
  #later;
  #requests = 0; // numbers requests in the order they were sent
  #shown = 0; // the number of the request whose response is on the page
  #onError;
  #isPaused = false;
  #posting = 0; // requests that will bring the conversation as it is after them
  #changes = []; // what was reported meanwhile
  #refresher = new Refresher(() => this.#load());

  /** `onError(error)` is called when the chat no longer exists, or its reader is logged out.
   * @param {HTMLElement} main */
  constructor(main, streams, onError) {
    /** @type {HTMLElement} */
    const root = main.querySelector("[data-transcript]");
    this.#onError = onError;
    this.#url = root.dataset.messagesUrl;
    this.#queue = new Queue(main.querySelector("[data-queue]"), streams, () => this.sync());
    this.#transcript = new Transcript(root, streams, () => {
      if (!this.#queue.isEmpty) this.sync(); // the next one starts, or all are held
    });
    this.#earlier = new MoreMessages(root, this.#url, "earlier", () => {});
    this.#later = new MoreMessages(root, this.#url, "later", (articles) => this.#onLater(articles));
    if (this.#later.areMissing) stayHere();
  }

  get activeAnswer() {
    return this.#transcript.activeAnswer;
  }

  /** The chat is taken off the page, and may come back: nothing changes on it until `resume`. */
  pause() {
    this.#isPaused = true;
    this.#queue.pause();
    this.#transcript.pause();
  }

  /** Show what has changed since `pause`. */
  resume() {
    this.#isPaused = false;
    this.#queue.resume();
    this.#transcript.resume();
    return this.sync();
  }

  /** `ahead`: for each run that waits for a worker, how many runs are ahead of it. */
  showQueuePositions(ahead) {
    this.#transcript.showQueuePositions(ahead);
  }

  /** Another page may have sent a message. */
  checkActivity() {
    this.#afterPosts(() => this.activeAnswer !== null);
  }

  /** Another page may have sent, removed or released messages. */
  checkQueue(queued, isHeld) {
    this.#afterPosts(() => this.#queue.shows(queued, isHeld));
  }

  /** What this page does is reported, too: loading it would delay the response that has it already. */
  #afterPosts(isShown) {
    if (this.#posting) this.#changes.push(isShown);
    else if (!isShown()) this.sync();
  }

  /** Replace an answer by the server's version of it. */
  reload(answer) {
    return this.#transcript.reload(answer);
  }

  /** POST what a form would, and show the result. Throws RequestError. */
  async post(url, fields) {
    fields.set("after", this.#transcript.anchor);
    const number = ++this.#requests;
    this.#posting += 1;
    try {
      const response = await post(url, fields);
      if (response.headers.get("Content-Type").startsWith("text/html")) this.#showAll(number, await response.text());
      else this.sync();
    } finally {
      this.#posting -= 1;
      if (!this.#posting && !this.#changes.splice(0).every((isShown) => isShown())) this.sync();
    }
  }

  /** Fetch and show the conversation as it is now; retries until the server answers. */
  async sync() {
    if (!this.#isPaused) await this.#refresher.refresh();
  }

  async #load() {
    const number = ++this.#requests;
    const html = await this.#request(getHtml(`${this.#url}?after=${this.#transcript.anchor}`));
    if (this.#isPaused) return;
    if (this.#later.areMissing) this.#showQueue(number, html);
    else this.#showAll(number, html);
  }

  async #request(request) {
    try {
      return await request;
    } catch (error) {
      if (error.isGone || error.isLoggedOut) this.#onError(error);
      throw error;
    }
  }

  #showAll(number, html) {
    if (this.#isPaused) return;
    if (number < this.#shown) return this.sync();
    const [part, queue] = parseElements(html, "[data-part]", "[data-queue]");
    this.#shown = number;
    stickToBottom(() => {
      this.#queue.update(queue, (run) => part.querySelector(`[data-run="${run}"]`) !== null);
      this.#later.replaceLink(null); // the part has all messages to the end
      if (!part.dataset.after) this.#earlier.replaceLink(part.querySelector("[data-earlier]"));
      this.#transcript.update(part.dataset.after, messagesIn(part));
    });
  }

  /** Around a hit of a search, the reader's place is not that of the newest messages. */
  #showQueue(number, html) {
    if (number < this.#shown) return;
    this.#shown = number;
    this.#queue.update(parseElement(html, "[data-queue]"), () => false);
  }

  #onLater(articles) {
    this.#transcript.adopt(articles);
    if (!this.#later.areMissing) this.sync(); // what was sent meanwhile
  }
}
