/* Marks that are open at the end of a text that is still arriving are closed. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { completed } from "../../deploy/browser/static/chat/completed_text.js";

const CASES = [
  ["plain", "plain"],
  ["a **bold", "a **bold**"],
  ["a **bold*", "a **bold**"],
  ["a **bold** word", "a **bold** word"],
  ["a **", "a "],
  ["**", "**"],
  ["*soft and **both", "*soft and **both***"],
  ["~~old _soft", "~~old _soft_~~"],
  ["my_config_file and 2*3 = 6, 5 * 3", "my_config_file and 2*3 = 6, 5 * 3"],
  ["`code **x", "`code **x`"],
  ["`a` ``b c", "`a` ``b c``"],
  ["`a` `", "`a` "],
  ["$a_1 * b$ \\*x `**` **y", "$a_1 * b$ \\*x `**` **y**"],
  ["see [a link](https://exam", "see [a link]()"],
  ["see [a link](https://example.org/) and", "see [a link](https://example.org/) and"],
  ["**[a link](http", "**[a link]()**"],
];

for (const [text, expected] of CASES) test(text, () => assert.equal(completed(text), expected));
