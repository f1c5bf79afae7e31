/* Prints the pixels of each image on standard input: JSON, a list of base64. */

import { readFileSync } from "node:fs";

const { pixelsOf } = await import(new URL("../../chatapp/web/chat/static/image_size.js", import.meta.url));
const sizes = JSON.parse(readFileSync(0, "utf8")).map((content) =>
  pixelsOf(new Blob([Buffer.from(content, "base64")])),
);
console.log(JSON.stringify(await Promise.all(sizes)));
