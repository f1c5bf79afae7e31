/* The live tail below a run's timeline in the admin: server-sent events after the seq that the page ends with
(docs/protocol.md). */

const DELTA_FIELDS = { "text.delta": "text", "reasoning.delta": "text", "tool.delta": "arguments" };
const FINAL_KINDS = new Set(["run.completed", "run.stopped", "run.failed", "run.lost"]);
const MAX_CHARACTERS = 400; // of one row, as in runs/queries/timeline.py
const MAX_ROWS = 600; // older rows are removed

/** A row of the table: one event, or successive deltas of one kind. */
class Row {
  constructor(body, event) {
    this.firstSeq = this.lastSeq = event.seq;
    this.kind = event.kind;
    this.text = "";
    this.length = 0;
    const row = body.insertRow();
    row.className = "live";
    this.cells = Array.from({ length: 5 }, () => row.insertCell());
    this.cells[2].textContent = new Date().toLocaleTimeString();
    this.add(event);
  }

  isContinuedBy(event) {
    return event.kind in DELTA_FIELDS && event.kind === this.kind && event.seq === this.lastSeq + 1;
  }

  add(event) {
    const field = DELTA_FIELDS[event.kind];
    const text = field ? (event.data[field] ?? "") : JSON.stringify(event.data);
    this.lastSeq = event.seq;
    this.length += text.length;
    if (this.text.length < MAX_CHARACTERS) this.text = (this.text + text).slice(0, MAX_CHARACTERS);
    this.#show();
  }

  #show() {
    const count = this.lastSeq - this.firstSeq + 1;
    this.cells[0].textContent = count > 1 ? `${this.firstSeq}–${this.lastSeq}` : `${this.firstSeq}`;
    this.cells[3].textContent = count > 1 ? `${this.kind} ×${count}` : this.kind;
    const isCut = this.length > MAX_CHARACTERS;
    this.cells[4].textContent = isCut ? `${this.text} … (${this.length} characters)` : this.text;
  }
}

function follow(table, status) {
  const source = new EventSource(`${table.dataset.tail}?after=${table.dataset.after}`);
  const body = table.tBodies[0];
  let row = null;
  source.onopen = () => (status.textContent = "Following live.");
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) status.textContent = "Reconnecting…";
    else status.textContent = "No longer following. Reload the page.";
  };
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (!event.seq) return;
    if (row?.isContinuedBy(event)) row.add(event);
    else row = new Row(body, event);
    while (body.rows.length > MAX_ROWS) body.deleteRow(0);
    if (FINAL_KINDS.has(event.kind)) {
      source.close();
      status.textContent = `Ended: ${event.kind}. Reload the page for its figures.`;
    }
  };
  addEventListener("pagehide", () => source.close());
}

const table = document.querySelector("[data-tail]");
if (table) follow(table, document.querySelector("[data-tail-state]"));
