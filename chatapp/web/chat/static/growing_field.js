/* A text field as high as its text, in browsers whose style sheets cannot do that. */

import { stickToBottom } from "./stick_to_bottom.js";

const growsByItself = CSS.supports("field-sizing", "content");

/** Returns a function to call when the text has changed.
 * @param {HTMLTextAreaElement} field */
export function growing(field) {
  return () => {
    if (growsByItself) return;
    stickToBottom(() => {
      field.style.height = "auto";
      field.style.height = `${field.scrollHeight}px`;
    });
  };
}
