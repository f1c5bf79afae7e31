/* Older chats, which the list loads when its end comes into view. */

import { get, parse } from "./requests.js";

const AHEAD = "200px";

/** Watch the link to older chats in `nav`; `address(fields)` is where a part of the list is. */
export function loadOlder(nav, address) {
  const link = nav.querySelector("[data-older]");
  if (!link) return;
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      load(nav, link, address);
    },
    { root: nav, rootMargin: AHEAD },
  );
  observer.observe(link);
}

async function load(nav, link, address) {
  let older;
  try {
    const response = await get(address({ before: link.dataset.older }));
    older = parse(await response.text());
  } catch {
    return; // the link is still there
  }
  if (!link.isConnected) return; // the list was renewed meanwhile, and watches a link of its own
  append([...nav.querySelectorAll("[data-group]")].at(-1), [...older.querySelectorAll("[data-group]")]);
  link.parentElement.replaceWith(...older.querySelectorAll(".sidebar__pages:has([data-older])"));
  nav.querySelector("[data-list]").dataset.version = ""; // what is shown is more than any version says
  loadOlder(nav, address);
}

/** Put groups after the last one; the first of them may be its continuation. */
function append(last, groups) {
  const [first] = groups;
  if (first?.dataset.group === last.dataset.group) {
    last.querySelector("ul").append(...first.querySelectorAll("li"));
    groups.shift();
  }
  last.after(...groups);
}
