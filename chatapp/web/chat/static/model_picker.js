/* Where a page lets one choose a model: the select of the message field, the fields of a comparison, and the links for
another version of an answer. All open the page's one list; forms use the select or the fields, and so do people without
a script. */

import { modelsOf } from "./model_data.js";
import { ModelList } from "./model_list.js";

let list = null; // made when it is first needed; chats that are shown one after the other share it
let listed = "";

/** @param {HTMLElement} main the chat, the form that starts one, or that of a comparison @param {AbortSignal} signal */
export function enableModelPicker(main, signal) {
  /** @type {HTMLSelectElement | HTMLDataListElement} */
  const source = main.querySelector("select[data-models], datalist#models");
  if (!source) return;
  const open = (options) => {
    if (listed !== source.innerHTML) list = null; // a model has been added
    list ??= new ModelList(modelsOf(source));
    listed = source.innerHTML;
    list.open(options);
  };
  if (source instanceof HTMLSelectElement) replaceSelect(source, open, signal);
  else for (const field of main.querySelectorAll("[data-model-field]")) replaceField(field, source, open, signal);
  main.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest("[data-other-model]");
    if (!(link instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const onSelect = (model) => submit(link.dataset.otherModel, model);
    open({ label: "Another answer from", onSelect });
  });
}

/** Show a button that opens the list in place of the select, which stays what the form posts. */
function replaceSelect(select, open, signal) {
  const button = pickerButton(select.className);
  const show = () => {
    const option = select.selectedOptions[0];
    const label = option?.text ?? "";
    button.textContent = label;
    button.setAttribute("aria-label", `Model: ${label}`);
    const effort = /** @type {HTMLElement | null} */ (document.querySelector("#tuning .field--reasoning_effort"));
    if (effort) effort.hidden = !("reasoning" in (option?.dataset ?? {}));
  };
  const onSelect = (model) => {
    select.value = model;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  button.addEventListener("click", () =>
    open({ label: "Model for the next answer", selected: select.value, onSelect }),
  );
  select.addEventListener("change", show);
  addEventListener("pageshow", show, { signal }); // by then the browser has restored what was chosen before a reload
  show();
  select.hidden = true;
  select.after(button);
}

/** The same for a text field that takes the name of a model, or none. */
function replaceField(field, datalist, open, signal) {
  const button = pickerButton("picker picker--field");
  const title = document.querySelector(`label[for="${field.id}"]`);
  const show = () => {
    const option = [...datalist.options].find(({ value }) => value === field.value);
    button.textContent = option?.label || field.value || "None";
    button.setAttribute("aria-label", `${title.textContent}: ${button.textContent}`);
  };
  const onSelect = (model) => {
    field.value = model;
    show();
  };
  const label = title.textContent;
  button.addEventListener("click", () => open({ label, selected: field.value, onSelect, canBeNone: true }));
  for (const name of ["aria-invalid", "aria-describedby"]) {
    if (field.hasAttribute(name)) button.setAttribute(name, field.getAttribute(name));
  }
  addEventListener("pageshow", show, { signal });
  button.id = field.id; // the label's, and the link's from an error
  field.removeAttribute("id");
  field.hidden = true;
  show();
  field.after(button);
}

function pickerButton(className) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.setAttribute("aria-haspopup", "dialog");
  return button;
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
