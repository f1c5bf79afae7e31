/* A long text that is pasted becomes a file; its chip puts it into the message after all. */

const LONG = 5_000; // characters: about two pages
export const PASTED_NAME = "pasted.txt";

/** Files that were pasted as text. @type {WeakMap<File, string>} */
const texts = new WeakMap();

/** A file with the pasted text, or null if it is not long. @param {DataTransfer | null} clipboard */
export function fileOfPastedText(clipboard) {
  const text = clipboard?.getData("text/plain") ?? "";
  if (text.length < LONG) return null;
  const file = new File([text], PASTED_NAME, { type: "text/plain" });
  texts.set(file, text);
  return file;
}

/** The text that a file was pasted as; nothing for other files. @param {File} file */
export const pastedTextOf = (file) => texts.get(file);

/** Put a text where the cursor is. @param {HTMLTextAreaElement} field @param {string} text */
export function insertText(field, text) {
  field.focus();
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
