/* The end of the page: followed while the reader is there, and only then. */

const NEAR = 32; // px; what still counts as "at the end"

const page = document.documentElement;

function isAtEnd() {
  return page.scrollHeight - innerHeight - scrollY < NEAR;
}

export function toEnd() {
  scrollTo({ top: page.scrollHeight, behavior: "instant" });
}

/** Change the page. A reader at its end stays there; to everybody else nothing moves. */
export function keepingEnd(change) {
  const wasAtEnd = isAtEnd();
  change();
  if (wasAtEnd) toEnd();
}

/** Offer the way back to a reader who has left the end. */
export function offerEnd(offer, root) {
  const look = () => (offer.hidden = isAtEnd());
  addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(root);
  offer.addEventListener("click", (event) => {
    event.preventDefault();
    toEnd();
  });
}
