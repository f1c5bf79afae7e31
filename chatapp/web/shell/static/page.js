/* Puts a page together: whatever it has of these parts is brought to life. */

import { Composer } from "../chat/composer.js";
import { Conversation } from "../chat/conversation.js";
import { sendActs } from "../chat/acts.js";
import { streams } from "./socket.js";
import { copyOnClick } from "../chat/copying.js";
import { obeyKeys } from "./keys.js";
import { offerEnd, toEnd } from "../chat/end.js";
import { askWhenSaved, watchEnds } from "./notifications.js";
import { searchAsTyped } from "../chat/search.js";
import { Sidebar } from "./sidebar.js";
import { tellZone } from "./timezone.js";

const root = document.querySelector("[data-transcript]");
const form = document.querySelector("[data-composer]");
const nav = document.querySelector("[data-sidebar]");
const preferences = document.querySelector("[data-preferences]");
const searchForm = document.querySelector("[data-search-form]");
const navigation = performance.getEntriesByType("navigation")[0]?.type;

function openConversation() {
  if (location.hash === "#end") history.replaceState(null, "", location.pathname); // where forms lead without this script
  if (navigation === "navigate" && !location.hash) toEnd(); // else the browser brings the reader to where he was
  const queue = document.querySelector("[data-queue]");
  const conversation = new Conversation(root, queue, streams);
  if (navigation === "back_forward") conversation.sync();
  addEventListener("pageshow", (event) => event.persisted && conversation.sync());
  document.addEventListener("visibilitychange", () => document.hidden || conversation.sync());
  offerEnd(document.querySelector("[data-latest]"), root);
  return conversation;
}

tellZone(); // before anything is asked for: the list is then grouped by the reader's days
const conversation = root && openConversation();
if (form) {
  const composer = new Composer(form, conversation);
  root?.addEventListener("change", () => composer.refresh());
  if (conversation) sendActs(conversation, composer);
}
copyOnClick();
obeyKeys();
if (nav) {
  new Sidebar(nav, streams, {
    ...watchEnds("notifies" in nav.dataset),
    onActivity: () => conversation?.active === null && conversation.sync(), // another tab has sent something
    onPlaces: (ahead) => conversation?.showPlaces(ahead),
  });
}
if (preferences) askWhenSaved(preferences);
if (searchForm) searchAsTyped(searchForm, document.querySelector("[data-hits]"));
