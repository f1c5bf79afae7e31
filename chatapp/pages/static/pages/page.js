/* Puts a page together: whatever it has of these parts is brought to life. */

import { Composer } from "./composer.js";
import { connection } from "./status.js";
import { Streams } from "./streams.js";
import { toEnd } from "./end.js";
import { Transcript } from "./transcript.js";

const root = document.querySelector("[data-transcript]");
const form = document.querySelector("[data-composer]");
const navigation = performance.getEntriesByType("navigation")[0]?.type;

function openTranscript() {
  const url = new URL("/ws/streams", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (location.hash === "#end") history.replaceState(null, "", location.pathname); // where forms lead without this script
  if (navigation === "navigate" && !location.hash) toEnd(); // else the browser brings the reader to where he was
  const transcript = new Transcript(root, new Streams(url, connection));
  if (navigation === "back_forward") transcript.sync();
  addEventListener("pageshow", (event) => event.persisted && transcript.sync());
  document.addEventListener("visibilitychange", () => document.hidden || transcript.sync());
  return transcript;
}

const transcript = root && openTranscript();
const composer = new Composer(form, transcript);
root?.addEventListener("change", () => composer.refresh());
