/* Files that were chosen for a message and not sent yet, kept in this browser beside the draft of their chat. */

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

/** @param {string} key names the user and the chat @param {File[]} files */
export function saveFiles(key, files) {
  return inStore("readwrite", (store) => (files.length ? store.put(files, key) : store.delete(key)));
}

/** @param {string} key @returns {Promise<File[]>} */
export async function loadFiles(key) {
  return (await inStore("readonly", (store) => store.get(key))) ?? [];
}
