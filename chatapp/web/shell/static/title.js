/* The document's title: the chat's name, after the number of answers that ended while the page was hidden. */

let unseen = 0;
let name = document.title;

function update() {
  document.title = unseen ? `(${unseen}) ${name}` : name;
}

/** Show the chat's new title in the heading and the document's title.
 * @param {string} title */
export function showTitle(title) {
  const heading = document.querySelector("[data-title]");
  if (!heading) return;
  heading.textContent = title;
  setDocumentTitle(`${title} – chatapp`);
}

/** Without the number.
 * @param {string} title */
export function setDocumentTitle(title) {
  name = title;
  update();
}

export function documentTitle() {
  return name;
}

/** Count an answer that ended while the page is hidden. */
export function incrementUnseen() {
  unseen += 1;
  update();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unseen = 0;
  update();
});
