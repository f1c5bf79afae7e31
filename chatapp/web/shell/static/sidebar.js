/* The list of chats: each one's activity and news, live in every tab, and more chats as the user scrolls.

Changes arrive on the user's own stream, which keeps no history: whenever it starts anew, the list is fetched again. */

import { loadOlderOnScroll } from "./older_chats.js";
import { Refresher } from "./refresher.js";
import { getHtml, parseElement, post } from "./requests.js";
import { markCurrent, showActivity, showTitleOf } from "./session_row.js";
import { showTitle } from "./title.js";

const SETTLE_TIME = 150; // ms; changes that come together cause one request

export class Sidebar {
  #nav;
  #listeners;
  #currentSession;
  #day = new Date().toDateString(); // the list is grouped by days
  #untitledEnds = []; // ends of answers in chats without a title
  #refresher = new Refresher(() => this.#load(), SETTLE_TIME);
  #isUnread = false; // the chat on the page has news that the user has not seen

  /**
   * `listeners`: `onEnd(change)` of each answer that ends by itself, in any chat; `onTitle(session, title)`;
   * `onActivity()`, `onQueue(queued, isHeld)` in the chat on the page; `onUnlisted()` when it is not in the list (any
   * more); `onQueuePositions(ahead)` of answers that wait for a worker.
   */
  constructor(nav, streams, listeners) {
    this.#nav = nav;
    this.#listeners = listeners;
    this.#currentSession = nav.dataset.current;
    streams.follow(nav.dataset.summary, 0, this);
    document.addEventListener("visibilitychange", () => this.#onVisibilityChange());
    this.#loadOlderOnScroll();
  }

  /** The page shows another chat now, or none (empty). */
  showCurrent(session) {
    this.#currentSession = session;
    const row = markCurrent(this.#nav, session);
    this.#isUnread = row?.hasAttribute("data-news") ?? false;
    this.#markSeen();
    if (session && !row) this.#refresher.refresh(); // it has just begun
    showTitleOf(row);
  }

  /** The stream has started, or has lost events. */
  reset() {
    this.#refresher.refresh();
  }

  refused() {} // logged out: the next page will show it

  apply({ kind, data }) {
    if (kind === "places.changed") return this.#listeners.onQueuePositions(data.ahead);
    if (kind !== "session.changed") return this.reset();
    this.#refresher.invalidate();
    const isCurrent = data.session === this.#currentSession;
    if (isCurrent && data.title) showTitle(data.title);
    if (isCurrent && data.activity) this.#listeners.onActivity();
    if (isCurrent && data.news) {
      this.#isUnread = true;
      this.#markSeen();
    }
    if (isCurrent) this.#listeners.onQueue(data.queued, data.held);
    this.#showChange(isCurrent && !document.hidden ? { ...data, news: "" } : data);
    if (data.title) this.#listeners.onTitle(data.session, data.title);
    if (data.ended && data.news) this.#reportEnd(data);
  }

  get #list() {
    return this.#nav.querySelector("[data-list]");
  }

  /** Without a title the chat has the name of its row, which may not know yet what was asked in it. */
  #reportEnd(change) {
    if (change.title) return this.#listeners.onEnd(change);
    this.#untitledEnds.push(change);
    this.#refresher.refresh();
  }

  #reportUntitledEnds() {
    for (const change of this.#untitledEnds.splice(0)) {
      const row = this.#list.querySelector(`[data-session="${change.session}"] [data-row-title]`);
      this.#listeners.onEnd({ ...change, title: row?.textContent ?? "A chat" });
    }
  }

  #onVisibilityChange() {
    this.#markSeen();
    const day = new Date().toDateString();
    if (!document.hidden && day !== this.#day) this.#refresher.refresh(); // today has become yesterday
    if (!document.hidden) this.#day = day;
  }

  #showChange({ session, title, activity, news }) {
    const row = this.#list.querySelector(`[data-session="${session}"]`);
    if (!row) return void (this.#currentSession === session || this.#refresher.refresh());
    if (title) row.querySelector("[data-row-title]").textContent = title;
    showActivity(row, activity, news);
  }

  /** Clear the unread badge of the chat on the page, once the page is visible. */
  async #markSeen() {
    if (!this.#isUnread || document.hidden) return;
    this.#isUnread = false;
    try {
      await post(`/chats/${this.#currentSession}/seen`, new FormData());
    } catch {
      this.#isUnread = true; // tried again when the page becomes visible next
    }
  }

  async #load() {
    await this.#replaceList();
    this.#reportUntitledEnds();
  }

  async #replaceList() {
    const rows = this.#list.querySelectorAll("section:not([data-group=Pinned]) [data-session]").length;
    const html = await getHtml(this.#urlFor({ rows, version: this.#list.dataset.version }));
    if (!html) return; // this version is current
    const list = parseElement(html, "[data-list]");
    const field = this.#list.querySelector("input"); // a title that is being written
    if (field) return void field.addEventListener("blur", () => this.#refresher.refresh(), { once: true });
    const focused = this.#list.contains(document.activeElement) && document.activeElement.getAttribute("href");
    this.#list.replaceWith(list);
    const row = this.#currentSession === undefined ? null : markCurrent(this.#nav, this.#currentSession);
    this.#isUnread ||= row?.hasAttribute("data-news") ?? false; // from before the stream began
    this.#markSeen();
    showTitleOf(row);
    if (this.#currentSession && !row) this.#listeners.onUnlisted();
    if (focused) this.#list.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    this.#loadOlderOnScroll();
  }

  #loadOlderOnScroll() {
    loadOlderOnScroll(this.#nav, (parameters) => this.#urlFor(parameters));
  }

  #urlFor(parameters) {
    const current = this.#currentSession ? { current: this.#currentSession } : {};
    return `${this.#nav.dataset.url}?${new URLSearchParams({ ...parameters, ...current })}`;
  }
}
