/* Puts a page together: whatever it has of these parts is brought to life. */

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { awaitTitle } from "./title.js";
import { connection } from "./status.js";
import { sendActs } from "./acts.js";
import { Streams } from "./streams.js";
import { copyOnClick } from "./copying.js";
import { obeyKeys } from "./keys.js";
import { offerEnd, toEnd } from "./end.js";

const root = document.querySelector("[data-transcript]");
const form = document.querySelector("[data-composer]");
const navigation = performance.getEntriesByType("navigation")[0]?.type;

function openConversation() {
  const url = new URL("/ws/streams", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (location.hash === "#end") history.replaceState(null, "", location.pathname); // where forms lead without this script
  if (navigation === "navigate" && !location.hash) toEnd(); // else the browser brings the reader to where he was
  const queue = document.querySelector("[data-queue]");
  const onEnd = (kind) => kind === "run.completed" && awaitTitle();
  const conversation = new Conversation(root, queue, new Streams(url, connection), onEnd);
  if (root.querySelector(".question:first-child + [data-state=complete]:last-child")) awaitTitle(); // it ended on the way here
  if (navigation === "back_forward") conversation.sync();
  addEventListener("pageshow", (event) => event.persisted && conversation.sync());
  document.addEventListener("visibilitychange", () => document.hidden || conversation.sync());
  offerEnd(document.querySelector("[data-latest]"), root);
  return conversation;
}

const conversation = root && openConversation();
if (form) {
  const composer = new Composer(form, conversation);
  root?.addEventListener("change", () => composer.refresh());
  if (conversation) sendActs(conversation, composer);
}
copyOnClick();
obeyKeys();
