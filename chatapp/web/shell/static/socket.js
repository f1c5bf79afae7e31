/* The page's one connection to its streams, shared by everything on it that follows one. */

import { showConnectionState } from "./status.js";
import { Streams } from "./streams.js";
/** @import { ConnectionState } from "./stream_events.js" */

const socketUrl = new URL("/ws/streams", location.href);
socketUrl.protocol = socketUrl.protocol.replace("http", "ws");

let wasCached = false; // restored from the back/forward cache
let isOffline = false; // which a socket may take minutes to notice
/** @type {ConnectionState} */
let socketState = "open";

addEventListener("pageshow", (event) => (wasCached = event.persisted));

function showState() {
  showConnectionState(isOffline ? "offline" : socketState);
}

function setOffline(value) {
  isOffline = value;
  showState();
}

addEventListener("offline", () => setOffline(true));
addEventListener("online", () => setOffline(false));

/** A cached page that returns after a log-out is reloaded: another person may have pressed Back.
 * @param {ConnectionState} state */
function onState(state) {
  socketState = state;
  if (state === "logged_out") document.dispatchEvent(new Event("loggedout"));
  if (wasCached && state === "logged_out") location.reload();
  else showState();
}

export const streams = new Streams({ socket: socketUrl.href, events: "/streams" }, onState);
