/* One-time links carry their token after the #, which browsers send to no server: move it into the form, and out of the
address. */

/** @type {HTMLFormElement} */
const form = document.querySelector("[data-link]");

function takeToken() {
  const token = location.hash.slice(1);
  if (!token) return;
  /** @type {HTMLInputElement} */ (form.elements.namedItem("token")).value = token;
  /** @type {HTMLElement} */ (form.querySelector("[data-link-field]")).hidden = true;
  history.replaceState(null, "", location.pathname);
}

addEventListener("hashchange", takeToken); // another link was pasted into the address of this page
takeToken();
