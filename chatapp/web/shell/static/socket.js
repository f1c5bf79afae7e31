/* The page's one WebSocket, shared by everything on it that follows a stream. */

import { showConnectionState } from "./status.js";
import { Streams } from "./streams.js";

const url = new URL("/ws/streams", location.href);
url.protocol = url.protocol.replace("http", "ws");

let wasCached = false; // restored from the back/forward cache

addEventListener("pageshow", (event) => (wasCached = event.persisted));

/** A cached page that returns after a log-out is reloaded: another person may have pressed Back.
 * @param {import("./stream_events.js").ConnectionState} state */
function onState(state) {
  if (wasCached && state === "logged_out") location.reload();
  else showConnectionState(state);
}

export const streams = new Streams(url, onState);
