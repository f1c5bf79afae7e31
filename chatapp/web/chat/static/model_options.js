/* The options of the list of models, in groups with a heading, and which of them a search leaves in view. */

import { FAVOURITES } from "./model_data.js";

/** @import { ModelOption } from "./model_data.js" */

/** @type {ModelOption} */
const NONE = { name: "", label: "None", group: "", provider: "" };

/** In lower case and without accents. @param {string} text */
const normalized = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export class ModelOptions {
  #list;
  #models;
  /** @type {HTMLElement[]} */
  #options = [];

  /** @param {HTMLElement} list @param {ModelOption[]} models */
  constructor(list, models) {
    this.#list = list;
    this.#models = models;
  }

  /** Favourites come first, the others in the order of the page. `selected`: the name of the present one; `canBeNone`:
   * so is nothing at all. @param {string} selected @param {boolean} canBeNone */
  draw(selected, canBeNone) {
    /** @type {Map<string, ModelOption[]>} */
    const groups = new Map();
    groups.set("", canBeNone ? [NONE] : []);
    groups.set(FAVOURITES, []);
    for (const model of this.#models) groups.set(model.group, [...(groups.get(model.group) ?? []), model]);
    const hasProviders = new Set(this.#models.map(({ provider }) => provider)).size > 1;
    this.#options = [];
    this.#list.replaceChildren();
    for (const [heading, members] of groups) {
      if (!members.length) continue;
      const options = members.map((model, index) =>
        optionOf(model, this.#options.length + index, hasProviders && model.provider !== heading),
      );
      this.#options.push(...options);
      this.#list.append(...(heading ? [groupOf(heading, options)] : options));
    }
    for (const option of this.#options) option.setAttribute("aria-selected", String(option.dataset.name === selected));
  }

  /** Leave in view what has all the words. @param {string} text */
  filter(text) {
    const words = normalized(text).split(/\s+/);
    for (const option of this.#options) option.hidden = !words.every((word) => option.dataset.search.includes(word));
    for (const group of this.#list.querySelectorAll("[role=group]")) {
      group.toggleAttribute("hidden", !group.querySelector("[role=option]:not([hidden])"));
    }
  }

  get visible() {
    return this.#options.filter((option) => !option.hidden);
  }

  /** @param {string} name */
  find(name) {
    return this.#options.find(({ dataset }) => dataset.name === name);
  }

  /** @param {HTMLElement} [option] */
  modelOf(option) {
    return this.#models.find(({ name }) => name === option?.dataset.name);
  }
}

/** @param {ModelOption} model @param {number} index @param {boolean} hasProvider whether the provider is displayed */
function optionOf(model, index, hasProvider) {
  const option = elementOf("models__option", model.label);
  option.id = `model-${index}`;
  option.setAttribute("role", "option");
  option.dataset.name = model.name;
  option.dataset.search = normalized(`${model.label} ${model.name} ${model.provider}`);
  if (hasProvider) option.append(elementOf("models__provider", model.provider));
  if (model.provider) option.append(elementOf("models__star", ""));
  return option;
}

/** @param {string} heading @param {HTMLElement[]} options */
function groupOf(heading, options) {
  const group = elementOf("models__group", "");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", heading);
  const title = elementOf("models__heading", heading);
  title.setAttribute("aria-hidden", "true");
  group.append(title, ...options);
  return group;
}

/** @param {string} className @param {string} text */
function elementOf(className, text) {
  const element = document.createElement("div");
  element.className = className;
  element.textContent = text;
  return element;
}
