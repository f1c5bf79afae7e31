/* Messages before those that the page brought, loaded when the reader scrolls near them; nothing moves. */

import { getHtml, parseHtml } from "../shell/requests.js";

const MARGIN = "800px"; // the distance from view at which loading starts

export class EarlierMessages {
  #root;
  #url;
  #isLoading = false;
  #observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.#load(), {
    rootMargin: MARGIN,
  });

  constructor(root, url) {
    this.#root = root;
    this.#url = url;
    root.addEventListener("click", (event) => {
      if (!event.target.closest("[data-earlier] a")) return;
      event.preventDefault();
      this.#load();
    });
    this.#observeLink();
  }

  /** The transcript was replaced from its beginning: `link` leads to what comes before it, if there is anything. */
  replaceLink(link) {
    this.#link?.remove();
    if (link) this.#root.prepend(link);
    this.#observeLink();
  }

  get #link() {
    return this.#root.querySelector("[data-earlier]");
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
      const messages = parseHtml(await getHtml(`${this.#url}?before=${link.dataset.earlier}`));
      if (link.isConnected) this.#insert(link, messages);
    } catch {
      // The link stays: a click tries again, and so does scrolling back to it.
    }
    this.#isLoading = false;
  }

  #insert(link, messages) {
    const first = link.nextElementSibling;
    const top = first.getBoundingClientRect().top;
    link.replaceWith(messages);
    scrollBy({ top: first.getBoundingClientRect().top - top, behavior: "instant" }); // if the browser did not anchor it
    this.#observeLink();
  }
}
