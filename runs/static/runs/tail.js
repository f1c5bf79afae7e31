/* The live tail below a run's timeline: server-sent events from the seq that the page ends with (docs/protocol.md). */

const DELTAS = { "text.delta": "text", "reasoning.delta": "text", "tool.delta": "arguments" };
const FINAL = new Set(["run.completed", "run.stopped", "run.failed", "run.lost"]);
const LONGEST = 400; // characters of one line, as in runs/queries/timeline.py
const MOST_ROWS = 600; // then the oldest go

class Line {
  constructor(body, event) {
    this.first = this.last = event.seq;
    this.kind = event.kind;
    this.text = "";
    this.length = 0;
    this.row = body.insertRow();
    this.row.className = "live";
    this.cells = Array.from({ length: 5 }, () => this.row.insertCell());
    this.cells[2].textContent = new Date().toLocaleTimeString();
    this.add(event);
  }

  takes(event) {
    return event.kind in DELTAS && event.kind === this.kind && event.seq === this.last + 1;
  }

  add(event) {
    const said = event.kind in DELTAS ? (event.data[DELTAS[event.kind]] ?? "") : JSON.stringify(event.data);
    this.last = event.seq;
    this.length += said.length;
    if (this.text.length < LONGEST) this.text = (this.text + said).slice(0, LONGEST);
    const count = this.last - this.first + 1;
    this.cells[0].textContent = count > 1 ? `${this.first}–${this.last}` : `${this.first}`;
    this.cells[3].textContent = count > 1 ? `${this.kind} ×${count}` : this.kind;
    this.cells[4].textContent = this.length > LONGEST ? `${this.text} … (${this.length} characters)` : this.text;
  }
}

function follow(table, state) {
  const source = new EventSource(`${table.dataset.tail}?after=${table.dataset.after}`);
  const body = table.tBodies[0];
  let line = null;
  source.onopen = () => (state.textContent = "Following live.");
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) state.textContent = "Reconnecting …";
    else state.textContent = "No longer following. Load the page again.";
  };
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (!event.seq) return;
    if (line?.takes(event)) line.add(event);
    else line = new Line(body, event);
    while (body.rows.length > MOST_ROWS) body.deleteRow(0);
    if (FINAL.has(event.kind)) {
      source.close();
      state.textContent = `Ended: ${event.kind}. Load the page again for its figures.`;
    }
  };
  addEventListener("pagehide", () => source.close());
}

const table = document.querySelector("[data-tail]");
if (table) follow(table, document.querySelector("[data-tail-state]"));
