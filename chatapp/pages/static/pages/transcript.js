/* The messages on the page. Answers that are being written are followed; at their end the server's HTML takes the
place of what was drawn, once and without a jump. */

import { Answer } from "./answer.js";
import { keepingEnd } from "./end.js";
import { announce } from "./status.js";
import { getHtml } from "./requests.js";

const SAID = {
  "run.started": () => "Answering",
  "run.completed": () => "Done",
  "run.stopped": () => "Stopped",
  "run.failed": (data) => `Failed: ${data.message}`,
  "run.lost": (data) => `Interrupted: ${data.message}`,
};
const RETRY = 2_000; // ms between two tries to get the final HTML

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.querySelectorAll("[data-message]")];
}

/** Resolves when no text in `element` is selected: a swap would take the selection away. */
function unselected(element) {
  const isSelected = () => {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(element, true);
  };
  return new Promise((resolve) => {
    const check = () => {
      if (isSelected()) return;
      document.removeEventListener("selectionchange", check);
      resolve();
    };
    document.addEventListener("selectionchange", check);
    check();
  });
}

export class Transcript {
  #root;
  #streams;
  #answers = new Map(); // stream -> Answer

  constructor(root, streams) {
    this.#root = root;
    this.#streams = streams;
    this.#adopt(root.querySelectorAll("[data-stream]"));
  }

  /** The answer that is being written, or waits to be: the one that Stop stops. */
  get active() {
    return this.#answers.values().next().value ?? null;
  }

  get lastMessage() {
    return this.#root.querySelector("[data-message]:last-of-type")?.dataset.message ?? "";
  }

  /** Add the messages in `html` that are not on the page yet. */
  append(html) {
    const fresh = parse(html).filter((article) => !document.getElementById(article.id));
    keepingEnd(() => this.#root.append(...fresh));
    this.#adopt(fresh.filter((article) => article.dataset.stream));
  }

  /** Fetch what another tab has added. It comes with the next visit if the server cannot be reached now. */
  async sync() {
    try {
      this.append(await getHtml(`${this.#root.dataset.messagesUrl}?after=${this.lastMessage}`));
    } catch {
      // The connection's mark tells.
    }
  }

  /** Show how this answer ended, as the server tells it. */
  async settle(answer) {
    this.#streams.unfollow(answer.stream);
    for (;;) {
      try {
        const [article] = parse(await getHtml(answer.article.dataset.url));
        await unselected(answer.article);
        return this.#swap(answer, article);
      } catch (error) {
        if (!error.mayPass) return;
        await pause(RETRY);
      }
    }
  }

  #adopt(articles) {
    for (const article of articles) {
      const answer = new Answer(article, (...change) => this.#changed(...change));
      this.#answers.set(answer.stream, answer);
      this.#streams.follow(answer.stream, answer.seq, answer);
      if (article.dataset.state === "answering") announce("Answering"); // its start is known and will not be told
    }
    this.#tell();
  }

  async #changed(answer, event) {
    if (event) announce(SAID[event.kind](event.data));
    if (event?.kind === "run.started") return;
    if (event) this.#answers.delete(answer.stream);
    else await pause(RETRY); // the stream was refused: ask for the message, perhaps follow again, but not in a rush
    this.#tell();
    this.settle(answer);
  }

  #swap(answer, article) {
    const reasoning = answer.article.querySelector("[data-reasoning]").open;
    keepingEnd(() => answer.article.replaceWith(article));
    article.querySelector("[data-reasoning]").open = reasoning;
    this.#answers.delete(answer.stream);
    if (article.dataset.stream) this.#adopt([article]);
    this.#tell();
  }

  #tell() {
    this.#root.dispatchEvent(new Event("change"));
  }
}
