/* The page's one WebSocket: whoever follows a stream here shares it. */

import { connection } from "./status.js";
import { Streams } from "./streams.js";

const url = new URL("/ws/streams", location.href);
url.protocol = url.protocol.replace("http", "ws");

let wasKept = false; // shown again from the back/forward cache

addEventListener("pageshow", (event) => (wasKept = event.persisted));

/** A page that comes back after the log-out must not be left standing: whoever went back may be somebody else. */
function tell(state) {
  if (wasKept && state === "logged_out") location.reload();
  else connection(state);
}

export const streams = new Streams(url, tell);
