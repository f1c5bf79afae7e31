/* The chip of an attached file: name, size, progress, a button that removes it; of an image also a picture and what it
shows. It brings the fields by which the form names the stored file. */

import { isImage } from "./file_limits.js";
import { formatSize } from "./file_size.js";
/** @import { Upload } from "./uploads.js" */

const PREVIEW_SIDE = 64; // px
const ALT_CHARACTERS = 500; // as in the database

let number = 1_000; // of a file's fields: those that the server has kept begin at 0

/** What its sender wrote about an image, also in a draft. @type {WeakMap<File, string>} */
export const altTexts = new WeakMap();

/** Returns the chip, and a function that shows the state of the upload.
 * @param {File} file
 * @param {{ onRemove: () => void, onRetry: () => void, onAltText: () => void, onInsert?: () => void }} acts */
export function chipFor(file, { onRemove, onRetry, onAltText, onInsert }) {
  const chip = document.createElement("li");
  chip.className = "chip";
  if (isImage(file)) chip.append(previewOf(file));
  chip.append(`${file.name} · ${formatSize(file.size)}`);
  number += 1;
  if (isImage(file)) chip.append(altFieldFor(file, number, onAltText));
  if (onInsert) chip.append(button("chip__act", "Put into message", `Put ${file.name} into the message`, onInsert));
  const progress = document.createElement("progress");
  progress.className = "chip__progress";
  progress.setAttribute("aria-label", `Uploading ${file.name}`);
  const retry = button("chip__act", "Retry", `Retry ${file.name}`, onRetry);
  chip.append(progress, button("chip__remove", "×", `Remove ${file.name}`, onRemove));
  const fields = fieldsFor(file, number);

  /** @param {Upload} upload */
  function showUpload({ state, progress: value, id }) {
    progress.hidden = state === "stored" || state === "failed";
    progress.value = value;
    if (state === "failed") progress.after(retry);
    else retry.remove();
    chip.classList.toggle("chip--failed", state === "failed");
    if (state !== "stored") return;
    fields.at(-1).value = id;
    chip.append(...fields);
  }

  return { chip, showUpload };
}

function button(className, text, label, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = className;
  element.ariaLabel = label;
  element.textContent = text;
  element.addEventListener("click", onClick);
  return element;
}

/** As in templates/chat/kept_file.html. @param {File} file @param {number} number */
function fieldsFor(file, number) {
  const values = { kept: number, [`kept_name_${number}`]: file.name, [`kept_type_${number}`]: file.type };
  return Object.entries({ ...values, [`kept_file_${number}`]: "" }).map(([name, value]) => {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = String(value);
    return field;
  });
}

function altFieldFor(file, number, onAltText) {
  const field = document.createElement("input");
  field.name = `kept_alt_${number}`;
  field.className = "chip__alt";
  field.maxLength = ALT_CHARACTERS;
  field.ariaLabel = `Description of ${file.name}`;
  field.placeholder = "Describe the image";
  field.value = altTexts.get(file) ?? "";
  field.addEventListener("change", () => {
    altTexts.set(file, field.value);
    onAltText();
  });
  return field;
}

/** Drawn, not loaded from an address: the page allows none that the script makes. */
function previewOf(file) {
  const canvas = document.createElement("canvas");
  canvas.className = "chip__preview";
  [canvas.width, canvas.height] = [PREVIEW_SIDE, PREVIEW_SIDE];
  canvas.setAttribute("aria-hidden", "true");
  createImageBitmap(file, { resizeHeight: PREVIEW_SIDE, resizeQuality: "medium" })
    .then((bitmap) => {
      canvas.width = Math.min(bitmap.width, 2 * PREVIEW_SIDE);
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
    })
    .catch(() => canvas.remove()); // damaged: the server says so
  return canvas;
}
