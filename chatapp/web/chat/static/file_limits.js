/* What can be sent, checked before anything is: the server's limits are in the form's data attributes. */

import { formatSize } from "./file_size.js";
import { pixelsOf } from "./image_size.js";

const IMAGES = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);

/** @param {File} file */
export const isImage = (file) => IMAGES.has(file.type);

/** Why a file cannot be sent, whatever else is; empty if it can. @param {File} file @param {number} mostBytes */
function faultOf(file, mostBytes) {
  if (file.type.startsWith("image/") && !isImage(file) && file.type !== "image/svg+xml") {
    return `${file.name}: images of this kind can't be read. Save it as PNG, JPEG or WebP.`;
  }
  if (isImage(file) && file.size === 0) return `${file.name} is empty.`;
  if (file.size <= mostBytes) return "";
  return `${file.name} is too large (${formatSize(file.size)}). The limit is ${formatSize(mostBytes)}.`;
}

/** Of `added`, those that can go with the `present` files; and why the first of the others cannot, or nothing.
 * @param {File[]} added @param {File[]} present @param {DOMStringMap} limits */
export function withinLimits(added, present, { maxFiles, maxFileBytes, maxBytes }) {
  /** @type {File[]} */
  const taken = [];
  let fault = "";
  for (const file of added) {
    const all = [...present, ...taken, file];
    const total = all.reduce((sum, { size }) => sum + size, 0);
    let reason = faultOf(file, Number(maxFileBytes));
    if (!reason && all.length > Number(maxFiles)) reason = `You can attach at most ${maxFiles} files to a message.`;
    if (!reason && total > Number(maxBytes)) reason = `Together, the files exceed ${formatSize(Number(maxBytes))}.`;
    if (reason) fault ||= reason;
    else taken.push(file);
  }
  return { taken, fault };
}

/** Why an image cannot be sent for its number of pixels; nothing if it can. @param {File} file @param {DOMStringMap} limits */
export async function pixelFaultOf(file, { maxPixels }) {
  const pixels = isImage(file) ? await pixelsOf(file).catch(() => 0) : 0;
  if (pixels <= Number(maxPixels)) return "";
  return `${file.name} has too many pixels (${megapixels(pixels)}). The limit is ${megapixels(Number(maxPixels))}.`;
}

/** @param {number} pixels */
const megapixels = (pixels) => `${Math.ceil(pixels / 1_000_000)} megapixels`;
