/* Tells that an answer has ended to somebody who looks elsewhere: in the page's title and, if one has asked for it,
by one notification of the browser, however many tabs are open. */

import { countUnseen } from "./title.js";

const HELD = 10_000; // ms in which another tab that hears of the same end keeps quiet
const LOOKING = "chatapp: somebody looks at a page";
const canNotify = () => window.Notification?.permission === "granted" && "locks" in navigator;

const shown = new Map(); // session -> what was told of it a moment ago and has not been closed

let stopLooking = null;

/** Hold a lock, shared by all tabs that are looked at, for as long as this one is. */
function look(isOver) {
  const isLooking = !isOver && !document.hidden && document.hasFocus();
  if (!isLooking) {
    stopLooking?.();
    stopLooking = null;
  } else if (!stopLooking && canNotify()) {
    const done = new Promise((resolve) => (stopLooking = resolve));
    navigator.locks.request(LOOKING, { mode: "shared" }, () => done);
  }
}

async function isLookedAt() {
  const { held } = await navigator.locks.query();
  return held.some((lock) => lock.name === LOOKING);
}

/** Another one of the same end takes the place of the first, without a sound. */
function show(change) {
  const what = change.news === "failed" ? "An answer has failed" : "Your answer is ready";
  const notification = new Notification(what, { body: change.title, tag: change.ended });
  shown.set(change.session, { change, notification });
  notification.onclose = () => {
    if (shown.get(change.session)?.notification === notification) shown.delete(change.session);
  };
  notification.onclick = () => {
    focus();
    notification.close();
    const page = `/chats/${change.session}`;
    if (location.pathname !== page) location.assign(page);
  };
}

/** The first tab that hears of an end tells it; a lock with the run's name keeps the others quiet. */
function notify(change) {
  navigator.locks.request(`chatapp: ${change.ended}`, { ifAvailable: true }, async (lock) => {
    if (!lock || (await isLookedAt())) return;
    show(change);
    await new Promise((resolve) => setTimeout(resolve, HELD));
    shown.delete(change.session);
  });
}

/** A chat gets its title after its first answer, so what tells of that one may have called it by its question. */
function name(session, title) {
  const change = shown.get(session)?.change;
  if (change && change.title !== title) show({ ...change, title });
}

/** Begin; returns what has to hear of ends and of titles. `isWanted`: whether the user has asked for notifications. */
export function watchEnds(isWanted) {
  if (isWanted) {
    for (const name of ["focus", "blur", "pageshow"]) addEventListener(name, () => look(false));
    addEventListener("pagehide", () => look(true)); // a lock would keep the page out of the back/forward cache
    document.addEventListener("visibilitychange", () => look(false));
    // Where this browser has not been asked yet: when one sends something, and so may want to hear of its end.
    document.addEventListener("submit", (event) => {
      const isNew = window.Notification?.permission === "default";
      if (isNew && event.target.matches("[data-composer]")) Notification.requestPermission().then(() => look(false));
    });
    look(false);
  }
  const onEnd = (change) => {
    if (document.hidden) countUnseen();
    if (isWanted && canNotify()) notify(change);
  };
  return { onEnd, onTitle: name };
}

/** Ask for the permission when the settings are saved with notifications, and only then. */
export function askWhenSaved(form) {
  form.addEventListener("submit", async (event) => {
    const box = form.elements.notifies;
    const permission = window.Notification?.permission ?? "denied";
    if (!box.checked || permission === "granted") return;
    event.preventDefault();
    const answer = permission === "default" ? await Notification.requestPermission() : permission;
    box.checked = answer === "granted";
    form.querySelector("[data-notify-refused]").hidden = box.checked;
    if (box.checked) form.requestSubmit();
  });
}
