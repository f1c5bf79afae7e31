/* Colours code as a page does: reads [[code, language, characters at a time], …] from standard input, as JSON, and writes
the HTML of each as JSON. */

import { text } from "node:stream/consumers";

import { CodeText, MAX_COLOURED } from "../../deploy/browser/static/chat/code_text.js";
import { loadLexerOf } from "../../deploy/browser/static/chat/lexer.js";
import { installDocument } from "./dom.mjs";

const document = installDocument();

async function colour([code, language, size]) {
  const element = document.createElement("code");
  await loadLexerOf(language);
  const box = new CodeText(element, language, { characters: MAX_COLOURED });
  await new Promise(setImmediate); // the lexer is there by now
  for (let at = 0; at < code.length; at += size) box.append(code.slice(at, at + size));
  return element.innerHTML;
}

const results = [];
for (const each of JSON.parse(await text(process.stdin))) results.push(await colour(each));
console.log(JSON.stringify(results));
