/* The messages on the page. Answers that are being written are followed; when one ends, the server's HTML replaces what
was drawn, once and without a jump. */

import { Answer } from "./answer.js";
import { announcementOf } from "./announcements.js";
import { stickToBottom } from "./stick_to_bottom.js";
import { isHtmlPending, loadFinalHtml, replaceMessage, whenUnselected } from "./final_html.js";
import { isSameVersion, messagesIn } from "./message_elements.js";
import { keepPlace } from "./keep_place.js";
import { announce } from "../shell/status.js";
import { delay, getHtml, parseElement, RETRY_DELAY } from "../shell/requests.js";

export class Transcript {
  #root;
  #streams;
  #onEnd;
  #answers = new Map(); // stream -> Answer

  /** `onEnd(kind)` receives the end of each answer. */
  constructor(root, streams, onEnd) {
    this.#root = root;
    this.#streams = streams;
    this.#onEnd = onEnd;
    this.#follow(root.querySelectorAll("[data-stream]"));
    const latest = messagesIn(root).at(-1); // older ones may have to wait longer than the page is open
    if (latest && isHtmlPending(latest)) loadFinalHtml(latest);
  }

  /** The chat is taken off the page: follow nothing until `resume`. */
  pause() {
    for (const { article } of this.#answers.values()) this.#unfollow(article);
  }

  /** Answers that had not ended, or not got their final HTML, come from the server. */
  resume() {
    for (const article of this.#root.querySelectorAll("[data-stream], [data-html-due]"))
      this.reload({ article, stream: article.dataset.stream });
  }

  /** The answer that is being written, or waits to be: Stop stops this one. */
  get activeAnswer() {
    return this.#answers.values().next().value ?? null;
  }

  /** The id of the message after which the server is asked for the rest: the last question; its answer may change. */
  get anchor() {
    return [...this.#root.querySelectorAll(".question[data-message]")].at(-1)?.dataset.message ?? "";
  }

  /** Show `articles` after the message `after` (empty: from the beginning), and nothing else there. */
  update(after, articles) {
    let previous = after && document.getElementById(`m-${after}`);
    const listed = new Set(articles.map((article) => article.id));
    const current = messagesIn(this.#root);
    for (const article of current.slice(current.indexOf(previous) + 1)) {
      if (listed.has(article.id)) continue;
      this.#unfollow(article);
      article.remove();
    }
    for (const article of articles) previous = this.#show(article, previous);
    this.#notifyComposer();
  }

  /** Follow articles that were added to the page. */
  adopt(articles) {
    this.#follow(articles.filter((article) => article.dataset.stream));
    this.#notifyComposer();
  }

  showQueuePositions(ahead) {
    for (const answer of this.#answers.values()) answer.showQueuePosition(ahead[answer.stream]);
  }

  /** Replace an answer by the server's version of it; retries until the server answers. */
  async reload(answer) {
    this.#streams.unfollow(answer.stream, answer);
    for (;;) {
      try {
        const fresh = parseElement(await getHtml(answer.article.dataset.url), "[data-message]");
        await whenUnselected(answer.article);
        if (answer.article.isConnected) this.#replace(answer.article, fresh);
        return this.#notifyComposer();
      } catch (error) {
        if (!error.isRetryable) return;
        await delay(RETRY_DELAY);
      }
    }
  }

  /** Show an article after `previous`. One that is there stays as it is, unless a newer run writes it. */
  #show(article, previous) {
    const current = document.getElementById(article.id);
    if (current && isSameVersion(current, article)) return current;
    if (current) return this.#replace(current, article);
    if (previous) previous.after(article);
    else this.#root.prepend(article);
    if (article.dataset.stream) this.#follow([article]);
    if (isHtmlPending(article)) loadFinalHtml(article);
    return article;
  }

  #follow(articles) {
    for (const article of articles) {
      const answer = new Answer(article, (...change) => this.#onChange(...change));
      this.#answers.set(answer.stream, answer);
      this.#streams.follow(answer.stream, answer.seq, answer);
      if (article.dataset.state === "answering") announce("Answering"); // run.started is before the page's seq
    }
  }

  async #onChange(answer, event) {
    if (event?.isFinal && this.#answers.get(answer.stream) !== answer) return; // replaced while its end was drawn
    if (event) announce(announcementOf(event));
    if (event && !event.isFinal) return;
    if (event) this.#answers.delete(answer.stream);
    else await delay(RETRY_DELAY); // the stream was refused: reload the message, which may be followed again
    this.#notifyComposer();
    if (event) this.#onEnd(event.kind);
    if (answer.article.isConnected) this.reload(answer);
  }

  /** Returns the article that is on the page then. */
  #replace(current, fresh) {
    const open = [...current.querySelectorAll("details[open]")].map(({ className }) => className);
    this.#unfollow(current);
    const article = replaceMessage(current, fresh, (change) => stickToBottom(() => keepPlace(current, change)));
    for (const details of article.querySelectorAll("details")) details.open = open.includes(details.className);
    if (article.dataset.stream) this.#follow([article]);
    if (isHtmlPending(article)) loadFinalHtml(article);
    return article;
  }

  #unfollow(article) {
    const { stream } = article.dataset;
    const answer = this.#answers.get(stream);
    if (this.#answers.delete(stream)) this.#streams.unfollow(stream, answer);
  }

  #notifyComposer() {
    this.#root.dispatchEvent(new Event("change"));
  }
}
