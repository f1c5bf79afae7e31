/* The menu of a row in the list of chats: rename in place, pin, archive, delete. One menu serves all rows. */

import { post } from "./requests.js";
import { announce } from "./status.js";

const GAP = 4; // px between the button and its menu

export class RowMenu {
  #menu;
  /** @type {HTMLElement} */
  #row; // the one whose button opened the menu

  /** @param {HTMLElement} nav the sidebar, whose list may be replaced at any time */
  constructor(nav) {
    this.#menu = nav.querySelector("#row-menu");
    nav.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      const button = target.closest("[data-row-menu]");
      if (button) this.#open(/** @type {HTMLElement} */ (button));
      /** @type {HTMLElement} */
      const act = target.closest("[data-row-act]");
      if (act) this.#act(act.dataset.rowAct);
    });
  }

  get #url() {
    return `/chats/${this.#row.dataset.session}`;
  }

  get #isPinned() {
    return this.#row.closest("[data-group]").getAttribute("data-group") === "Pinned";
  }

  #open(button) {
    this.#row = button.closest("[data-session]");
    this.#menu.querySelector("[data-pin-word]").textContent = this.#isPinned ? "Unpin" : "Pin";
    this.#menu.querySelector("[data-row-delete]").href = `${this.#url}/delete`;
    this.#menu.showPopover({ source: button });
    const { bottom, left } = button.getBoundingClientRect();
    const lowest = innerHeight - this.#menu.offsetHeight - GAP;
    const rightmost = document.documentElement.clientWidth - this.#menu.offsetWidth - GAP;
    const place = { top: Math.min(bottom + GAP, lowest), left: Math.min(left, rightmost) };
    Object.assign(this.#menu.style, { top: `${place.top}px`, left: `${place.left}px` });
    this.#menu.querySelector("button").focus();
  }

  async #act(name) {
    this.#menu.hidePopover();
    if (name === "rename") return this.#rename();
    const fields = new FormData();
    if (name === "pin" && this.#isPinned) fields.set("off", "1");
    await this.#send(name, fields, { pin: fields.has("off") ? "Unpinned" : "Pinned", archive: "Archived" }[name]);
    if (this.#row.querySelector("[aria-current]")) location.reload(); // its own menu says what can be undone
  }

  /** The list shows the change when the stream of changes brings it. */
  async #send(name, fields, outcome) {
    try {
      await post(`${this.#url}/${name}`, fields);
      announce(outcome);
    } catch (error) {
      announce(error.message);
    }
  }

  #rename() {
    const link = /** @type {HTMLElement} */ (this.#row.querySelector("a"));
    const title = this.#row.querySelector("[data-row-title]").textContent;
    const field = document.createElement("input");
    Object.assign(field, { className: "row-title", value: title, maxLength: 80, autocomplete: "off" });
    field.setAttribute("aria-label", "Title");
    link.hidden = true;
    link.after(field);
    field.select();
    let isFinished = false; // removing the field blurs it
    const finish = (isSaved) => {
      if (isFinished) return;
      isFinished = true;
      const fields = new FormData();
      fields.set("title", field.value);
      const isChanged = isSaved && field.value.trim() !== title;
      field.remove();
      link.hidden = false;
      link.focus();
      if (!isChanged) return;
      link.querySelector("[data-row-title]").textContent = fields.get("title").toString().trim() || title;
      this.#send("title", fields, "Renamed");
    };
    field.addEventListener("blur", () => finish(true));
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      finish(event.key === "Enter");
    });
  }
}
