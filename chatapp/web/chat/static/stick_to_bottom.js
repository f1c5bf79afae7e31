/* The bottom of the page is followed while the reader is there, and only then. */

const TOLERANCE = 32; // px that still count as "at the bottom"

const page = document.documentElement;

function isAtBottom() {
  return page.scrollHeight - innerHeight - scrollY < TOLERANCE;
}

export function scrollToBottom() {
  scrollTo({ top: page.scrollHeight, behavior: "instant" });
}

/** Make a change to the page. A reader at its bottom stays there; for all others nothing moves.
 * @param {() => void} change */
export function stickToBottom(change) {
  const wasAtBottom = isAtBottom();
  change();
  if (wasAtBottom) scrollToBottom();
}

/** Show `button` (which scrolls to the bottom) while the reader is elsewhere; `root` is what grows.
 * @param {HTMLElement} button @param {Element} root */
export function showJumpButton(button, root) {
  const update = () => (button.hidden = isAtBottom());
  addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(root);
  button.addEventListener("click", (event) => {
    event.preventDefault();
    scrollToBottom();
  });
}
