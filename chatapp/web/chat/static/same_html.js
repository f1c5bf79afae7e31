/* Puts the server's HTML of an answer in the place of what was drawn while it arrived. Most of it is equal and stays as
it is. What differs is replaced block by block, in several frames if it is much, and the block at the top of the window
keeps its place. */

const MAX_NODES = 1_000; // replaced in a frame: laying them out takes some 10 ms
const adopting = new WeakMap(); // element -> the changes of its newest HTML that are still to be made

/** Make `drawn` show what `fresh` does. `inFrame(change)` is called for what changes in a frame; the promise resolves
 * after the last one.
 * @param {Element} drawn @param {Element} fresh @param {(change: () => void) => void} inFrame */
export async function adoptHtml(drawn, fresh, inFrame = (change) => change()) {
  drawn.normalize();
  fresh.normalize();
  fresh.classList.remove("prose--long"); // all of it has been laid out: hiding some now would move the rest
  const changes = differences(drawn, fresh);
  adopting.set(drawn, changes);
  inFrame(() => {
    if (drawn.className !== fresh.className) drawn.className = fresh.className; // else it is all styled anew
    makeSome(changes);
  });
  while (changes.length) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    if (!drawn.isConnected || adopting.get(drawn) !== changes) return;
    inFrame(() => makeSome(changes));
  }
}

/** Make the first changes, until they have cost enough for one frame. */
function makeSome(changes) {
  for (let nodes = 0; changes.length && nodes < MAX_NODES;) nodes += changes.shift()();
}

/** The changes that make `drawn` equal to `fresh`: functions that return how many nodes they have added. */
function differences(drawn, fresh) {
  const [old, young] = [[...drawn.childNodes], [...fresh.childNodes]];
  let start = 0;
  while (start < Math.min(old.length, young.length) && isSame(old[start], young[start])) start += 1;
  let end = 0;
  while (end < Math.min(old.length, young.length) - start && isSame(old.at(-1 - end), young.at(-1 - end))) end += 1;
  const changes = [];
  for (let index = 0; index < start; index += 1) changes.push(...colourChanges(old[index], young[index]));
  const after = old[old.length - end] ?? null;
  for (let index = start; index < Math.max(old.length, young.length) - end; index += 1) {
    const [current, next] = [index < old.length - end && old[index], index < young.length - end && young[index]];
    if (current && next && isSame(current, next)) changes.push(...colourChanges(current, next));
    else changes.push(() => replaceBlock(drawn, current, next, after));
  }
  for (let back = end; back > 0; back -= 1) changes.push(...colourChanges(old.at(-back), young.at(-back)));
  return changes;
}

function replaceBlock(drawn, current, next, after) {
  if (!next) current.remove();
  else if (current) current.replaceWith(next);
  else drawn.insertBefore(next, after);
  return next ? sizeOf(next) : 1;
}

function sizeOf(node) {
  return 1 + (node.querySelectorAll?.("*").length ?? 0);
}

/** Whether two blocks show the same, but for the colours of code. */
function isSame(old, young) {
  if (old.isEqualNode(young)) return true;
  if (old.nodeType !== Node.ELEMENT_NODE || young.nodeType !== Node.ELEMENT_NODE) return false;
  if (old.className === "code") return isSameCode(old, young);
  const [oldBoxes, youngBoxes] = [codeBoxes(old), codeBoxes(young)];
  return oldBoxes.length > 0 && oldBoxes.length === youngBoxes.length && isEqualWithoutColours(old, young);
}

/** As most code stands: in a box of its own, below its bar. */
function isSameCode(old, young) {
  const isAlike = young.className === "code" && old.firstChild.isEqualNode(young.firstChild);
  return isAlike && old.textContent === young.textContent;
}

function codeBoxes(block) {
  return [...(block.querySelectorAll?.("pre > code") ?? [])];
}

function isEqualWithoutColours(old, young) {
  const [first, second] = [old, young].map((block) => {
    const copy = block.cloneNode(true);
    for (const box of copy.querySelectorAll("pre > code")) box.replaceChildren(box.textContent);
    return copy;
  });
  return first.isEqualNode(second);
}

/** Give code the server's colours, wherever it stands in a block. A long box consists of stretches. */
function colourChanges(old, young) {
  const youngBoxes = codeBoxes(young);
  return codeBoxes(old).flatMap((box, index) =>
    box.isEqualNode(youngBoxes[index]) ? [] : colour(box, youngBoxes[index]),
  );
}

function colour(old, young) {
  const [stretches, fresh] = [[...old.children], [...young.children]];
  const isAlike = ({ className, textContent }, index) =>
    className === "stretch" && fresh[index].className === "stretch" && fresh[index].textContent === textContent;
  if (stretches.length && stretches.length === fresh.length && stretches.every(isAlike))
    return stretches.map((stretch, index) => () => replaceBlock(old, stretch, fresh[index], null));
  return [
    () => {
      const size = sizeOf(young);
      old.replaceChildren(...young.childNodes);
      return size;
    },
  ];
}
