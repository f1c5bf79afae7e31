/* The messages before those that the page brought: they come when the reader gets near them, and nothing moves. */

import { getHtml, parse } from "../shell/requests.js";

const AHEAD = "800px"; // how far from the screen's edge the next ones are asked for

export class Earlier {
  #root;
  #url;
  #isBusy = false;
  #watch = new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && this.#bring(), {
    rootMargin: AHEAD,
  });

  constructor(root, url) {
    this.#root = root;
    this.#url = url;
    root.addEventListener("click", (event) => {
      if (!event.target.closest("[data-earlier] a")) return;
      event.preventDefault();
      this.#bring();
    });
    this.#look();
  }

  /** The transcript was replaced from its beginning: `link` leads to what comes before, if there is anything. */
  replace(link) {
    this.#link?.remove();
    if (link) this.#root.prepend(link);
    this.#look();
  }

  get #link() {
    return this.#root.querySelector("[data-earlier]");
  }

  #look() {
    this.#watch.disconnect();
    if (this.#link) this.#watch.observe(this.#link);
  }

  async #bring() {
    const link = this.#link;
    if (this.#isBusy || !link) return;
    this.#isBusy = true;
    try {
      const fresh = parse(await getHtml(`${this.#url}?before=${link.dataset.earlier}`));
      if (link.isConnected) this.#insert(link, fresh);
    } catch {
      // The link stays: a click tries again, and so does coming back to it.
    }
    this.#isBusy = false;
  }

  #insert(link, fresh) {
    const first = link.nextElementSibling;
    const before = first.getBoundingClientRect().top;
    link.replaceWith(fresh);
    scrollBy({ top: first.getBoundingClientRect().top - before, behavior: "instant" }); // where the browser has not done so
    this.#look();
  }
}
