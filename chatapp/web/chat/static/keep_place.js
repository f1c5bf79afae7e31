/* While something above or around what someone reads is replaced, that keeps its place in the window. */

/** Make a change within `root`, which may replace it by another element with its id. The block of an answer that is at
 * the top of the window keeps its place to the pixel.
 * @param {Element} root @param {() => void} change */
export function keepPlace(root, change) {
  const page = document.documentElement;
  const first = [...root.querySelectorAll(".prose > *")].find((block) => block.getBoundingClientRect().bottom > 0);
  const { id } = first?.closest("[id]") ?? root;
  const index = blocksOf(id).indexOf(first);
  const before = first?.getBoundingClientRect().top ?? Infinity;
  page.style.overflowAnchor = "none"; // else the browser may move the page, too
  change();
  const block = first?.isConnected ? first : blocksOf(id)[index];
  const moved = block && before < innerHeight ? block.getBoundingClientRect().top - before : 0;
  if (Math.abs(moved) >= 0.5) scrollBy({ top: moved, behavior: "instant" });
  requestAnimationFrame(() => (page.style.overflowAnchor = ""));
}

function blocksOf(id) {
  return [...(document.getElementById(id)?.querySelector(".prose")?.children ?? [])];
}
