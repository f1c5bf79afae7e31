/* The title of the page: the chat's name, and before it how many answers have ended since one looked last. */

const heading = document.querySelector("[data-title]");

let unseen = 0;
let name = document.title;

function write() {
  document.title = unseen ? `(${unseen}) ${name}` : name;
}

/** The chat has this title now. */
export function showTitle(title) {
  if (!heading) return;
  heading.textContent = title;
  name = `${title} – chatapp`;
  write();
}

/** One more answer has ended while nobody looked at this page. */
export function countUnseen() {
  unseen += 1;
  write();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unseen = 0;
  write();
});
