/* The Markdown of answers: markdown-it with the same rules and options as the server's (runs/rendering/grammar.py). A test
compares the two. It is loaded when it is first needed: most pages show only what the server has rendered. */

import { addBlockRules } from "./block_rules.js";
import { addInlineRules } from "./inline_rules.js";
import { guardBlocks, MAX_DEPTH } from "./drawing_limits.js";

/** @import { MarkdownIt } from "../vendor/markdown-it/dist/browser/markdown-it.esm.min.mjs" */

/** @type {MarkdownIt | null} */
export let grammar = null; // null until it is loaded
let loading = null;

/** Resolves when `grammar` is loaded, or cannot be: then answers are shown as plain text while they are written. */
export function loadGrammar() {
  loading ??= import("../vendor/markdown-it/dist/browser/markdown-it.esm.min.mjs").then(
    (library) => (grammar = createGrammar(library.default)),
    (error) => {
      loading = null; // the next answer tries again: this one's network was away, or the page was left, and came back
      console.warn("Markdown could not be loaded", error);
    },
  );
  return loading;
}

/** @returns {MarkdownIt} */
function createGrammar(Library) {
  const options = { html: false, linkify: false, breaks: true, maxNesting: MAX_DEPTH };
  const parser = new Library("commonmark", options).enable(["table", "strikethrough"]).disable("image");
  parser.validateLink = () => true; // whether a link leads anywhere is decided where it is drawn
  addBlockRules(parser);
  addInlineRules(parser);
  parser.block.ruler.before("table", "guard", guardBlocks, { alt: ["paragraph", "reference", "blockquote", "list"] });
  return parser;
}
