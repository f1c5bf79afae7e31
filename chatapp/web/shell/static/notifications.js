/* Notices that an answer has ended, for a user who looks elsewhere: a count in the page's title and, if switched on in
the settings, one browser notification however many tabs are open. */

import { incrementUnseen } from "./title.js";

const LOCK_TIME = 10_000; // ms in which another tab that receives the same end stays silent
const VISIBLE_LOCK = "chatapp: somebody looks at a page"; // held, shared, by every tab that has the focus
const canNotify = () => window.Notification?.permission === "granted" && "locks" in navigator;

const recent = new Map(); // session id -> {change, notification} shown less than LOCK_TIME ago and not closed

let releaseVisibleLock = null;
let openPath = (path) => location.assign(path);

/** Hold the shared lock while this tab has the focus. */
function updateVisibleLock(isLeaving = false) {
  const isVisible = !isLeaving && !document.hidden && document.hasFocus();
  if (!isVisible) {
    releaseVisibleLock?.();
    releaseVisibleLock = null;
  } else if (!releaseVisibleLock && canNotify()) {
    const released = new Promise((resolve) => (releaseVisibleLock = resolve));
    navigator.locks.request(VISIBLE_LOCK, { mode: "shared" }, () => released);
  }
}

async function isAnyTabVisible() {
  const { held } = await navigator.locks.query();
  return held.some((lock) => lock.name === VISIBLE_LOCK);
}

/** Show a notification. A second one for the same end has the same tag: it replaces the first without a sound. */
function show(change) {
  const heading = change.news === "failed" ? "An answer has failed" : "Your answer is ready";
  const notification = new Notification(heading, { body: change.title, tag: change.ended });
  recent.set(change.session, { change, notification });
  notification.onclose = () => {
    if (recent.get(change.session)?.notification === notification) recent.delete(change.session);
  };
  notification.onclick = () => {
    focus();
    notification.close();
    const path = `/chats/${change.session}`;
    if (location.pathname !== path) openPath(path);
  };
}

/** Notify from the first tab that receives the end; a lock named after the run silences the others. */
function notify(change) {
  navigator.locks.request(`chatapp: ${change.ended}`, { ifAvailable: true }, async (lock) => {
    if (!lock || (await isAnyTabVisible())) return;
    show(change);
    await new Promise((resolve) => setTimeout(resolve, LOCK_TIME));
    recent.delete(change.session);
  });
}

/** A chat gets its title after its first answer, so the notification may have used the question instead. */
function updateTitle(session, title) {
  const change = recent.get(session)?.change;
  if (change && change.title !== title) show({ ...change, title });
}

/** Ask for permission, if this browser never was asked, when the user sends a message. */
function requestPermissionOnSend(event) {
  const isUndecided = window.Notification?.permission === "default";
  if (!isUndecided || !event.target.matches("[data-composer]")) return;
  Notification.requestPermission().then(() => updateVisibleLock());
}

/** Start; returns the sidebar's listeners for ends and titles. `isEnabled`: the user's setting; `open` shows a path.
 * @param {boolean} isEnabled @param {(path: string) => void} open */
export function watchEnds(isEnabled, open) {
  openPath = open;
  if (isEnabled) {
    for (const name of ["focus", "blur", "pageshow"]) addEventListener(name, () => updateVisibleLock());
    addEventListener("pagehide", () => updateVisibleLock(true)); // a lock keeps a page out of the back/forward cache
    document.addEventListener("visibilitychange", () => updateVisibleLock());
    document.addEventListener("submit", requestPermissionOnSend);
    updateVisibleLock();
  }
  const onEnd = (change) => {
    if (document.hidden) incrementUnseen();
    if (isEnabled && canNotify()) notify(change);
  };
  return { onEnd, onTitle: updateTitle };
}

/** When the settings are saved with notifications on, and only then, ask the browser for permission first. */
export function requestPermissionOnSave(form) {
  form.addEventListener("submit", async (event) => {
    const checkbox = form.elements.notifies;
    const permission = window.Notification?.permission ?? "denied";
    if (!checkbox.checked || permission === "granted") return;
    event.preventDefault();
    const answer = permission === "default" ? await Notification.requestPermission() : permission;
    checkbox.checked = answer === "granted";
    form.querySelector("[data-notify-refused]").hidden = checkbox.checked;
    if (checkbox.checked) form.requestSubmit();
  });
}
