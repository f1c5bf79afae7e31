/* The list of chats: how each one stands, live in every tab, and more of it as one scrolls.

What changes is heard on the user's own stream, which keeps nothing: whenever that begins anew the list is asked for. */

import { loadOlder } from "./older.js";
import { getHtml, pause, post, RETRY, wanted } from "./requests.js";
import { showTitle } from "./title.js";

const WORDS = { answering: "Answering", waiting: "Waiting", unread: "New", failed: "Failed" };
const SETTLE = 150; // ms; what changes together is asked for once

export class Sidebar {
  #nav;
  #told;
  #current;
  #day = new Date().toDateString(); // by which the list is grouped
  #unnamed = []; // ends in chats without a title
  #isOld = false; // something has happened since the last refresh began
  #isRefreshing = false;
  #isNews = false; // in the chat that is shown, and not yet seen

  /** Told are: `onEnd(change)` of each answer that ends by itself, in any chat; `onTitle(chat, title)` of titles;
   * `onActivity()` of any in the chat that is shown; `onPlaces(ahead)` of answers that wait for a worker. */
  constructor(nav, streams, told) {
    this.#nav = nav;
    this.#told = told;
    this.#current = nav.dataset.current;
    streams.follow(nav.dataset.summary, 0, this);
    document.addEventListener("visibilitychange", () => this.#lookedAt());
    loadOlder(this.#nav, (fields) => this.#address(fields));
  }

  /** The stream begins, or has lost something. */
  reset() {
    this.#refresh();
  }

  refused() {} // logged out; the next page tells

  apply({ kind, data }) {
    if (kind === "places.changed") return this.#told.onPlaces(data.ahead);
    if (kind !== "session.changed") return void this.#refresh();
    this.#isOld ||= this.#isRefreshing; // the list that is on its way may not know of this
    const isShown = data.session === this.#current;
    if (isShown && data.title) showTitle(data.title);
    if (isShown && data.activity) this.#told.onActivity();
    if (isShown && data.news) {
      this.#isNews = true;
      this.#see();
    }
    this.#show(isShown && !document.hidden ? { ...data, news: "" } : data);
    if (data.title) this.#told.onTitle(data.session, data.title);
    if (data.ended && data.news) this.#tellEnd(data);
  }

  get #list() {
    return this.#nav.querySelector("[data-list]");
  }

  /** Without a title the chat is called as in the list, which may not know yet what was asked in it. */
  #tellEnd(change) {
    if (change.title) return this.#told.onEnd(change);
    this.#unnamed.push(change);
    this.#refresh();
  }

  #tellUnnamed(change) {
    const row = this.#list.querySelector(`[data-session="${change.session}"] [data-row-title]`);
    this.#told.onEnd({ ...change, title: row?.textContent ?? "A chat" });
  }

  #lookedAt() {
    this.#see();
    const day = new Date().toDateString();
    if (!document.hidden && day !== this.#day) this.#refresh(); // what was today is yesterday
    if (!document.hidden) this.#day = day;
  }

  #show({ session, title, activity, news }) {
    const row = this.#list.querySelector(`[data-session="${session}"]`);
    if (!row) return void (this.#nav.dataset.current === session || this.#refresh());
    if (title) row.querySelector("[data-row-title]").textContent = title;
    for (const [name, value] of Object.entries({ activity, news })) {
      if (value) row.dataset[name] = value;
      else delete row.dataset[name];
    }
    row.querySelector("[data-mark]").textContent = WORDS[activity || news] ?? "";
  }

  /** Tell the server that the news in the chat that is shown are seen, once somebody looks at this page. */
  async #see() {
    if (!this.#isNews || document.hidden) return;
    this.#isNews = false;
    try {
      await post(`/chats/${this.#current}/seen`, new FormData());
    } catch {
      this.#isNews = true; // the next look tells it
    }
  }

  /** Ask for the list as it is now, until the server answers. */
  async #refresh() {
    this.#isOld = true;
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    while (this.#isOld) {
      await pause(SETTLE);
      this.#isOld = false;
      try {
        await this.#renew();
        for (const change of this.#unnamed.splice(0)) this.#tellUnnamed(change);
      } catch (error) {
        this.#isOld = Boolean(error.mayPass);
        if (this.#isOld) await pause(RETRY);
      }
    }
    this.#isRefreshing = false;
  }

  async #renew() {
    const rows = this.#list.querySelectorAll("section:not([data-group=Pinned]) [data-session]").length;
    const asked = { rows, version: this.#list.dataset.version };
    const html = await getHtml(this.#address(asked));
    if (!html) return; // nothing has changed
    const fresh = wanted(html, "[data-list]");
    const focused = this.#list.contains(document.activeElement) && document.activeElement.getAttribute("href");
    this.#list.replaceWith(fresh);
    this.#isNews ||= fresh.querySelector("[data-news] [aria-current]") !== null; // told before one listened
    this.#see();
    const title = fresh.querySelector("[aria-current] [data-titled]");
    if (title) showTitle(title.textContent);
    if (focused) this.#list.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    loadOlder(this.#nav, (fields) => this.#address(fields));
  }

  #address(fields) {
    const current = this.#current ? { current: this.#current } : {};
    return `${this.#nav.dataset.url}?${new URLSearchParams({ ...fields, ...current })}`;
  }
}
