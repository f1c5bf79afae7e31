/* Older chats, which the list loads when its end scrolls into view. */

import { get, parseHtml } from "./requests.js";

const MARGIN = "200px"; // the distance from view at which loading starts

/** Watch the link to older chats in `nav`; `urlFor(parameters)` is the URL of a part of the list. */
export function loadOlderOnScroll(nav, urlFor) {
  const link = nav.querySelector("[data-older]");
  if (!link) return;
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      load(nav, link, urlFor);
    },
    { root: nav.querySelector("[data-scroller]"), rootMargin: MARGIN },
  );
  observer.observe(link);
}

async function load(nav, link, urlFor) {
  let older;
  try {
    const response = await get(urlFor({ before: link.dataset.older }));
    older = parseHtml(await response.text());
  } catch {
    return; // the link is still there
  }
  if (!link.isConnected) return; // the list was replaced meanwhile, and watches a link of its own
  append([...nav.querySelectorAll("[data-group]")].at(-1), [...older.querySelectorAll("[data-group]")]);
  link.parentElement.replaceWith(...older.querySelectorAll(".sidebar__pages:has([data-older])"));
  nav.querySelector("[data-list]").dataset.version = ""; // the list is longer than any version of it
  loadOlderOnScroll(nav, urlFor);
}

/** Put groups after the last one; the first of them may continue it. */
function append(last, groups) {
  const [first] = groups;
  if (first?.dataset.group === last.dataset.group) {
    last.querySelector("ul").append(...first.querySelectorAll("li"));
    groups.shift();
  }
  last.after(...groups);
}
