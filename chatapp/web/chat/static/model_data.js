/* The models that a page's options name, in their groups, and the user's favourites among them. */

import { post } from "../shell/requests.js";

export const FAVOURITES = "Favourites";

/** @typedef {{name: string, label: string, group: string, provider: string}} ModelOption
 * `group` is its heading: favourites, recently used, or the provider; empty in a short list. */

/** @param {HTMLSelectElement | HTMLDataListElement} element @returns {ModelOption[]} */
export function modelsOf(element) {
  return [...element.options].map(({ value, label, text, dataset }) => ({
    name: value,
    label: label || text,
    group: dataset.group ?? "",
    provider: dataset.provider ?? "",
  }));
}

/** Add a model to the user's favourites, or remove it. @param {ModelOption} model */
export async function toggleFavourite(model) {
  const isFavourite = model.group === FAVOURITES;
  const fields = new FormData();
  fields.set("model", model.name);
  if (isFavourite) fields.set("off", "1");
  await post("/models/favourite", fields);
  model.group = isFavourite ? model.provider : FAVOURITES;
}
