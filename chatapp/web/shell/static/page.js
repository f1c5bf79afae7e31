/* Entry point of all pages with the sidebar: starts the modules whose elements the page has. */

import { enableModelPicker } from "../chat/model_picker.js";
import { ChatView } from "../chat/chat_view.js";
import { enableEditors, submitInPlace } from "../chat/message_forms.js";
import { streams } from "./socket.js";
import { enableCopyButtons } from "../chat/copy_buttons.js";
import { enableKeyboardShortcuts } from "./keyboard_shortcuts.js";
import { Navigation } from "./navigation.js";
import { PlainView } from "./plain_view.js";
import { scrollToBottom } from "../chat/stick_to_bottom.js";
import { requestPermissionOnSave, watchEnds } from "./notifications.js";
import { searchAsTyped } from "../chat/search.js";
import { RowMenu } from "./row_menu.js";
import { Sidebar } from "./sidebar.js";
import { storeTimezone } from "./timezone.js";

/** @type {HTMLElement} */
const main = document.querySelector("[data-view]");
/** @type {HTMLElement} */
const nav = document.querySelector("[data-sidebar]");
const preferences = document.querySelector("[data-preferences]");
/** @type {HTMLElement} */
const comparison = document.querySelector("[data-new-comparison]");
const searchForm = document.querySelector("[data-search-form]");
const [arrival] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
/** @type {Navigation | null} */
let navigation = null;
/** @type {() => ChatView | undefined} */
const view = () => (navigation?.view instanceof ChatView ? navigation.view : undefined);

function startSidebar() {
  new RowMenu(nav);
  return new Sidebar(nav, streams, {
    ...watchEnds("notifies" in nav.dataset, (path) => (navigation ? navigation.open(path) : location.assign(path))),
    onActivity: () => view()?.conversation?.checkActivity(),
    onQueue: (queued, isHeld) => view()?.conversation?.checkQueue(queued, isHeld),
    onUnlisted: () => view()?.conversation?.sync(), // archived, too far back, or deleted
    onQueuePositions: (ahead) => view()?.conversation?.showQueuePositions(ahead),
  });
}

/** Show what the page has come with. Without a fragment it begins at its end, else the browser scrolls. */
function showFirst(sidebar) {
  if (location.hash === "#end") history.replaceState(null, "", location.pathname); // where forms lead without scripts
  if (main.dataset.view && arrival?.type === "navigate" && !location.hash) scrollToBottom();
  const start = (html) => navigation.start(html);
  const create = (each) => ("user" in each.dataset ? new PlainView(each) : new ChatView(each, streams, start));
  navigation = new Navigation(main, create, sidebar);
  if (arrival?.type === "back_forward") sync();
  addEventListener("pageshow", (event) => event.persisted && sync());
  document.addEventListener("visibilitychange", () => document.hidden || sync());
  submitInPlace(view);
}

function sync() {
  view()?.conversation?.sync();
}

storeTimezone(); // before any request: the list is then grouped by the user's days
const sidebar = nav && startSidebar();
if (main) showFirst(sidebar);
if (comparison) enableModelPicker(comparison, new AbortController().signal);
enableCopyButtons();
enableEditors();
enableKeyboardShortcuts();
if (preferences) requestPermissionOnSave(preferences);
if (searchForm) searchAsTyped(searchForm, document.querySelector("[data-hits]"));
