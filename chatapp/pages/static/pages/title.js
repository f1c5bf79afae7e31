/* The title of a chat, which is made after the first answer: asked for until it is there, for a while. */

import { get, pause } from "./requests.js";

const PAUSES = [1_000, 2_000, 4_000, 8_000]; // ms

let isWaiting = false;
const heading = document.querySelector("[data-title]");

/** Look for the title if there is none yet. */
export async function awaitTitle() {
  if (isWaiting) return;
  isWaiting = true;
  try {
    await look();
  } catch {
    // It comes with the next visit.
  }
  isWaiting = false;
}

async function look() {
  for (const ms of PAUSES) {
    if ("titled" in heading.dataset) return;
    await pause(ms);
    show(await (await get(heading.dataset.titleUrl)).json());
  }
}

function show({ title, is_titled }) {
  if (!is_titled) return;
  heading.dataset.titled = "";
  heading.textContent = title;
  document.title = `${title} – chatapp`;
  const link = document.querySelector(".sidebar__list [aria-current]");
  if (link) link.textContent = title;
}
