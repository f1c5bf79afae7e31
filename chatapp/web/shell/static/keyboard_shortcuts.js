/* Keyboard shortcuts. The help on the page is the source: its rows say which keys do what. */

/** @type {(selector: string) => HTMLElement | null} */
const find = (selector) => document.querySelector(selector);

/** The page's own, else that of the sidebar, which is hidden where there is another one.
 * @returns {HTMLElement | undefined} */
const searchField = () =>
  [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-search]"))].at(-1);

const ACTIONS = {
  write: () => find("[data-text-field]")?.focus(),
  stop: () => find("[data-stop]:not([hidden])")?.click(),
  search: () => searchField()?.focus(),
  new: () => find("[data-new]")?.click(),
  help: () => /** @type {HTMLDialogElement} */ (find("[data-keys]")).showModal(),
};
const KEY_NAMES = { Escape: "Esc" };

/** The pressed keys as the help writes them, such as "Ctrl+Shift+O"; null with Alt. */
function shortcutOf({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  if (altKey) return null;
  if (!ctrlKey && !metaKey) return KEY_NAMES[key] ?? key;
  return ["Ctrl", ...(shiftKey ? ["Shift"] : []), key.toUpperCase()].join("+");
}

function fieldOf(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") ?? null;
}

/** Whether the key belongs to the element it was pressed in: a field, or something open that Esc closes. */
function isHandledByElement(shortcut, target) {
  if (shortcut.includes("+")) return false;
  const field = fieldOf(target);
  if (shortcut !== "Esc") return field !== null;
  const isSomethingOpen = document.querySelector(":popover-open, dialog[open]") !== null;
  return isSomethingOpen || (field !== null && !field.matches("[data-text-field]"));
}

/** Open the popover around `element`, which could not get the focus otherwise: Search may be in a folded sidebar. */
function openPopoverAround(element) {
  const popover = element?.closest("[popover]");
  if (popover && !element.checkVisibility()) popover.showPopover();
}

export function enableKeyboardShortcuts() {
  /** @type {NodeListOf<HTMLElement>} */
  const rows = document.querySelectorAll("[data-keys] [data-act-key]");
  const actions = new Map([...rows].map((row) => [row.dataset.key, row.dataset.actKey]));
  document.addEventListener("keydown", (event) => {
    const shortcut = shortcutOf(event);
    const action = actions.get(shortcut);
    if (!action || event.isComposing || event.defaultPrevented || isHandledByElement(shortcut, event.target)) return;
    if (action !== "stop") event.preventDefault();
    if (action === "search") openPopoverAround(searchField());
    ACTIONS[action]();
  });
  find("[data-help]")?.addEventListener("click", ACTIONS.help);
}
