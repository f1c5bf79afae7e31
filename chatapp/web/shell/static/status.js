/* Status messages: a polite live region for screen readers, and a visible mark for the connection. */

/** @import { ConnectionState } from "./stream_events.js" */

const region = document.querySelector("[data-status]");
/** @type {HTMLElement} */
const mark = document.querySelector("[data-connection]");
/** @type {Partial<Record<ConnectionState, string>>} */
const LABELS = {
  offline: "You’re offline.",
  reconnecting: "Reconnecting…",
  crowded: "Too many tabs are open. Close some.",
  logged_out: "Logged out. Reload the page to log in.",
};

/** @param {string} text */
export function announce(text) {
  region.textContent = text;
}

/** Another view has come, with a bar of its own.
 * @param {Element} bar */
export function moveConnectionMark(bar) {
  bar.append(mark);
}

/** @param {ConnectionState} state */
export function showConnectionState(state) {
  const label = LABELS[state];
  const wasBroken = !mark.hidden;
  mark.hidden = !label;
  if (label && mark.textContent !== label) mark.textContent = label;
  if (label && !wasBroken) announce(label);
  else if (!label && wasBroken) announce("Reconnected");
}
