/* Search as one types: the part of the page with what was found is asked for anew. */

import { getHtml, parse, pause } from "../shell/requests.js";

const SETTLE = 250; // ms after the last key

/** Bring a search form to life; `found` is where the results are. */
export function searchAsTyped(form, found) {
  const field = form.elements.q;
  let shown = field.value;
  let turn = 0;

  async function search() {
    const mine = ++turn;
    await pause(SETTLE);
    const query = field.value;
    if (mine !== turn || query === shown) return;
    const address = `${location.pathname}?${new URLSearchParams({ q: query })}`;
    try {
      const html = await getHtml(address);
      if (mine !== turn) return;
      shown = query;
      found.replaceChildren(parse(html));
      history.replaceState(null, "", address);
    } catch {
      // The button asks again.
    }
  }
  field.addEventListener("input", search);
}
