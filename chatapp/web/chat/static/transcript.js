/* The messages on the page. Answers that are being written are followed; at their end the server's HTML takes the
place of what was drawn, once and without a jump. */

import { Answer } from "./answer.js";
import { keepingEnd } from "./end.js";
import { awaitHtml, isDue, keepDrawn, unselected } from "./rendering.js";
import { announce } from "../shell/status.js";
import { getHtml, pause, RETRY, wanted } from "../shell/requests.js";

const SAID = {
  "run.started": () => "Answering",
  "run.retrying": () => "The model is busy, trying again…",
  "run.completed": () => "Done",
  "run.stopped": () => "Stopped",
  "run.failed": (data) => `Failed: ${data.message}`,
  "run.lost": (data) => `Interrupted: ${data.message}`,
};

export function messagesIn(element) {
  return [...element.querySelectorAll("[data-message]")];
}

/** Whether an article on the page says what the fresh one says: written by the same run, with as many versions. */
function isAsItWas(known, fresh) {
  return ["run", "versions"].every((name) => known.dataset[name] === fresh.dataset[name]);
}

export class Transcript {
  #root;
  #streams;
  #onEnd;
  #answers = new Map(); // stream -> Answer

  /** `onEnd(kind)` hears of the end of each answer. */
  constructor(root, streams, onEnd) {
    this.#root = root;
    this.#streams = streams;
    this.#onEnd = onEnd;
    this.#adopt(root.querySelectorAll("[data-stream]"));
    const latest = messagesIn(root).at(-1); // what is older may have to wait longer than anybody looks
    if (latest && isDue(latest)) awaitHtml(latest);
  }

  /** The answer that is being written, or waits to be: the one that Stop stops. */
  get active() {
    return this.#answers.values().next().value ?? null;
  }

  /** The message behind which the server is asked for the rest: the last question, as its answer may have changed. */
  get anchor() {
    return [...this.#root.querySelectorAll(".question")].at(-1)?.dataset.message ?? "";
  }

  /** Show `articles` behind the message `after` (empty: from the beginning), and nothing else there. */
  update(after, articles) {
    let place = after && document.getElementById(`m-${after}`);
    const listed = new Set(articles.map((article) => article.id));
    const old = messagesIn(this.#root);
    for (const article of old.slice(old.indexOf(place) + 1)) {
      if (listed.has(article.id)) continue;
      this.#leave(article);
      article.remove();
    }
    for (const article of articles) place = this.#show(article, place);
    this.#tell();
  }

  showPlaces(ahead) {
    for (const answer of this.#answers.values()) answer.showPlace(ahead[answer.stream]);
  }

  /** Show how this answer ended, as the server tells it. */
  async settle(answer) {
    this.#streams.unfollow(answer.stream);
    for (;;) {
      try {
        const article = wanted(await getHtml(answer.article.dataset.url), "[data-message]");
        await unselected(answer.article);
        if (answer.article.isConnected) this.#swap(answer.article, article);
        return this.#tell();
      } catch (error) {
        if (!error.mayPass) return;
        await pause(RETRY);
      }
    }
  }

  /** Put one article behind `place`. One that is there stays as it is, unless a newer run writes it. */
  #show(article, place) {
    const known = document.getElementById(article.id);
    if (known && isAsItWas(known, article)) return known;
    if (known) this.#swap(known, article);
    else {
      if (place) place.after(article);
      else this.#root.prepend(article);
      if (article.dataset.stream) this.#adopt([article]);
      if (isDue(article)) awaitHtml(article);
    }
    return article;
  }

  #adopt(articles) {
    for (const article of articles) {
      const answer = new Answer(article, (...change) => this.#changed(...change));
      this.#answers.set(answer.stream, answer);
      this.#streams.follow(answer.stream, answer.seq, answer);
      if (article.dataset.state === "answering") announce("Answering"); // its start is known and will not be told
    }
  }

  async #changed(answer, event) {
    if (event) announce(SAID[event.kind](event.data));
    if (event && !event.isFinal) return;
    if (event) this.#answers.delete(answer.stream);
    else await pause(RETRY); // the stream was refused: ask for the message, perhaps follow again, but not in a rush
    this.#tell();
    if (event) this.#onEnd(event.kind);
    if (answer.article.isConnected) this.settle(answer);
  }

  #swap(known, article) {
    const open = [...known.querySelectorAll("details[open]")].map(({ className }) => className);
    this.#leave(known);
    keepingEnd(() => {
      keepDrawn(known, article); // at once with the swap: without its text the page would be short, and all of it its end
      known.replaceWith(article);
    });
    for (const details of article.querySelectorAll("details")) details.open = open.includes(details.className);
    if (article.dataset.stream) this.#adopt([article]);
    if (isDue(article)) awaitHtml(article);
  }

  #leave({ dataset: { stream } }) {
    if (this.#answers.delete(stream)) this.#streams.unfollow(stream);
  }

  #tell() {
    this.#root.dispatchEvent(new Event("change"));
  }
}
