"""Random answers of a model: every kind of block and of markup, well written or not."""

import random

INLINE = [
    *("plain words", "my_config_file and __init__", "snake_case_", "**bold**", "*soft*", "~~old~~", "***both***"),
    *("**a *b* c**", "a ** b", "5 * 3 * 2", "`code <b>`", "`` ` ``", "two  \nlines", "soft\nbreak", "a<br>b"),
    *('[a link](https://example.org/a_b "title")', "[nested [b]](https://e.org)", "<https://auto.example>"),
    *("https://example.org/x_(y)?a=1, then", "see https://a.example.", "**https://b.example/_c_**"),
    *("www.a.example/b_c_d;", "me_you@a.example", "~~~odd~~~"),
    *("[bad](javascript:alert(1))", "[x](/settings)", "![img](https://example.org/i.png)", "<b>html</b>"),
    *("$x_1 * y$", "$$d$$", "\\(a_b\\)", "\\[z\\]", "$5 and $6", "&amp; &copy; &#35;", "\\*escaped\\*"),
    *("text[^1]", "[ref]", "[ref][two]", "[two]: not a definition", "e\u0301", "👩‍👩‍👧"),
    *("**「太字」**です", "中文**強調：**文字", "\u2067مرحبا\u2069 abc", "مرحبا بالعالم"),
]
CODE = ["x = 1\n", "a\n\nb\n", "<b>\n", "  indented\n\u202e\n", "", "~~\n``\n"]
FORMULAS = ["$$\nx\n\ny\n$$", "$$a^2$$", "$$ b\nc $$", "$$\nopen"]
DEFINITIONS = [
    "[ref]: https://ref.example/",
    "[two]: /x 'title'",
    "[two]: https://two.example\n'a title'",
    "[^2]: two",
]
ODD = ["<div>\nx\n</div>", "- ", "1.", "```\nunclosed", "#", "|a|b|", "a | b\n- | -", "\\", "    code\n\n    more"]
DEEPEST = 3


class Author:
    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def answer(self) -> str:
        """An answer that was cut anywhere."""
        ends = ["\n\n", "\n\n", "\n", "\n\n\n", "\r\n\r\n"]
        text = "".join(self.block() + self.random.choice(ends) for _ in range(self.random.randint(2, 9)))
        return text[: self.random.randint(1, len(text))]

    def line(self) -> str:
        return self.words().replace("\n", " ")

    def words(self) -> str:
        return " ".join(self.random.choice(INLINE) for _ in range(self.random.randint(1, 5)))

    def block(self, depth: int = 0) -> str:
        kinds = [self.words, self.words, self.heading, self.code, self.table, self.footnote, self.formula, self.odd]
        if depth < DEEPEST:
            inner = [self.items, self.items, self.quote, self.paragraph_before]
            kinds += [lambda make=make: make(depth + 1) for make in inner]
        return self.random.choice(kinds)()

    def heading(self) -> str:
        if self.random.random() < 0.5:
            return f"{'#' * self.random.randint(1, 4)} {self.line()}"
        return f"{self.words()}\n{self.random.choice(['===', '---', '-'])}"

    def code(self) -> str:
        fence = self.random.choice(["```", "~~~", "````"])
        return f"{fence}{self.random.choice(['', 'python', 'js x'])}\n{self.random.choice(CODE)}{fence}"

    def table(self) -> str:
        columns = self.random.randint(1, 3)
        sides = [self.random.choice(["---", ":--", "--:", ":-:"]) for _ in range(columns)]
        rows = [[self.line() for _ in range(columns)], sides]
        rows += [
            [self.line() for _ in range(self.random.randint(1, columns))] for _ in range(self.random.randint(0, 3))
        ]
        return "\n".join(f"|{'|'.join(row)}|" for row in rows)

    def footnote(self) -> str:
        return self.random.choice([f"[^1]: {self.words()}", *DEFINITIONS])

    def formula(self) -> str:
        return self.random.choice(FORMULAS)

    def odd(self) -> str:
        return self.random.choice([*ODD, "---", "***", "* * *"])

    def items(self, depth: int) -> str:
        mark = self.random.choice(["-", "*", "1.", "3)"])
        return self.random.choice(["\n", "\n", "\n\n"]).join(
            f"{mark} {indented(self.item(depth), len(mark) + 1)}" for _ in range(self.random.randint(1, 4))
        )

    def item(self, depth: int) -> str:
        text = self.random.choice(["", "", "[ ] ", "[x] "]) + self.words()
        return f"{text}{self.random.choice(['', '', chr(10) + self.block(depth), chr(10) * 2 + self.block(depth)])}"

    def quote(self, depth: int) -> str:
        return "> " + self.block(depth).replace("\n", "\n> ")

    def paragraph_before(self, depth: int) -> str:
        return f"{self.words()}\n{self.block(depth)}"


def indented(text: str, columns: int) -> str:
    return text.replace("\n", "\n" + " " * columns)
