/* The document's title: the chat's name, after the number of answers that ended while the page was hidden. */

const heading = document.querySelector("[data-title]");

let unseen = 0;
let name = document.title;

function update() {
  document.title = unseen ? `(${unseen}) ${name}` : name;
}

/** Show the chat's new title in the heading and the document's title.
 * @param {string} title */
export function showTitle(title) {
  if (!heading) return;
  heading.textContent = title;
  name = `${title} – chatapp`;
  update();
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
