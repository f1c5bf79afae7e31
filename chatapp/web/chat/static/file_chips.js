/* The chips of attached files: name, size, a button that removes it; of an image also a picture and what it shows. */

import { isImage } from "./file_limits.js";
import { formatSize } from "./file_size.js";

const PREVIEW_SIDE = 64; // px
const ALT_CHARACTERS = 500; // as in the database

/** What its sender wrote about an image, also in a draft. @type {WeakMap<File, string>} */
export const altTexts = new WeakMap();

/** @param {File} file @param {() => void} onRemove @param {() => void} onAltText */
export function chipFor(file, onRemove, onAltText) {
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "chip__remove";
  remove.ariaLabel = `Remove ${file.name}`;
  remove.textContent = "×";
  remove.addEventListener("click", onRemove);
  const chip = document.createElement("li");
  chip.className = "chip";
  chip.append(`${file.name} · ${formatSize(file.size)}`, remove);
  if (isImage(file)) {
    chip.prepend(previewOf(file));
    remove.before(altFieldFor(file, onAltText));
  }
  return chip;
}

function altFieldFor(file, onAltText) {
  const field = document.createElement("input");
  field.name = "alt";
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
