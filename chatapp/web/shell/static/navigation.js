/* From chat to chat, and from a search to its hits, without loading a page: what stands beside the sidebar is replaced.
Each chat has its address and its entry in the browser's history; what cannot be shown in place is loaded as a page. */

import { moveConnectionMark, announce } from "./status.js";
import { touchOnly } from "./pointer.js";
import { updateSkipLink } from "./plain_view.js";
import { getHtml, parseElement } from "./requests.js";
import { restorePosition, showElement } from "../chat/stick_to_bottom.js";
import { userOf } from "../chat/chat_view.js";
/** @import { ChatView } from "../chat/chat_view.js" */
/** @import { PlainView } from "./plain_view.js" */
/** @import { Sidebar } from "./sidebar.js" */
/** @typedef {ChatView | PlainView} View */

const KEPT = 8; // chats beside the one that is shown, each with the messages that were loaded
const ADDRESS = /^\/(chats\/[0-9a-f-]{36})?$/;

export class Navigation {
  /** @type {View} */
  view;
  #create;
  #sidebar;
  #address = location.pathname + location.search;
  /** @type {Map<string, View>} */
  #kept = new Map(); // by address, the one that was left last at the end
  #latest = 0; // number of the latest visit

  /** `create(main)` makes the view of an element that is on the page.
   * @param {HTMLElement} main @param {(main: HTMLElement) => View} create @param {Sidebar} sidebar */
  constructor(main, create, sidebar) {
    this.#create = create;
    this.#sidebar = sidebar;
    this.view = create(main);
    document.addEventListener("click", (event) => this.#onClick(event));
    document.addEventListener("loggedout", () => this.#forget());
    addEventListener("popstate", () => this.#visit(location.pathname + location.search, true));
    addEventListener("pagehide", () => {
      this.#forget(); // a page that the browser keeps may be shown to another person
      history.scrollRestoration = "auto"; // for a reload
    });
  }

  /** Show a chat that has just been started.
   * @param {string} html */
  start(html) {
    const main = parseElement(html, "[data-view]");
    const address = `/chats/${main.dataset.view}`;
    this.#latest += 1;
    if (this.#fits(main)) this.#enter(address, main);
    else location.assign(address);
  }

  #onClick(event) {
    const link = event.target.closest("a[href]");
    const isSpecial = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || isSpecial || event.defaultPrevented || link.target || link.origin !== location.origin) return;
    const address = link.pathname + link.search;
    if (!ADDRESS.test(link.pathname) || address === this.#address) return;
    event.preventDefault();
    this.open(address, link.hash);
  }

  /** Show a chat, or the form that starts one.
   * @param {string} address @param {string} [hash] of what to show there, such as a message */
  open(address, hash = "") {
    return this.#visit(address, false, hash);
  }

  /** Show what is at an address. `isReturn`: the browser has gone there in its history. */
  async #visit(address, isReturn = false, hash = location.hash) {
    const number = ++this.#latest;
    if (address === this.#address) return; // only the fragment has changed
    const target = this.#kept.get(address) ?? (await this.#load(address));
    if (number !== this.#latest) return;
    if (!target && isReturn) location.reload();
    else if (!target) location.assign(address + hash);
    else if (isReturn) this.#show(address, target);
    else this.#enter(address, target, hash);
  }

  /** Null if it cannot be shown here: the reader is offline or logged out, nothing is there, or it does not fit. */
  async #load(address) {
    try {
      const main = parseElement(await getHtml(address, { cache: "no-store" }), "[data-view]");
      return this.#fits(main) ? main : null;
    } catch {
      return null;
    }
  }

  #enter(address, target, hash = "") {
    history.scrollRestoration = "manual"; // the browser would scroll the view that is being replaced
    this.#address = location.pathname + location.search; // which a search changes
    history.pushState(null, "", address + hash);
    this.#show(address, target);
  }

  /** Whether an element has come for this page: from the same version of the site, for the same person. */
  #fits(main) {
    const script = document.querySelector("script[data-page]").getAttribute("src");
    return script === main.dataset.script && userOf(main) === this.view.user;
  }

  /** @param {string} address @param {HTMLElement | View} target */
  #show(address, target) {
    const left = this.view;
    const isNew = target instanceof HTMLElement;
    const main = isNew ? target : target.main;
    const hadFocus = left.main.contains(document.activeElement);
    left.pause();
    left.main.replaceWith(main);
    moveConnectionMark(main.querySelector(".bar"));
    this.#keep(this.#address, left);
    this.#kept.delete(address);
    this.#address = address;
    announce(main.dataset.documentTitle ?? "");
    this.view = isNew ? this.#create(main) : target;
    const hit = isNew && location.hash ? document.getElementById(location.hash.slice(1)) : null;
    if (!isNew) this.view.resume();
    else if (hit) showElement(hit);
    else if (this.view.session) restorePosition(null);
    else scrollTo({ top: 0, behavior: "instant" });
    updateSkipLink(main);
    this.#sidebar.showCurrent(this.view.session);
    /** @type {HTMLElement} */ (document.querySelector("#sidebar:popover-open"))?.hidePopover(); // it covers the chat
    if (hit) hit.focus({ preventScroll: true });
    else if (hadFocus || !touchOnly.matches) this.view.focus();
  }

  /** The form that starts a chat comes anew from the server: it may have sent its text. */
  #keep(address, view) {
    if (view.session === "") return view.close();
    this.#kept.set(address, view);
    if (this.#kept.size <= KEPT) return;
    const [oldest, forgotten] = this.#kept.entries().next().value;
    forgotten.close();
    this.#kept.delete(oldest);
  }

  #forget() {
    for (const view of this.#kept.values()) view.close();
    this.#kept.clear();
  }
}
