/* A row in the list of chats. */

import { showTitle } from "./title.js";

const LABELS = { answering: "Answering", waiting: "Waiting", unread: "New", failed: "Failed" };

/** What is going on in the chat takes precedence over what its reader has not seen.
 * @param {HTMLElement} row @param {string} activity @param {string} news */
export function showActivity(row, activity, news) {
  for (const [name, value] of Object.entries({ activity, news })) {
    if (value) row.dataset[name] = value;
    else delete row.dataset[name];
  }
  row.querySelector("[data-mark]").textContent = LABELS[activity || news] ?? "";
}

/** Mark the link of the chat on the page, or of the form that starts one (empty), if there is either. Returns the chat's
 * row, if it is listed.
 * @param {HTMLElement} nav @param {string | undefined} session */
export function markCurrent(nav, session) {
  for (const link of nav.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  const row = session ? nav.querySelector(`[data-list] [data-session="${session}"]`) : null;
  const link = session === "" ? nav.querySelector("[data-new]") : row?.querySelector("a");
  link?.setAttribute("aria-current", "page");
  return row;
}

/** Show the title of a chat that has one as the page's. */
export function showTitleOf(row) {
  const title = row?.querySelector("[data-titled]");
  if (title) showTitle(title.textContent);
}
