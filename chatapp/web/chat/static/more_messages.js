/* Messages before or after those that the page brought, loaded when the reader scrolls near them; nothing moves. */

import { stayHere } from "./stick_to_bottom.js";
import { getHtml, parseHtml } from "../shell/requests.js";

const MARGIN = "800px"; // the distance from view at which loading starts
const PARAMETERS = { earlier: "before", later: "later" };

export class MoreMessages {
  #root;
  #url;
  #name;
  #onInsert;
  #isLoading = false;
  #observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.#load(), {
    rootMargin: MARGIN,
  });

  /** `name` is "earlier" or "later"; `onInsert(articles)` is called with those that were loaded. */
  constructor(root, url, name, onInsert) {
    this.#root = root;
    this.#url = url;
    this.#name = name;
    this.#onInsert = onInsert;
    root.addEventListener("click", (event) => {
      if (!event.target.closest(`[data-${name}] a`)) return;
      event.preventDefault();
      this.#load();
    });
    this.#observeLink();
  }

  /** Whether there are such messages that the page does not have. */
  get areMissing() {
    return this.#link !== null;
  }

  /** The transcript was replaced: `link` leads to more earlier or later messages, if there are any. */
  replaceLink(link) {
    this.#link?.remove();
    if (link) this.#root.prepend(link);
    this.#observeLink();
  }

  get #link() {
    return this.#root.querySelector(`[data-${this.#name}]`);
  }

  #observeLink() {
    this.#observer.disconnect();
    if (this.#link) this.#observer.observe(this.#link);
  }

  async #load() {
    const link = this.#link;
    if (this.#isLoading || !link) return;
    this.#isLoading = true;
    try {
      const query = `${PARAMETERS[this.#name]}=${link.dataset[this.#name]}`;
      const messages = parseHtml(await getHtml(`${this.#url}?${query}`));
      if (link.isConnected) this.#insert(link, messages);
    } catch {
      // The link stays: a click tries again, and so does scrolling back to it.
    }
    this.#isLoading = false;
  }

  #insert(link, messages) {
    const articles = [...messages.querySelectorAll("[data-message]")];
    const neighbour = this.#name === "earlier" ? link.nextElementSibling : link.previousElementSibling;
    const top = neighbour.getBoundingClientRect().top;
    stayHere();
    link.replaceWith(messages);
    scrollBy({ top: neighbour.getBoundingClientRect().top - top, behavior: "instant" }); // if the browser did not anchor it
    this.#observeLink();
    this.#onInsert(articles);
  }
}
