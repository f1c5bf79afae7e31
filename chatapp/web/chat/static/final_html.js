/* The HTML of an answer that has ended, which a worker makes a moment later while no request waits for it. Until then
the page keeps what it drew while the answer arrived. */

import { keepPlace } from "./keep_place.js";
import { adoptHtml } from "./same_html.js";
import { stickToBottom } from "./stick_to_bottom.js";
import { delay, getHtml, parseElement } from "../shell/requests.js";

export const RETRY_DELAYS = [300, 700, 1_500, 3_000, 6_000, 12_000]; // ms; after that a reload shows the HTML
const ENDED = new Set(["completed", "stopped", "failed", "lost"]); // states in which the stream left an answer

export function isHtmlPending(article) {
  return "htmlDue" in article.dataset;
}

/** Show `fresh`, the server's version of a message, instead of `current`. Text that was drawn to its end stays where it
 * is, and what is around it is replaced: to lay out a long one anew takes longer than a frame. Its HTML, if that exists,
 * is adopted in the next frames. Returns what is on the page then.
 * @param {HTMLElement} current @param {HTMLElement} fresh @param {(change: () => void) => void} inFrame */
export function replaceMessage(current, fresh, inFrame) {
  const drawn = drawnText(current, fresh);
  const text = fresh.querySelector(isHtmlPending(fresh) ? "[data-plain]" : ".prose");
  if (!drawn || !text) {
    inFrame(() => current.replaceWith(fresh));
    return fresh;
  }
  drawn.removeAttribute("data-text");
  drawn.dataset.drawn = "";
  inFrame(() => replaceAround(drawn, text));
  if (!isHtmlPending(fresh)) adoptFinal(drawn, text, inFrame);
  return current;
}

/** What was drawn of `current`, if all of it is there and `fresh` shows the end of the same run. */
function drawnText(current, fresh) {
  const selector = ENDED.has(current.dataset.state) ? "[data-text], [data-drawn]" : "[data-drawn]";
  const isWritten = current.dataset.run === fresh.dataset.run && !("stream" in fresh.dataset);
  return isWritten ? /** @type {HTMLElement | null} */ (current.querySelector(selector)) : null;
}

/** Give the element around `drawn` the attributes and all other content of that around `text`. */
function replaceAround(drawn, text) {
  const [current, fresh] = [drawn.parentElement, text.parentElement];
  for (const node of [...current.childNodes]) if (node !== drawn) node.remove();
  const nodes = [...fresh.childNodes];
  drawn.before(...nodes.slice(0, nodes.indexOf(text)));
  drawn.after(...nodes.slice(nodes.indexOf(text) + 1));
  for (const { name } of [...current.attributes]) if (!fresh.hasAttribute(name)) current.removeAttribute(name);
  for (const { name, value } of fresh.attributes) current.setAttribute(name, value);
}

async function adoptFinal(drawn, fresh, inFrame) {
  await delay(0); // reading the HTML of a long answer takes half of what a task may
  await adoptHtml(drawn, fresh, inFrame);
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
  if (article.isConnected) await adoptFinal(current, text, (change) => stickToBottom(() => keepPlace(article, change)));
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
