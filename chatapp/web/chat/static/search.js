/* Search as the user types: the part of the page with the results is fetched again. */

import { delay, getHtml, parseHtml } from "../shell/requests.js";

const SETTLE_TIME = 250; // ms after the last key

/** `results` is the element that holds the results of `form`. */
export function searchAsTyped(form, results) {
  const field = form.elements.q;
  let shownQuery = field.value;
  let latest = 0; // number of the latest search

  async function search() {
    const number = ++latest;
    await delay(SETTLE_TIME);
    const query = field.value;
    if (number !== latest || query === shownQuery) return;
    const url = `${location.pathname}?${new URLSearchParams({ q: query })}`;
    try {
      const html = await getHtml(url);
      if (number !== latest) return;
      shownQuery = query;
      results.replaceChildren(parseHtml(html));
      history.replaceState(null, "", url);
    } catch {
      // The button searches again.
    }
  }
  field.addEventListener("input", search);
}
