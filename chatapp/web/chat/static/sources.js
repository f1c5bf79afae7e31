/* The web pages that an answer names, while it is written: what the template sources.html shows of a final one. */

/** @param {HTMLElement} root the answer @param {{url: string, title: string}[]} sources */
export function showSources(root, sources) {
  const section = root.querySelector("[data-sources]");
  if (!(section instanceof HTMLElement)) return;
  section.hidden = !sources.length;
  section.querySelector("ol").replaceChildren(...sources.map(itemOf));
}

function itemOf({ url, title }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  const address = URL.canParse(url) ? new URL(url) : null;
  if (address?.protocol === "https:" || address?.protocol === "http:") link.href = url;
  link.rel = "nofollow noopener noreferrer";
  link.target = "_blank";
  link.textContent = title || url;
  item.append(link);
  if (title) {
    const host = document.createElement("span");
    host.className = "sources__host";
    host.textContent = address?.hostname ?? "";
    item.append(" ", host);
  }
  return item;
}
