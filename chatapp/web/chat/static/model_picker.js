/* Which model writes the next answer, and which one another version of an answer. Both open the page's one list, whose
models are those of the composer's select: forms use that, and without a script people do. */

import { ModelList } from "./model_list.js";

export function enableModelPicker() {
  /** @type {HTMLSelectElement} */
  const select = document.querySelector("[data-models]");
  if (!select) return;
  let list = null; // made when it is first needed
  const open = (options) => {
    list ??= new ModelList([...select.options].map(({ value, text }) => ({ name: value, label: text })));
    list.open(options);
  };
  replaceSelect(select, open);
  document.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest("[data-other-model]");
    if (!(link instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const onSelect = (model) => submit(link.dataset.otherModel, model);
    open({ label: "Another answer by", onSelect });
  });
}

/** Show a button that opens the list in place of the select, which stays what the form posts. */
function replaceSelect(select, open) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = select.className;
  button.setAttribute("aria-haspopup", "dialog");
  const show = () => {
    const label = select.selectedOptions[0]?.text ?? "";
    button.textContent = label;
    button.setAttribute("aria-label", `Model: ${label}`);
  };
  const onSelect = (model) => {
    select.value = model;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  button.addEventListener("click", () =>
    open({ label: "Model for the next answer", selected: select.value, onSelect }),
  );
  select.addEventListener("change", show);
  addEventListener("pageshow", show); // by then the browser has restored what was chosen before a reload
  show();
  select.hidden = true;
  select.after(button);
}

/** Submit the page's form of actions, as a button of the answer would. */
function submit(url, model) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("act"));
  const button = document.createElement("button");
  button.name = "model";
  button.value = model;
  button.setAttribute("formaction", url);
  form.append(button);
  form.requestSubmit(button);
  button.remove();
}
