/* A document without a browser or layout (linkedom), for modules that build elements. */

import { createRequire } from "node:module";

const { parseHTML } = createRequire(new URL("../../deploy/browser/package.json", import.meta.url))("linkedom");

/** Make a document with this body and install its globals. */
export function installDocument(body = "") {
  const { document, Node, Event, window } = parseHTML(`<!doctype html><html><body>${body}</body></html>`);
  Object.assign(globalThis, { document, Node, Event, window });
  return document;
}
