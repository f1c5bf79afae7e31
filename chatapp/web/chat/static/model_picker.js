/* Which model writes the next answer, and which one another version of an answer. Both open the page's one list, whose
models are those of the composer's select: forms use that, and without a script people do. */

import { ModelList } from "./model_list.js";

let list = null; // made when it is first needed; chats that are shown one after the other share it
let listed = "";

/** @param {HTMLElement} main the chat, or the form that starts one @param {AbortSignal} signal */
export function enableModelPicker(main, signal) {
  /** @type {HTMLSelectElement} */
  const select = main.querySelector("[data-models]");
  if (!select) return;
  const open = (options) => {
    if (listed !== select.innerHTML) list = null; // a model has been added
    list ??= new ModelList([...select.options].map(({ value, text }) => ({ name: value, label: text })));
    listed = select.innerHTML;
    list.open(options);
  };
  replaceSelect(select, open, signal);
  main.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest("[data-other-model]");
    if (!(link instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const onSelect = (model) => submit(link.dataset.otherModel, model);
    open({ label: "Another answer by", onSelect });
  });
}

/** Show a button that opens the list in place of the select, which stays what the form posts. */
function replaceSelect(select, open, signal) {
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
  addEventListener("pageshow", show, { signal }); // by then the browser has restored what was chosen before a reload
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
