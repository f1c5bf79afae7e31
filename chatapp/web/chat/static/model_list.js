/* A searchable list of models in a popover: a combobox whose listbox is always open. */

import { FAVOURITES, toggleFavourite } from "./model_data.js";
import { ModelOptions } from "./model_options.js";

/** @import { ModelOption } from "./model_data.js" */

const HTML = `
  <label class="models__label" for="models-field"></label>
  <input id="models-field" class="models__field" role="combobox" aria-expanded="true" aria-autocomplete="list"
    aria-controls="models-options" placeholder="Search models" autocomplete="off" spellcheck="false" autofocus>
  <div id="models-options" class="models__options" role="listbox" aria-label="Models"></div>
  <p class="models__foot"><span class="models__note" role="status"></span>
  <button type="button" class="button button--small button--quiet models__favourite" hidden></button></p>`;

export class ModelList {
  #popover = document.createElement("div");
  #options;
  /** @type {HTMLElement | null} the option that Enter selects */
  #active = null;
  #onSelect;
  #selected = "";
  #canBeNone = false;

  /** @param {ModelOption[]} models */
  constructor(models) {
    this.#popover.className = "menu models";
    this.#popover.popover = "auto"; // closed by Esc or a click elsewhere
    this.#popover.setAttribute("role", "dialog");
    this.#popover.innerHTML = HTML;
    document.body.append(this.#popover);
    /** @type {HTMLElement} */
    const list = this.#popover.querySelector("[role=listbox]");
    this.#options = new ModelOptions(list, models);
    this.#field.addEventListener("input", () => this.#filter());
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the field
    list.addEventListener("click", (event) => this.#onClick(/** @type {HTMLElement} */ (event.target)));
    this.#favourite.addEventListener("click", () => this.#toggle(this.#active));
  }

  /** Show the list. `label` says what is chosen; `selected` is the name of the present one, if any; `canBeNone`: so is
   * nothing at all.
   * @param {{label: string, selected?: string, canBeNone?: boolean, onSelect: (name: string) => void}} options */
  open({ label, selected = "", canBeNone = false, onSelect }) {
    this.#onSelect = onSelect;
    this.#selected = selected;
    this.#canBeNone = canBeNone;
    this.#popover.setAttribute("aria-label", label);
    this.#popover.querySelector("label").textContent = label;
    this.#options.draw(selected, canBeNone);
    this.#field.value = "";
    this.#popover.showPopover();
    this.#filter();
  }

  get #field() {
    return this.#popover.querySelector("input");
  }

  /** @returns {HTMLButtonElement} */
  get #favourite() {
    return this.#popover.querySelector(".models__favourite");
  }

  #note(text) {
    this.#popover.querySelector("[role=status]").textContent = text;
  }

  #filter() {
    this.#options.filter(this.#field.value);
    const visible = this.#options.visible;
    const count = visible.filter(({ dataset }) => dataset.name).length;
    this.#note(visible.length ? `${count} model${count === 1 ? "" : "s"}` : "No models match.");
    this.#activate(visible.find((option) => option.getAttribute("aria-selected") === "true") ?? visible[0]);
  }

  #activate(option) {
    this.#active?.classList.remove("models__option--active");
    this.#active = option ?? null;
    this.#field.setAttribute("aria-activedescendant", option?.id ?? "");
    option?.classList.add("models__option--active");
    option?.scrollIntoView({ block: "nearest" });
    const model = this.#options.modelOf(option);
    const verb = model?.group === FAVOURITES ? "Remove from favourites" : "Add to favourites";
    this.#favourite.hidden = !model?.provider; // in a short list
    this.#favourite.textContent = verb;
    this.#favourite.setAttribute("aria-label", `${verb}: ${model?.label}`);
  }

  /** Add the option's model to the favourites or remove it, and show it in its new group. */
  async #toggle(option) {
    const model = this.#options.modelOf(option);
    try {
      await toggleFavourite(model);
    } catch (error) {
      this.#note(error.message);
      return;
    }
    this.#options.draw(this.#selected, this.#canBeNone);
    this.#filter();
    this.#activate(this.#options.find(model.name));
  }

  /** @param {HTMLElement} target */
  #onClick(target) {
    const option = target.closest("[role=option]");
    if (target.matches(".models__star")) this.#toggle(option);
    else this.#select(option);
  }

  #onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) this.#move(step);
    else if (event.key === "Enter") this.#select(this.#active);
    else return;
    event.preventDefault();
  }

  /** By one step it goes around, by several it stays at the end. */
  #move(step) {
    const visible = this.#options.visible;
    const index = visible.indexOf(this.#active) + step;
    const isSingle = Math.abs(step) === 1;
    this.#activate(visible.at(isSingle ? index % visible.length : Math.min(Math.max(index, 0), visible.length - 1)));
  }

  #select(option) {
    if (!option) return;
    this.#popover.hidePopover(); // the focus returns to where it was
    this.#onSelect(option.dataset.name);
  }
}
