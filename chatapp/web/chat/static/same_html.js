/* Puts the server's HTML of an answer in the place of what was drawn while it arrived. Most of it is equal and stays as
it is. What differs is replaced block by block, and the block at the top of the window keeps its place. */

/** Make `drawn` show what `fresh` does.
 * @param {Element} drawn @param {Element} fresh */
export function adoptHtml(drawn, fresh) {
  drawn.normalize();
  fresh.normalize();
  const [old, young] = [[...drawn.childNodes], [...fresh.childNodes]];
  let start = 0;
  while (start < Math.min(old.length, young.length) && isSame(old[start], young[start])) start += 1;
  let end = 0;
  while (end < Math.min(old.length, young.length) - start && isSame(old.at(-1 - end), young.at(-1 - end))) end += 1;
  const [replaced, replacing] = [old.slice(start, old.length - end), young.slice(start, young.length - end)];
  if (replaced.length === replacing.length) replacing.forEach((node, index) => replaceBlock(replaced[index], node));
  else replaceBlocks(drawn, old[start], replaced, replacing);
  drawn.className = fresh.className;
}

function replaceBlock(old, young) {
  if (!isSame(old, young)) old.replaceWith(young);
}

function replaceBlocks(drawn, next, replaced, replacing) {
  for (const node of replacing) drawn.insertBefore(node, next ?? null);
  for (const node of replaced) node.remove();
}

/** Whether two blocks show the same; colours of code are added to the one that is drawn. */
function isSame(old, young) {
  return old.isEqualNode(young) || adoptColours(old, young);
}

/** Add the server's colours to code, wherever it stands in a block, if nothing else differs. */
function adoptColours(old, young) {
  if (old.nodeType !== Node.ELEMENT_NODE || young.nodeType !== Node.ELEMENT_NODE) return false;
  const [oldBoxes, youngBoxes] = [old, young].map((block) => [...block.querySelectorAll("pre > code")]);
  if (!oldBoxes.length || oldBoxes.length !== youngBoxes.length || !isEqualWithoutColours(old, young)) return false;
  oldBoxes.forEach((box, index) => {
    if (!box.isEqualNode(youngBoxes[index])) box.replaceChildren(...youngBoxes[index].cloneNode(true).childNodes);
  });
  return true;
}

function isEqualWithoutColours(old, young) {
  const [first, second] = [old, young].map((block) => {
    const copy = block.cloneNode(true);
    for (const box of copy.querySelectorAll("pre > code")) box.replaceChildren(box.textContent);
    return copy;
  });
  return first.isEqualNode(second);
}

/** Make a change to the message `id`. The block at the top of the window keeps its place to the pixel.
 * @param {string} id @param {() => void} change */
export function keepPlace(id, change) {
  const page = document.documentElement;
  const blocks = blocksOf(id);
  const index = blocks.findIndex((block) => block.getBoundingClientRect().bottom > 0);
  const before = blocks[index]?.getBoundingClientRect().top ?? Infinity;
  page.style.overflowAnchor = "none"; // else the browser may move the page, too
  change();
  const block = blocks[index]?.isConnected ? blocks[index] : blocksOf(id)[index];
  const moved = block && before < innerHeight ? block.getBoundingClientRect().top - before : 0;
  if (Math.abs(moved) >= 0.5) scrollBy({ top: moved, behavior: "instant" });
  requestAnimationFrame(() => (page.style.overflowAnchor = ""));
}

function blocksOf(id) {
  return [...(document.getElementById(id)?.querySelector(".prose")?.children ?? [])];
}
