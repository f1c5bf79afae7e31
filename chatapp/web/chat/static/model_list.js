/* A searchable list of models in a popover: a combobox whose listbox is always open. */

const HTML = `
  <label class="models__label" for="models-field"></label>
  <input id="models-field" class="models__field" role="combobox" aria-expanded="true" aria-autocomplete="list"
    aria-controls="models-options" placeholder="Search models" autocomplete="off" spellcheck="false" autofocus>
  <ul id="models-options" class="models__options" role="listbox" aria-label="Models"></ul>
  <p class="models__note" role="status"></p>`;

/** In lower case and without accents. */
const normalized = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export class ModelList {
  #popover = document.createElement("div");
  #options;
  #active = null; // the option that Enter selects
  #onSelect;

  /** @param {{name: string, label: string}[]} models */
  constructor(models) {
    this.#popover.className = "menu models";
    this.#popover.popover = "auto"; // closed by Esc or a click elsewhere
    this.#popover.setAttribute("role", "dialog");
    this.#popover.innerHTML = HTML;
    document.body.append(this.#popover);
    this.#options = models.map(optionOf);
    this.#list.append(...this.#options);
    this.#field.addEventListener("input", () => this.#filter());
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the field
    this.#list.addEventListener("click", (event) => this.#select(optionAround(event.target)));
  }

  /** Show the list. `label` says what is chosen; `selected` is the name of the present one, if any.
   * @param {{label: string, selected?: string, onSelect: (name: string) => void}} options */
  open({ label, selected, onSelect }) {
    this.#onSelect = onSelect;
    this.#popover.setAttribute("aria-label", label);
    this.#popover.querySelector("label").textContent = label;
    for (const option of this.#options) {
      option.setAttribute("aria-selected", String(option.dataset.name === selected));
    }
    this.#field.value = "";
    this.#popover.showPopover();
    this.#filter();
  }

  get #field() {
    return this.#popover.querySelector("input");
  }

  get #list() {
    return this.#popover.querySelector("ul");
  }

  get #visible() {
    return this.#options.filter((option) => !option.hidden);
  }

  #filter() {
    const words = normalized(this.#field.value).split(/\s+/);
    for (const option of this.#options) option.hidden = !words.every((word) => option.dataset.search.includes(word));
    const visible = this.#visible;
    const count = `${visible.length} model${visible.length === 1 ? "" : "s"}`;
    this.#popover.querySelector("p").textContent = visible.length ? count : "No model matches.";
    this.#activate(visible.find((option) => option.getAttribute("aria-selected") === "true") ?? visible[0]);
  }

  #activate(option) {
    this.#active?.classList.remove("models__option--active");
    this.#active = option ?? null;
    this.#field.setAttribute("aria-activedescendant", option?.id ?? "");
    option?.classList.add("models__option--active");
    option?.scrollIntoView({ block: "nearest" });
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
    const visible = this.#visible;
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

function optionOf({ name, label }, index) {
  const option = document.createElement("li");
  option.id = `model-${index}`;
  option.className = "models__option";
  option.setAttribute("role", "option");
  option.dataset.name = name;
  option.dataset.search = `${normalized(label)} ${normalized(name)}`;
  option.textContent = label;
  return option;
}

/** @returns {HTMLElement | null} */
function optionAround(target) {
  return target.closest("[role=option]");
}
