/* The boxes of a server's models: search while typing, select all that are in view or none of them, and count. */

const normalized = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

class ModelChoice {
  #form;
  #rows;

  constructor(form) {
    this.#form = form;
    this.#rows = [...form.querySelectorAll(".choose__model")].map((element) => ({
      element,
      box: element.querySelector("input"),
      text: normalized(element.textContent),
    }));
    const search = form.querySelector("[data-search]");
    search.hidden = false;
    search.querySelector("input").addEventListener("input", (event) => this.#filter(event.target.value));
    search
      .querySelector("input")
      .addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    for (const button of form.querySelectorAll("[name=select]")) {
      button.addEventListener("click", (event) => this.#select(event, button.value === "all"));
    }
    form.addEventListener("change", () => this.#count());
    this.#count();
  }

  #filter(text) {
    const words = normalized(text).split(/\s+/);
    for (const row of this.#rows) row.element.hidden = !words.every((word) => row.text.includes(word));
    this.#count();
  }

  #select(event, isChecked) {
    event.preventDefault();
    for (const row of this.#rows) if (!row.element.hidden) row.box.checked = isChecked;
    this.#count();
  }

  #count() {
    const visible = this.#rows.filter((row) => !row.element.hidden).length;
    const chosen = this.#rows.filter((row) => row.box.checked).length;
    const shown = visible < this.#rows.length ? `, ${visible} shown` : "";
    this.#form.querySelector("[data-count]").textContent = `${chosen} of ${this.#rows.length} chosen${shown}`;
  }
}

const form = document.querySelector("[data-model-choice]:has(.choose__model)");
if (form) new ModelChoice(form);
