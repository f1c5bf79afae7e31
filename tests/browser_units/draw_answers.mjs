/* Draws answers as a page does while they arrive: reads [[text, characters at a time], …] from standard input, as JSON,
and writes the elements of each as JSON. */

import { text } from "node:stream/consumers";

import { loadGrammar } from "../../deploy/browser/static/chat/markdown_grammar.js";
import { MarkdownWriter } from "../../deploy/browser/static/chat/markdown_writer.js";
import { installDocument } from "./dom.mjs";

const document = installDocument();
await loadGrammar();

function draw([answer, size]) {
  const element = document.createElement("div");
  const writer = new MarkdownWriter(element);
  for (let at = 0; at < answer.length; at += size) writer.write(answer.slice(at, at + size));
  writer.finish();
  return element.innerHTML;
}

console.log(JSON.stringify(JSON.parse(await text(process.stdin)).map(draw)));
