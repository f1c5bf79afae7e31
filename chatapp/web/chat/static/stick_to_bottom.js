/* The bottom of the page is followed until the reader wants to be elsewhere: turns the wheel up, drags the page down,
presses a key that leads up, or gets there in any other way that is not ours. Who reaches the bottom again follows it. */

const TOLERANCE = 32; // px that still count as "at the bottom"
const GRACE = 250; // ms in which a gesture has to move the page; else it was for a box within the page
const RESTORING_FRAMES = 20;
const UPWARD_KEYS = new Set(["ArrowUp", "PageUp", "Home"]);
const EDITABLE = "input, textarea, select, [contenteditable]";

const page = document.documentElement;
let isFollowing = isAtBottom();
let lastTop = scrollY;
let lastHeight = page.scrollHeight;
let touchY = 0;
let latestRestoration = null;

function isAtBottom() {
  return page.scrollHeight - innerHeight - scrollY < TOLERANCE;
}

function rememberPosition() {
  lastTop = scrollY;
  lastHeight = page.scrollHeight;
}

export function scrollToBottom() {
  isFollowing = true;
  scrollTo({ top: page.scrollHeight, behavior: "instant" });
  rememberPosition();
}

/** The reader is not at the end of the chat, even if the page ends here. */
export function stayHere() {
  isFollowing = false;
}

/** The message at the top of the window and its place there; null for a reader who follows the bottom. */
export function readingPosition() {
  const messages = [...document.querySelectorAll("[data-message]")];
  const message = messages.find((each) => each.getBoundingClientRect().bottom > 0);
  return isFollowing || !message ? null : { id: message.id, top: message.getBoundingClientRect().top };
}

/** What is out of view has an estimated height until it was drawn, so it takes some frames, or until the reader moves.
 * @param {{id: string, top: number} | null} position */
export function restorePosition(position) {
  const restoration = (latestRestoration = { frames: RESTORING_FRAMES });
  isFollowing = !position;
  const place = () => {
    if (restoration !== latestRestoration) return;
    const message = position && document.getElementById(position.id);
    if (message) scrollBy({ top: message.getBoundingClientRect().top - position.top, behavior: "instant" });
    else if (isFollowing) scrollToBottom();
    rememberPosition();
    if (--restoration.frames) requestAnimationFrame(place);
  };
  place();
}

/** Show a message that someone has looked for, where its margin for scrolling puts it.
 * @param {HTMLElement} message */
export function showElement(message) {
  message.scrollIntoView({ block: "start", behavior: "instant" });
  restorePosition({ id: message.id, top: message.getBoundingClientRect().top });
}

/** Make a change to the page. A reader who follows the bottom stays there; for all others nothing moves.
 * @param {() => void} change */
export function stickToBottom(change) {
  change();
  if (isFollowing) scrollToBottom();
}

/** The next frame must not undo the first pixels of a gesture. Its event may come before or after they are scrolled. */
function followNoLonger() {
  if (!isFollowing || lastTop === 0) return;
  const top = lastTop;
  isFollowing = false;
  setTimeout(() => (isFollowing ||= scrollY >= top), GRACE);
}

/** Scrolls of ours, and those of the browser where the page has become shorter, say nothing about the reader. */
function onScroll() {
  const distance = scrollY - lastTop;
  const hasShrunk = page.scrollHeight < lastHeight;
  rememberPosition();
  if (Math.abs(distance) < 1 || hasShrunk) return;
  isFollowing = distance > 0 && isAtBottom();
}

addEventListener("scroll", onScroll, { passive: true });
addEventListener("wheel", (event) => event.deltaY < 0 && !event.ctrlKey && followNoLonger(), { passive: true });
addEventListener("touchstart", (event) => (touchY = event.touches[0].clientY), { passive: true });
addEventListener("touchmove", (event) => event.touches[0].clientY > touchY && followNoLonger(), { passive: true });
addEventListener("keydown", ({ key, target }) => {
  if (UPWARD_KEYS.has(key) && !(/** @type {Element} */ (target).closest(EDITABLE))) followNoLonger();
});

for (const name of ["wheel", "touchstart", "pointerdown", "keydown"])
  addEventListener(name, () => (latestRestoration = null), { passive: true });

/** Show `button` (which scrolls to the bottom) while the reader is elsewhere; `root` is what grows.
 * @param {HTMLElement} button @param {Element} root @param {AbortSignal} signal */
export function showJumpButton(button, root, signal) {
  const update = () => (button.hidden = isFollowing || isAtBottom());
  addEventListener("scroll", update, { passive: true, signal });
  new ResizeObserver(update).observe(root);
  button.addEventListener("click", (event) => {
    event.preventDefault();
    scrollToBottom();
  });
}
