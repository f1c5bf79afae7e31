/* Entry point of all pages with the sidebar: starts the modules whose elements the page has. */

import { Composer } from "../chat/composer.js";
import { Conversation } from "../chat/conversation.js";
import { enableEditors, submitInPlace } from "../chat/message_forms.js";
import { streams } from "./socket.js";
import { enableModelPicker } from "../chat/model_picker.js";
import { enableCopyButtons } from "../chat/copy_buttons.js";
import { enableKeyboardShortcuts } from "./keyboard_shortcuts.js";
import { scrollToBottom, showJumpButton } from "../chat/stick_to_bottom.js";
import { requestPermissionOnSave, watchEnds } from "./notifications.js";
import { searchAsTyped } from "../chat/search.js";
import { RowMenu } from "./row_menu.js";
import { Sidebar } from "./sidebar.js";
import { storeTimezone } from "./timezone.js";

const root = document.querySelector("[data-transcript]");
const form = document.querySelector("[data-composer]");
/** @type {HTMLElement} */
const nav = document.querySelector("[data-sidebar]");
const preferences = document.querySelector("[data-preferences]");
const searchForm = document.querySelector("[data-search-form]");
const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));

function openConversation() {
  if (location.hash === "#end") history.replaceState(null, "", location.pathname); // where forms lead without scripts
  if (navigation?.type === "navigate" && !location.hash) scrollToBottom(); // else the browser restores the scroll position
  const queue = document.querySelector("[data-queue]");
  const conversation = new Conversation(root, queue, streams, (error) => composer?.showError(error));
  if (navigation?.type === "back_forward") conversation.sync();
  addEventListener("pageshow", (event) => event.persisted && conversation.sync());
  document.addEventListener("visibilitychange", () => document.hidden || conversation.sync());
  if (!root.querySelector("[data-later]")) showJumpButton(document.querySelector("[data-latest]"), root);
  return conversation;
}

storeTimezone(); // before any request: the list is then grouped by the user's days
/** @type {Composer | undefined} */
let composer;
const conversation = root && openConversation();
if (form) {
  composer = new Composer(form, conversation);
  root?.addEventListener("change", () => composer.refresh());
  if (conversation) submitInPlace(conversation, composer);
}
enableModelPicker();
enableCopyButtons();
enableEditors();
enableKeyboardShortcuts();
if (nav) {
  new RowMenu(nav);
  new Sidebar(nav, streams, {
    ...watchEnds("notifies" in nav.dataset),
    onActivity: () => conversation?.activeAnswer === null && conversation.sync(), // another tab has sent a message
    onQueue: (queued, isHeld) => conversation?.checkQueue(queued, isHeld),
    onUnlisted: () => conversation?.sync(), // archived, too far back, or deleted
    onQueuePositions: (ahead) => conversation?.showQueuePositions(ahead),
  });
}
if (preferences) requestPermissionOnSave(preferences);
if (searchForm) searchAsTyped(searchForm, document.querySelector("[data-hits]"));
