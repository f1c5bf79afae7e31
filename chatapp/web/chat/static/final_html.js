/* The HTML of an answer that has ended, which a worker makes a moment later while no request waits for it. Until then
the page keeps what it drew while the answer arrived. */

import { adoptHtml, keepPlace } from "./same_html.js";
import { stickToBottom } from "./stick_to_bottom.js";
import { delay, getHtml, parseElement } from "../shell/requests.js";

export const RETRY_DELAYS = [300, 700, 1_500, 3_000, 6_000, 12_000]; // ms; after that a reload shows the HTML
const ENDED = new Set(["completed", "stopped", "failed", "lost"]); // states in which the stream left an answer

export function isHtmlPending(article) {
  return "htmlDue" in article.dataset;
}

/** Move what was drawn of `current`, if it was drawn to its end, into `fresh`: instead of its plain text, or of its HTML,
 * to which it is made equal. */
export function keepDrawnText(current, fresh) {
  const selector = ENDED.has(current.dataset.state) ? "[data-text], [data-drawn]" : "[data-drawn]";
  const drawn = current.querySelector(selector);
  const text = fresh.querySelector(isHtmlPending(fresh) ? "[data-plain]" : ".prose");
  const isWritten = current.dataset.run === fresh.dataset.run && !("stream" in fresh.dataset);
  if (!text || !drawn || !isWritten) return;
  drawn.removeAttribute("data-text");
  if (isHtmlPending(fresh)) drawn.dataset.drawn = "";
  else adoptFinal(drawn, text);
  text.replaceWith(drawn);
}

function adoptFinal(drawn, fresh) {
  adoptHtml(drawn, fresh);
  delete drawn.dataset.drawn;
}

/** Replace the text by its HTML once that exists, or by plain text if there will be none. Nothing else of the article
 * changes: buttons may have the focus, details may be open. */
export async function loadFinalHtml(article) {
  for (const wait of RETRY_DELAYS) {
    await delay(wait);
    if (!article.isConnected) return;
    try {
      const fresh = parseElement(await getHtml(article.dataset.url), "[data-message]");
      if (!isHtmlPending(fresh)) return replaceText(article, fresh);
    } catch (error) {
      if (!error.isRetryable) return;
    }
  }
}

async function replaceText(article, fresh) {
  await whenUnselected(article);
  const [current, text] = [article, fresh].map((each) => each.querySelector(".prose"));
  if (article.isConnected) stickToBottom(() => keepPlace(article.id, () => adoptFinal(current, text)));
  delete article.dataset.htmlDue;
}

/** Resolves when no text in `element` is selected: replacing it would clear the selection. */
export function whenUnselected(element) {
  const isSelected = () => {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(element, true);
  };
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      const check = () => {
        if (isSelected()) return;
        document.removeEventListener("selectionchange", check);
        resolve();
      };
      document.addEventListener("selectionchange", check);
      check();
    })
  );
}
