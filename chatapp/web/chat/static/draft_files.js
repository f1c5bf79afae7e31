/* Files that were chosen for a message and not sent yet, kept in this browser beside the draft of their chat. */

import { altTexts } from "./file_chips.js";

const [DATABASE, STORE] = ["drafts", "files"];

/** Do `work` on the store. Storage may be full or forbidden; then nothing is kept, and the result is null.
 * @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest} work @returns {Promise<any>} */
async function inStore(mode, work) {
  try {
    const database = await openDatabase();
    const transaction = database.transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    database.close(); // when the transaction has ended: an open one keeps a page out of the back/forward cache
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = reject;
    });
  } catch {
    return null;
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = reject;
  });
}

let saved = Promise.resolve(); // one after another: an earlier choice may take longer to read than a later one

/** Their bytes are kept, not the files: Firefox never sends a file that was kept, and WebKit keeps none in a private window.
 * @param {string} key names the user and the chat @param {File[]} files */
export function saveFiles(key, files) {
  saved = saved.then(async () => {
    const kept = await Promise.all(files.map(readFile)).catch(() => []); // a file may have gone from the disk
    await inStore("readwrite", (store) => (kept.length ? store.put(kept, key) : store.delete(key)));
  });
  return saved;
}

/** @param {File} file */
async function readFile(file) {
  return { name: file.name, type: file.type, alt: altTexts.get(file) ?? "", bytes: await file.arrayBuffer() };
}

/** @param {string} key @returns {Promise<File[]>} */
export async function loadFiles(key) {
  const kept = (await inStore("readonly", (store) => store.get(key))) ?? [];
  return kept.map(({ name, type, alt, bytes }) => {
    const file = new File([bytes], name, { type });
    if (alt) altTexts.set(file, alt);
    return file;
  });
}

/** The texts that the server has kept in the form, which become chosen files. Stored files stay there.
 * @param {HTMLElement} list */
export function takeKeptFiles(list) {
  const items = [...list.querySelectorAll("li")].filter((item) => item.querySelector("textarea"));
  const files = items.map((item) => {
    const [name, type] = [...item.querySelectorAll("input[type=hidden]")].map((input) => input.getAttribute("value"));
    item.remove();
    return new File([item.querySelector("textarea").value], name, { type });
  });
  if (!list.children.length) list.remove();
  return files;
}
