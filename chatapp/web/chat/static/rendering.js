/* An answer that has ended gets its HTML a moment later: a worker makes it, and no page waits for that. What was drawn
while it arrived stays until then. */

import { keepingEnd } from "./end.js";
import { getHtml, pause, wanted } from "../shell/requests.js";

export const WAITS = [300, 700, 1_500, 3_000, 6_000, 12_000]; // ms between looks; who reloads after that sees it, too
const ENDS = new Set(["completed", "stopped", "failed", "lost"]); // states in which the stream left an answer

export function isDue(article) {
  return "htmlDue" in article.dataset;
}

/** Take over into a fresh article, which has only plain text yet, what was drawn of it; if that was drawn to its end. */
export function keepDrawn(known, fresh) {
  const drawn = known.querySelector(ENDS.has(known.dataset.state) ? "[data-text], [data-drawn]" : "[data-drawn]");
  if (!isDue(fresh) || !drawn || known.dataset.run !== fresh.dataset.run) return;
  drawn.removeAttribute("data-text");
  drawn.dataset.drawn = "";
  fresh.querySelector("[data-plain]")?.replaceWith(drawn);
}

/** Put the HTML into its place when it is there, or plain text if there will be none. Only that: buttons may have the focus, details may be open. */
export async function awaitHtml(article) {
  for (const wait of WAITS) {
    await pause(wait);
    if (!article.isConnected) return;
    try {
      const fresh = wanted(await getHtml(article.dataset.url), "[data-message]");
      if (!isDue(fresh)) return place(article, fresh);
    } catch (error) {
      if (!error.mayPass) return;
    }
  }
}

async function place(article, fresh) {
  await unselected(article);
  if (article.isConnected) keepingEnd(() => article.querySelector(".prose").replaceWith(fresh.querySelector(".prose")));
  delete article.dataset.htmlDue;
}

/** Resolves when no text in `element` is selected: a swap would take the selection away. */
export function unselected(element) {
  const isSelected = () => {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(element, true);
  };
  return new Promise((resolve) => {
    const check = () => {
      if (isSelected()) return;
      document.removeEventListener("selectionchange", check);
      resolve();
    };
    document.addEventListener("selectionchange", check);
    check();
  });
}
