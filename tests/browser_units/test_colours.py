"""Code has the server's colours while it is written, in the languages whose lexers pages can have."""

import json
import subprocess
from html import escape
from pathlib import Path

from deploy.lexers import FOLDER, LANGUAGES, modules
from runs.rendering import highlighting
from runs.rendering.highlighting import Budget, highlight
from tests.browser_units.test_same_grammar import parsed
from tests.harness.processes import ROOT

COLOUR = Path(__file__).parent / "colour_code.mjs"
PYTHON = (ROOT / "runs" / "rendering" / "grammar.py").read_text()
JAVASCRIPT = (ROOT / "chatapp" / "web" / "chat" / "static" / "code_text.js").read_text()
HTML = (ROOT / "templates" / "chat" / "answer.html").read_text()
CSS = (ROOT / "chatapp" / "web" / "chat" / "static" / "prose.css").read_text()
ANY = "# or // it\nif x == \"a 'b' c\":\n\tcall(1, 2.5) { return [\"y\"]; }\n\n/* so\n */ <a href='#'>é</a>\n"
CODE = {  # of each language, beside ANY
    "bash": '#!/bin/bash\nfor i in 1 2; do\n  echo "x $i ${y:-z}" | grep a && exit 1\ndone\ncat <<EOF\n$x\nEOF\n',
    "c": '#include <a>\n/* a\n b */\nint main(int c, char **v) {\n  size_t n = 0x1f; // c\n  printf("%d\\n", n);\n}\n',
    "cpp": 'template <typename T> class A : public B {\npublic:\n  virtual ~A() = default;\n  string s = R"(x)";\n};\n',
    "csharp": 'using System;\nclass B {\n  public static void Main(string[] a) { var x = $"a {b}"; }\n}\n',
    "css": CSS,
    "diff": "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z\n",
    "go": 'package main\nimport "fmt"\nfunc main() {\n\tfor i, v := range []int{1} { fmt.Println(i, v, `raw`) }\n}\n',
    "haskell": "module A where\nimport B (c)\nf :: Int -> [a]\nf x = case x of { 1 -> [] ; _ -> map g [2 ..] } -- c\n",
    "html": HTML,
    "ini": "[a]\nb = c\n; x\n# y\nd: e\n",
    "java": 'import a.*;\n/** doc */\n@Override public class A<T> {\n  final int x = 1_0L;\n  String s = "a\\n";\n}\n',
    "javascript": JAVASCRIPT,
    "json": '{"a": [1, -2.5e3, true, null], // c\n "b\\"": "x" /* y */,\n "c": {}}\n',
    "kotlin": 'fun main(args: Array<String>) {\n  val x = "a $b ${c}"\n  println(x)\n}\nclass A(val b: Int) : C()\n',
    "python": PYTHON,
    "rust": "/// doc\nimpl<'a> A for B<'a> {}\nfn main() {\n  let mut x: u32 = 1;\n  match x { 1 => {}, _ => () }\n}\n",
    "sql": "SELECT a, COUNT(*) FROM t WHERE b = 'x' AND c > 1.5 -- c\nGROUP BY a;\nCREATE TABLE u (id INT);\n",
    "swift": 'import Foundation\nlet x: Int = 1\nfunc f(_ a: String) -> Bool { return a == "x \\(y)" }\n',
    "toml": '[a.b]\nc = "d"\ne = [1, 2.5, true]\n# f\n',
    "typescript": JAVASCRIPT + "interface A<T> { b?: string; readonly c: number[] }\ntype D = A<string> | null;\n",
    "xml": HTML,
}


def name_of(lexer: str) -> str:
    """What the language is called in Markdown."""
    return highlighting.LANGUAGES[lexer].split()[0]


def check_colours(node: str, pieces: list[tuple[str, str, int]], tokens: int = highlighting.MAX_TOKENS) -> None:
    """Of (code, language, characters that arrive at a time)."""
    command = [node, "--preserve-symlinks", str(COLOUR)]
    done = subprocess.run(command, input=json.dumps(pieces), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    for (code, language, size), html in zip(pieces, json.loads(done.stdout), strict=True):
        assert parsed(html) == parsed(highlight(code, language, Budget(tokens=tokens)) or escape(code)), (
            language,
            size,
            html,
        )


def test_the_tables_of_pages_are_made_of_the_installed_pygments():
    made = modules()
    assert {path.stem for path in FOLDER.glob("*.js")} == set(made)
    for name, source in made.items():
        assert (FOLDER / f"{name}.js").read_text() == source, f"{name}: run deploy/lexers.py"


def test_each_language_has_the_servers_colours_however_it_arrives(node):
    codes = [(code, name) for name in LANGUAGES for code in (CODE.get(name, ANY), ANY if name != "json" else "{}\n")]
    check_colours(node, [(code, name_of(name), size) for code, name in codes for size in (40, 100_000)])


def test_long_code_has_them_in_the_same_stretches_and_as_far_as_the_server(node):
    for code in (PYTHON, "x = 1  # é\n" * 8_000):
        check_colours(node, [(code, "python", size) for size in (2_000, 100_000)], tokens=100_000)


def test_code_that_the_server_leaves_plain_is_plain(node):
    long_line, long_space = f"x = 1\ny = '{'y' * 1_100}'\n", ""
    check_colours(node, [(code, "python", size) for code in (long_line, long_space) for size in (50, 5_000)])
    check_colours(node, [("x = 1\n", "klingon", 3), ("x = 1\n", "", 3)])
