/* A link that works once brings its token behind the #, which no server is sent: into the form, and out of the address. */

const form = document.querySelector("[data-link]");

function takeToken() {
  const token = location.hash.slice(1);
  if (!token) return;
  form.elements.token.value = token;
  form.querySelector("[data-link-field]").hidden = true;
  history.replaceState(null, "", location.pathname);
}

addEventListener("hashchange", takeToken); // another link pasted into the address of this page
takeToken();
