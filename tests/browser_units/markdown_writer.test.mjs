/* Markdown drawn while it arrives: the same however it is cut, safe, and within limits. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { grammar, loadGrammar } from "../../deploy/browser/static/chat/markdown_grammar.js";
import { MarkdownWriter } from "../../deploy/browser/static/chat/markdown_writer.js";
import { installDocument } from "./dom.mjs";

let document;

await loadGrammar();

beforeEach((context) => {
  document = installDocument();
  context.mock.method(console, "warn", () => {});
});

function draw(text, size = text.length) {
  const element = document.createElement("div");
  const writer = new MarkdownWriter(element);
  for (let at = 0; at < text.length; at += size) writer.write(text.slice(at, at + size));
  writer.finish();
  return element;
}

const RICH = `# Heading

Some **bold**, *soft* and ~~old~~ words, \`code\`, a [link](https://example.org/) and 👩‍👩‍👧‍👦.

- one
  - two
1. three

\`\`\`python
x = "<b>" # 1
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

> quoted

$$
x^2
$$
.
`;

for (const size of [1, 2, 7, 50]) {
  test(`the elements are the same when ${size} characters arrive at a time`, () => {
    assert.equal(draw(RICH, size).innerHTML, draw(RICH).innerHTML);
  });
}

test("blocks are built as the server builds them", () => {
  const element = draw(RICH);
  assert.equal(element.querySelector("h1").textContent, "Heading");
  assert.equal(element.querySelector(".code > .code__bar > span").textContent, "python");
  assert.equal(element.querySelector(".code > pre > code").textContent, 'x = "<b>" # 1\n');
  assert.equal(element.querySelectorAll(".table > table td").length, 2);
  assert.equal(element.querySelector(".math").textContent.replace(/\s/g, ""), "$$x^2$$");
});

test("HTML of a model is text", () => {
  const element = draw('Look: <img src=x onerror="alert(1)"> <script>alert(1)</script> .');
  assert.equal(element.querySelectorAll("img, script").length, 0);
  assert.match(element.textContent, /<script>alert\(1\)<\/script>/);
});

test("links lead to other sites or nowhere", () => {
  const hrefOf = (url) => draw(`[a](${url}) .`).querySelector("a")?.getAttribute("href") ?? null;
  for (const url of ["https://example.org/a", "http://example.org/", "mailto:a@example.org"])
    assert.equal(hrefOf(url), url);
  for (const url of [
    "javascript:alert(1)",
    "JaVaScript:alert(1)",
    "data:text/html,x",
    "/settings",
    "//example.org/",
    "https:/settings",
    "https:///x",
  ])
    assert.equal(hrefOf(url), null, url);
});

test("images do not load: they are links", () => {
  const element = draw("![a](https://example.org/a.png) .");
  assert.equal(element.querySelector("img"), null);
  assert.equal(element.querySelector("a").getAttribute("href"), "https://example.org/a.png");
  assert.equal(element.querySelector("a").rel, "noopener noreferrer nofollow");
});

test("characters that turn the direction of text are replaced", () => {
  assert.equal(draw("a\u202eb\u2066c .").textContent.includes("\u202e"), false);
  assert.match(draw("a\u202eb .").textContent, /a\ufffdb/);
});

function depthOf(element) {
  let depth = 0;
  for (let level = [element]; level.length; depth += 1) level = level.flatMap((node) => [...node.children]);
  return depth - 1;
}

test("blocks go 40 deep; from there the text is shown as it is, and none is lost", () => {
  const text = `# Top\n\n${"> ".repeat(300)}deep\n\n*end* .`;
  const element = draw(text);
  assert.ok(depthOf(element) <= 42, `${depthOf(element)} levels`);
  assert.equal(element.querySelector("h1").textContent, "Top");
  const rest = element.querySelector(":scope > .prose--plain");
  assert.match(rest.textContent, /> deep\n\n\*end\* \.$/);
  assert.equal(rest.textContent.match(/>/g).length + element.querySelectorAll("blockquote").length, 300);
});

test("an answer has at most 7,000 elements, a table 2,000 cells, a paragraph 1,000 marks", () => {
  assert.ok(draw("# a\n\n".repeat(8_000)).querySelectorAll("*").length <= 7_002);
  assert.ok(draw(`|a|\n|-|\n${"|1|\n".repeat(2_500)}`).querySelectorAll("td, th").length <= 2_000);
  assert.ok(draw("**a** ".repeat(1_500)).querySelectorAll("strong").length <= 1_000);
});

test("a new paragraph, and a new table, count anew", () => {
  const marks = draw(`${"**a** ".repeat(900)}\n\n${"**a** ".repeat(900)}\n\n.`);
  assert.equal(marks.querySelectorAll("strong").length, 1_800);
  assert.equal(marks.querySelector(".prose--plain"), null);
  const table = `|a|b|c|d|\n|-|-|-|-|\n${"|1|2|3|4|\n".repeat(350)}\n`;
  assert.equal(draw(`${table}\n${table}\n.`).querySelectorAll("td, th").length, 2 * 4 * 351);
});

test("a long paragraph ends in plain text; in a code box text may be long", () => {
  assert.ok(draw("word ".repeat(3_000)).querySelector(".prose--plain"));
  assert.ok(draw("a\u0300".repeat(2_100)).querySelector(".prose--plain"), "an accent weighs four letters");
  assert.equal(draw(`\`\`\`\n${"word ".repeat(10_000)}\n\`\`\`\n.`).querySelector(".prose--plain"), null);
});

test("what a parser that fails had read is shown, and the reason is told", () => {
  const element = document.createElement("div");
  const writer = new MarkdownWriter(element);
  writer.write("Before ");
  document.createElement = ((create) => (name) => {
    if (name === "strong") throw new Error("broken");
    return create.call(document, name);
  })(document.createElement);
  writer.write("**after** .");
  assert.equal(element.textContent.replace(/\s+/g, " "), "Before **after** .");
  assert.equal(console.warn.mock.callCount(), 1);
});

test("nothing is lost of a link or a mark that is open where the drawing ends", () => {
  const link = `[a](https://example.org/${"x".repeat(30_000)}`;
  const element = draw(`${"word ".repeat(100)}${link}`, 100);
  assert.equal(element.textContent.replaceAll("\n", ""), `${"word ".repeat(100)}${link}`);
});

test("what is being written is bold, code or a link before its marks are closed", () => {
  const element = document.createElement("div");
  const writer = new MarkdownWriter(element);
  writer.write("- one\n- **two");
  assert.equal(element.querySelector("strong").textContent, "two");
  writer.write("** and [three](https://exa");
  assert.equal(element.querySelector("a").textContent, "three");
  assert.equal(element.querySelector("li:last-child").textContent.trim(), "two and three");
  writer.finish();
  assert.match(element.textContent, /and \[three\]\(https:\/\/exa/);
});

test("finished blocks stay the same elements, and an open one grows", () => {
  const element = document.createElement("div");
  const writer = new MarkdownWriter(element);
  writer.write("# One\n\ntwo **three** fo");
  const [heading, paragraph] = element.children;
  const bold = paragraph.querySelector("strong");
  for (const letter of "ur\n\n- five\n- six\n\n```js\nlet x;\n") writer.write(letter);
  const code = element.querySelector("code");
  writer.write("let y;\n```\n\nend");
  writer.finish();
  assert.deepEqual([...element.children].slice(0, 2), [heading, paragraph]);
  assert.ok(paragraph.contains(bold) && element.contains(code));
  assert.equal(code.textContent, "let x;\nlet y;\n");
});

test("the parser gets no finished block, and of a long code box only its end", (context) => {
  const sizes = [];
  context.mock.method(grammar.block, "parse", function parse(source, ...rest) {
    sizes.push(source.length);
    return Object.getPrototypeOf(grammar.block).parse.call(this, source, ...rest);
  });
  draw(`${"A paragraph of *some* words.\n\n".repeat(2_000)}\n\n`, 200);
  assert.ok(Math.max(...sizes) < 1_000, String(Math.max(...sizes)));
  sizes.length = 0;
  draw(`\`\`\`\n${"a line of code\n".repeat(5_000)}\`\`\`\n`, 200);
  assert.ok(Math.max(...sizes) < 5_000, String(Math.max(...sizes)));
});

test("without the grammar all text is shown as it is", () => {
  const element = document.createElement("div");
  const writer = new MarkdownWriter(element, null);
  writer.write("# One *two*");
  writer.finish();
  assert.equal(element.querySelector(".prose--plain").textContent, "# One *two*");
});
