/* The keyboard, as the help on the page has it: its rows say which keys do what. */

const ACTS = {
  write: () => document.querySelector("[data-text-field]")?.focus(),
  stop: () => document.querySelector("[data-stop]:not([hidden])")?.click(),
  search: () => document.querySelector("[data-search]")?.focus(),
  new: () => document.querySelector("[data-new]")?.click(),
  help: () => document.querySelector("[data-keys]").showModal(),
};
const NAMES = { Escape: "Esc" };

/** The pressed keys, as the table writes them. */
function pressed({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  if (altKey) return null;
  if (!ctrlKey && !metaKey) return NAMES[key] ?? key;
  return ["Ctrl", ...(shiftKey ? ["Shift"] : []), key.toUpperCase()].join("+");
}

function isWriting(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") ?? null;
}

/** Whether the key belongs to where it was pressed: to a field, or to what is open and closes with Esc. */
function isTaken(keys, target) {
  if (keys.includes("+")) return false;
  if (keys !== "Esc") return Boolean(isWriting(target));
  const field = isWriting(target);
  return Boolean(document.querySelector(":popover-open, dialog[open]")) || (field && !field.matches("[data-text-field]"));
}

/** Where Search is no field that can be focused, it is a link or in a folded list: then it is opened first. */
function open(element) {
  const popover = element?.closest("[popover]");
  if (popover && !element.checkVisibility()) popover.showPopover();
}

export function obeyKeys() {
  const table = document.querySelector("[data-keys]");
  const acts = new Map([...table.querySelectorAll("[data-act-key]")].map((row) => [row.dataset.key, row.dataset.actKey]));
  document.addEventListener("keydown", (event) => {
    const keys = pressed(event);
    const act = acts.get(keys);
    if (!act || event.isComposing || event.defaultPrevented || isTaken(keys, event.target)) return;
    if (act !== "stop") event.preventDefault();
    if (act === "search") open(document.querySelector("[data-search]"));
    ACTS[act]();
  });
  document.querySelector("[data-help]")?.addEventListener("click", ACTS.help);
}
